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
from .look import Found, look
from .messages.outbox import send_due
from .messages.sender import Hint

BEGIN_S = 1.0
"""How much of a tick beginning what is due may take; a transaction that was begun is ended."""
PRUNE_EVERY_S = 3600.0
FREE_EVERY_S = 60.0
FOLLOWING_EVERY_S = 60.0
NEW_EVERY_S = 60.0
"""How often stores are looked for that lack a collection, beside when one is connected: that looks at all of them."""


class Maintenance:
    """One process's round; each task by itself, so that one that fails does not keep the others from being done.

    What it begins is hinted at after ``hint_after_s`` seconds: the workers look for it themselves before that.
    """

    def __init__(self) -> None:
        self.hint_after_s = 0.0
        # When each task is to be done again (monotonic).
        self._next_at: dict[str, float] = {}
        self._newest_id: int | None = None

    def do(self, engine: Engine, send: Callable[[Hint], bool] | None, found: Found | None = None) -> int:
        """Do them all once; how many hints were sent. Raises the first error when all had their turn.

        ``found`` is what there was to do a moment ago. Without ``send`` the hints stay due.
        """
        found = found or look(engine)
        self._note_newest(found)
        sent = 0
        failed: Exception | None = None

        def hint(engine: Engine) -> None:
            nonlocal sent
            sent = send_due(engine, send) if found.is_open and send is not None else 0

        # One of which something is left is done again with the next tick, the others not before so many seconds.
        for name, every_s, task in (
            ("free", FREE_EVERY_S, free_keyless),
            ("new", NEW_EVERY_S, partial(_begin_new, found)),
            ("due", 0.0, partial(self._begin_due, found)),
            ("hint", 0.0, hint),
            ("prune", PRUNE_EVERY_S, lambda engine: prune(engine) == A_TRANSACTION),
            ("imports", PRUNE_EVERY_S, prune_imports),
            ("purge", 0.0, lambda engine: purge(engine) if found.is_deleting else 0),
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

    def _note_newest(self, found: Found) -> None:
        """A store that was connected since the last tick may lack a collection."""
        if found.newest_id != self._newest_id:
            self._newest_id = found.newest_id
            self._next_at.pop("new", None)

    def _is_due(self, name: str) -> bool:
        return time.monotonic() >= self._next_at.get(name, 0.0)

    def _begin_due(self, found: Found, engine: Engine) -> None:
        # Those that follow others have their own time once a day.
        with_following = self._is_due("following")
        ends_at = time.monotonic() + BEGIN_S
        begin = partial(begin_due, engine, hint_after_s=self.hint_after_s, with_following=with_following)
        begun = begin(now=found.now)
        found.is_open = found.is_open or bool(begun)
        while len(begun) >= BEGUN_AT_ONCE and not engine.stopping.is_set() and time.monotonic() < ends_at:
            # What is left would wait for the next tick, though this process may be idle until then.
            begun = begin()
        if with_following:
            self._next_at["following"] = time.monotonic() + FOLLOWING_EVERY_S


def _begin_new(found: Found, engine: Engine) -> int:
    begun = begin_new(engine)
    found.is_open = found.is_open or begun > 0
    return begun
