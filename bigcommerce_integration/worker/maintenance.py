"""What every tick does: begin what is due, hint at it, take away what is old or deleted."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ..refresh.job.context import Engine
from ..refresh.lifecycle.arrivals import begin_new
from ..refresh.lifecycle.keys import free_keyless
from ..refresh.lifecycle.schedule import BEGUN_AT_ONCE, begin_due
from ..refresh.removal.pruning import A_TRANSACTION, prune
from ..refresh.removal.purge import purge
from ..spreadsheets.job import prune_imports
from .messages.outbox import send_due
from .messages.sender import Hint

log = logging.getLogger(__name__)

BEGIN_S = 1.0
"""How much of a tick beginning what is due may take; a transaction that was begun is ended."""
PRUNE_EVERY_S = 3600.0
FREE_EVERY_S = 60.0
FOLLOWING_EVERY_S = 60.0
NEW_EVERY_S = 10.0
"""How often stores are looked for that were connected before a collection existed: that looks at all of them."""


@dataclass
class Maintenance:
    """One process's round; each task by itself, so that one that fails does not keep the others from being done.

    What it begins is hinted at after ``hint_after_s`` seconds: the workers look for it themselves before that.
    """

    hint_after_s: float = 0.0
    following_at: float = 0.0
    prune_at: float = 0.0
    prune_imports_at: float = 0.0
    free_at: float = 0.0
    new_at: float = 0.0

    def do(self, engine: Engine, send: Callable[[Hint], bool]) -> int:
        """Do them all once; how many hints were sent. Raises the first error when all had their turn."""
        sent = 0
        failed: Exception | None = None

        def hint() -> None:
            nonlocal sent
            sent = send_due(engine, send)

        for task in (
            lambda: self._free(engine),
            lambda: self._begin_new(engine),
            lambda: self._begin_due(engine),
            hint,
            lambda: self._prune(engine),
            lambda: self._prune_imports(engine),
            lambda: purge(engine),
        ):
            if engine.stopping.is_set():
                break
            try:
                task()
            except Exception as error:  # noqa: BLE001 - raised below
                failed = failed or error
        if failed is not None:
            raise failed
        return sent

    def _begin_due(self, engine: Engine) -> None:
        # Those that follow others have their own time once a day.
        with_following = time.monotonic() >= self.following_at
        ends_at = time.monotonic() + BEGIN_S
        begin = partial(begin_due, engine, hint_after_s=self.hint_after_s, with_following=with_following)
        while len(begin()) >= BEGUN_AT_ONCE and not engine.stopping.is_set() and time.monotonic() < ends_at:
            # What is left would wait for the next tick, though this process may be idle until then.
            continue
        if with_following:
            self.following_at = time.monotonic() + FOLLOWING_EVERY_S

    def _free(self, engine: Engine) -> None:
        if time.monotonic() >= self.free_at:
            free_keyless(engine)
            self.free_at = time.monotonic() + FREE_EVERY_S

    def _begin_new(self, engine: Engine) -> None:
        if time.monotonic() >= self.new_at and begin_new(engine) == 0:
            self.new_at = time.monotonic() + NEW_EVERY_S

    def _prune(self, engine: Engine) -> None:
        if time.monotonic() < self.prune_at:
            return
        if prune(engine) < A_TRANSACTION:
            self.prune_at = time.monotonic() + PRUNE_EVERY_S

    def _prune_imports(self, engine: Engine) -> None:
        if time.monotonic() >= self.prune_imports_at:
            prune_imports(engine)
            self.prune_imports_at = time.monotonic() + PRUNE_EVERY_S
