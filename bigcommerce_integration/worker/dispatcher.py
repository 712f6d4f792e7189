"""One process's looks at refreshes: a slice at a time, asked for by a message or found due by the tick."""

from __future__ import annotations

import logging
import threading
import time

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from ..app_state import State, engine_of
from ..refresh.job.context import Engine
from ..refresh.job.database import missing_migration
from ..refresh.lifecycle.claim import Outcome, instance_of, sibling
from ..refresh.lifecycle.keys import Keyless, say_keyless
from ..refresh.run.advance import advance
from ..signals import refresh_finished
from .hints import Hint, Sender, keep_quiet, ready

log = logging.getLogger(__name__)

BUSY_DELAY_S = 0.2
"""When a hint that met a busy process is sent again; as many times as long as there are such hints."""
LONGEST_BUSY_DELAY_S = 5.0
STOPPING_DELAY_S = 1.0
KEYLESS_DELAY_S = 2.0
"""When a hint that met a process without the key is sent again; one that has the key may look sooner by itself."""
SAY_MISSING_EVERY_S = 60.0
SLICE_ENDS_IN_S = 10.0

_OF_NO_USE = (Outcome.BUSY, Outcome.NOTHING, Outcome.YIELDS, Outcome.KEYLESS)
# Products and orders of one store are to run on two cores: one slice at a time in each process.
_one_slice = threading.Lock()


