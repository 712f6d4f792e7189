"""What every tick does: begin what is due, hint at it, take away what is old or deleted."""

from __future__ import annotations

import time
from collections.abc import Callable
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

BEGIN_S = 1.0
"""How much of a tick beginning what is due may take; a transaction that was begun is ended."""
PRUNE_EVERY_S = 3600.0
FREE_EVERY_S = 60.0
FOLLOWING_EVERY_S = 60.0
NEW_EVERY_S = 10.0
"""How often stores are looked for that were connected before a collection existed: that looks at all of them."""


class Maintenance:
    """One process's round; each task by itself, so that one that fails does not keep the others from being done.

    What it begins is hinted at after ``hint_after_s`` seconds: the workers look for it themselves before that.
    """

    def __init__(self) -> None:
        self.hint_after_s = 0.0
        # When each task is to be done again (monotonic).
        self._next_at: dict[str, float] = {}

    def do(self, engine: Engine, send: Callable[[Hint], bool]) -> int:
        """Do them all once; how many hints were sent. Raises the first error when all had their turn."""
        sent = 0
        failed: Exception | None = None

        def hint(engine: Engine) -> None:
            nonlocal sent
            sent = send_due(engine, send)

        # One of which something is left is done again with the next tick, the others not before so many seconds.
        for name, every_s, task in (
            ("free", FREE_EVERY_S, free_keyless),
            ("new", NEW_EVERY_S, begin_new),
            ("due", 0.0, self._begin_due),
            ("hint", 0.0, hint),
            ("prune", PRUNE_EVERY_S, lambda engine: prune(engine) == A_TRANSACTION),
            ("imports", PRUNE_EVERY_S, prune_imports),
            ("purge", 0.0, purge),
        ):
            if engine.stopping.is_set():
                break
            try:
                if self._is_due(name) and not task(engine):
                    self._next_at[name] = time.monotonic() + every_s
            except Exception as error:  # noqa: BLE001 - raised below
                failed = failed or error
        if failed is not None:
            raise failed
        return sent

    def _is_due(self, name: str) -> bool:
        return time.monotonic() >= self._next_at.get(name, 0.0)

    def _begin_due(self, engine: Engine) -> None:
        # Those that follow others have their own time once a day.
        with_following = self._is_due("following")
        ends_at = time.monotonic() + BEGIN_S
        begin = partial(begin_due, engine, hint_after_s=self.hint_after_s, with_following=with_following)
        while len(begin()) >= BEGUN_AT_ONCE and not engine.stopping.is_set() and time.monotonic() < ends_at:
            # What is left would wait for the next tick, though this process may be idle until then.
            continue
        if with_following:
            self._next_at["following"] = time.monotonic() + FOLLOWING_EVERY_S