class Looker:
    """Looks at the refreshes of one broker's app, and sends the hint on for what is left of them."""

    def __init__(self, app: Flask, state: State) -> None:
        # One value, so that a thread sees both of one app.
        self.bound = (app, state)
        self.stopping = threading.Event()
        self.sender = Sender()
        # Hints that met this process busy, the first of them first, and when they are to come again (monotonic).
        self._turned_away: dict[Hint, float] = {}
        self._unasked: threading.Thread | None = None
        self._keyless = Keyless()
        self._say_missing_at = 0.0

    def look(self, hint: Hint) -> None:
        """Advance the refresh by one slice, if it is due and neither this process nor another worker is at work."""
        try:
            self._look(hint)
        except SQLAlchemyError as error:
            # The ticks hint again once the tables are there.
            if not self.say_missing(error):
                raise

    def _look(self, hint: Hint) -> None:
        app, state = self.bound
        with app.app_context():
            engine = engine_of(state, self.stopping)
            if engine.stopping.is_set():
                self._pass_on(engine, hint, STOPPING_DELAY_S)
            elif hint[1] in self._keyless.refresh_ids():
                self._pass_on(engine, hint, KEYLESS_DELAY_S)
            elif _one_slice.acquire(blocking=False):
                self._advance(app, engine, hint)
            else:
                self._turn_away(engine, hint)

    def look_unasked(self, engine: Engine) -> None:
        """Do what is due in a thread of its own, if this process is free; ``engine`` is the caller's.

        A message may come to one busy process after the other for seconds, or not at all while the broker is down.
        """
        if _one_slice.locked() or (self._unasked is not None and self._unasked.is_alive()):
            return
        found = ready(engine, but=self._keyless.refresh_ids())
        # Whoever sends hints leaves this one alone.
        if found and keep_quiet(engine, found[0][1], quiet_s=max(1.0, engine.config.tick_s)):
            # A daemon, as a database that does not answer must not hold up the end of the process.
            self._unasked = threading.Thread(
                target=self._look_at_first, args=(found,), name="bigcommerce-unasked", daemon=True
            )
            self._unasked.start()

    def say_missing(self, error: Exception) -> bool:
        """Whether a table or column of ours is missing; that is logged, once a minute at most."""
        found = missing_migration(error)
        if found is None:
            return False
        if time.monotonic() >= self._say_missing_at:
            self._say_missing_at = time.monotonic() + SAY_MISSING_EVERY_S
            log.error("%s", found, extra={"action": "migration"})
        return True

    def see_off(self) -> None:
        """Wait for the slice that no message asked for, so that it lets its lease go."""
        if self._unasked is not None:
            self._unasked.join(SLICE_ENDS_IN_S)

    def _look_at_first(self, found: list[Hint]) -> None:
        """Advance the first of these that can be."""
        app, state = self.bound
        try:
            with app.app_context():
                engine = engine_of(state, self.stopping)
                for hint in found:
                    if engine.stopping.is_set() or not _one_slice.acquire(blocking=False):
                        return
                    if self._advance(app, engine, hint) not in _OF_NO_USE:
                        return
        except Exception as error:
            if not self.say_missing(error):
                log.exception("A slice that no message had asked for failed.", extra={"action": "slice"})

    def _advance(self, app: Flask, engine: Engine, hint: Hint) -> Outcome:
        """One slice, begun with ``_one_slice`` held, which is free afterwards; and who goes next."""
        try:
            self._turned_away.pop(hint, None)
            outcome = advance(engine, hint[1])
        finally:
            _one_slice.release()
        has_next = self._call_next(engine)
        if outcome is Outcome.CONTINUE:
            # Behind the one that waited: stores take turns.
            self._pass_on(engine, hint, BUSY_DELAY_S if has_next else 0.0)
        elif outcome is Outcome.BUSY:
            # Should its lease be free to take, but its row locked, the ticks ask again without backing off.
            keep_quiet(engine, hint[1], quiet_s=max(1.0, engine.config.tick_s))
        elif outcome is Outcome.KEYLESS:
            self._leave_to_others(engine, hint)
        elif outcome is Outcome.ENDED:
            _notify(app, engine, hint[1])
        if outcome in (Outcome.ENDED, Outcome.CANCELLED, Outcome.WAITING, Outcome.YIELDS):
            # A walk and a refresh of ids share a lease: what one leaves, the other takes up at once.
            other = sibling(engine, hint[1])
            if other is not None:
                self._pass_on(engine, other, 0.0)
        return outcome

    def _leave_to_others(self, engine: Engine, hint: Hint) -> None:
        """Say loudly that the key is missing here, and keep away from this refresh for a while."""
        if self._keyless.add(hint[1]):
            log.error(
                "This process has none of the keys that the access token or the erasure key of instance %s was "
                "encrypted with, and leaves its refreshes to others. Give every process the same "
                "BIGCOMMERCE_ENCRYPTION_KEYS, or enter the token again.",
                instance_of(engine, hint[1]),
                extra={"action": "keyless", "refresh_id": hint[1], "resource": hint[0]},
            )
        say_keyless(engine, hint[1])
        self._pass_on(engine, hint, KEYLESS_DELAY_S)

    def _turn_away(self, engine: Engine, hint: Hint) -> None:
        """Send the hint again in a moment, so that a free process can take it."""
        waiting, now = self._turned_away, time.monotonic()
        if waiting.get(hint, 0.0) > now:
            return  # Another message for the same refresh is under way already.
        # The more wait, the longer each does, so that a busy process does not spend its time on turning them away.
        delay_s = min(LONGEST_BUSY_DELAY_S, BUSY_DELAY_S * len({*waiting, hint}))
        if self._pass_on(engine, hint, delay_s):
            waiting[hint] = now + delay_s
        else:
            waiting.pop(hint, None)

    def _call_next(self, engine: Engine) -> bool:
        """Send the hint of the one that has waited longest and that no other process has; whether there was one."""
        for hint in list(self._turned_away):
            self._turned_away.pop(hint, None)
            if self._pass_on(engine, hint, 0.0):
                return True
        return False

    def _pass_on(self, engine: Engine, hint: Hint, delay_s: float) -> bool:
        """Send this message's successor; the tick keeps quiet meanwhile, so that hints do not multiply."""
        is_wanted = keep_quiet(engine, hint[1], quiet_s=delay_s + max(1.0, engine.config.tick_s))
        return is_wanted and self.sender.send(self.bound[1].broker, [hint], delay_s=delay_s)


def _notify(app: Flask, engine: Engine, refresh_id: int) -> None:
    """Tell the host's receivers; one that raises is logged, as the refresh has ended all the same."""
    try:
        refresh_finished.send(app, instance_id=instance_of(engine, refresh_id), refresh_id=refresh_id)
    except Exception:
        log.exception("A receiver of refresh_finished failed.", extra={"action": "signal"})
