"""One process's slices, one at a time: of the refresh that a message names, or that polling has found."""

from __future__ import annotations

import logging
import threading
import time

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from ..app_state import State, engine_of
from ..refresh.job.context import Engine
from ..refresh.job.database import missing_migration
from ..refresh.lifecycle.claim import begun_after, instance_of, sibling
from ..refresh.lifecycle.keys import Keyless, say_keyless
from ..refresh.run.advance import advance
from ..signals import refresh_finished
from .next_step import BUSY_DELAY_S, KEYLESS_DELAY_S, next_step
from .outbox import ready, snooze
from .sender import Hint, Sender

log = logging.getLogger(__name__)

LONGEST_BUSY_DELAY_S = 5.0
STOPPING_DELAY_S = 1.0
REPORT_EVERY_S = 60.0
SLICE_ENDS_IN_S = 10.0

# Products and orders of one store are to run on two cores: one slice at a time in each process.
_one_slice = threading.Lock()


class Dispatcher:
    """Runs slices of the refreshes of one broker's app, and sends the hint again for what is left of them."""

    def __init__(self, app: Flask, state: State) -> None:
        # One value, so that a thread sees both of one app.
        self.bound = (app, state)
        self.stopping = threading.Event()
        self.sender = Sender()
        # Hints that met this process busy, the first of them first, and when they are to come again (monotonic).
        self._deferred: dict[Hint, float] = {}
        self._poller: threading.Thread | None = None
        self._keyless = Keyless()
        self._slice_ended_at: float | None = None
        self._report_at = 0.0

    def dispatch(self, hint: Hint) -> None:
        """Advance the refresh by one slice, if it is due and neither this process nor another worker is at work."""
        try:
            self._dispatch(hint)
        except SQLAlchemyError as error:
            # The ticks hint again once the tables are there.
            if not self.reports_missing(error):
                raise

    def _dispatch(self, hint: Hint) -> None:
        app, state = self.bound
        with app.app_context():
            engine = engine_of(state, self.stopping)
            if engine.stopping.is_set():
                self._send_again(engine, hint, STOPPING_DELAY_S)
            elif hint[1] in self._keyless.refresh_ids():
                self._send_again(engine, hint, KEYLESS_DELAY_S)
            elif _one_slice.acquire(blocking=False):
                self._advance(app, engine, hint)
            else:
                self._defer(engine, hint)

    def poll(self, engine: Engine) -> None:
        """Do what is due in a thread of its own, if this process is free; ``engine`` is the caller's.

        A message may come to one busy process after the other for seconds, or not at all while the broker is down.
        """
        if _one_slice.locked() or (self._poller is not None and self._poller.is_alive()):
            return
        found = ready(engine, but=self._keyless.refresh_ids())
        # Whoever sends hints leaves this one alone.
        if found and _snooze(engine, found[0]):
            # A daemon, as a database that does not answer must not hold up the end of the process.
            self._poller = threading.Thread(
                target=self._advance_first, args=(found,), name="bigcommerce-poll", daemon=True
            )
            self._poller.start()

    def reports_missing(self, error: Exception) -> bool:
        """Whether a table or column of ours is missing; that is logged, once a minute at most."""
        found = missing_migration(error)
        if found is None:
            return False
        if time.monotonic() >= self._report_at:
            self._report_at = time.monotonic() + REPORT_EVERY_S
            log.error("%s", found, extra={"action": "migration"})
        return True

    def slice_ended_s_ago(self) -> float | None:
        """How many seconds ago a slice of this process ended; None if none has yet."""
        return None if self._slice_ended_at is None else time.monotonic() - self._slice_ended_at

    def shut_down(self) -> None:
        """Wait for the slice that polling has begun, so that it releases its lease; close connections to stores."""
        if self._poller is not None:
            self._poller.join(SLICE_ENDS_IN_S)
        self.bound[1].kept.close()

    def _advance_first(self, found: list[Hint]) -> None:
        """Advance the first of these that can be."""
        app, state = self.bound
        try:
            with app.app_context():
                engine = engine_of(state, self.stopping)
                for hint in found:
                    if engine.stopping.is_set() or not _one_slice.acquire(blocking=False):
                        return
                    if not self._advance(app, engine, hint):
                        return
        except Exception as error:
            if not self.reports_missing(error):
                log.exception("A slice that no message had asked for failed.", extra={"action": "slice"})

    def _advance(self, app: Flask, engine: Engine, hint: Hint) -> bool:
        """One slice, begun with ``_one_slice`` held, and what follows it; whether no slice was done after all."""
        try:
            self._deferred.pop(hint, None)
            outcome = advance(engine, hint[1])
        finally:
            _one_slice.release()
            self._slice_ended_at = time.monotonic()
        step = next_step(outcome, has_deferred=self._send_deferred(engine))
        if step.is_keyless:
            self._keep_away(engine, hint)
        if step.send_after_s is not None:
            self._send_again(engine, hint, step.send_after_s)
        if step.is_busy:
            # Should its lease be free to take, but its row locked, the ticks ask again without backing off.
            _snooze(engine, hint)
        if step.is_done:
            _notify(app, engine, hint[1])
            for follower in begun_after(engine, hint):
                self._send_again(engine, follower, 0.0)
        if step.frees_lease and (other := sibling(engine, hint[1])) is not None:
            self._send_again(engine, other, 0.0)
        return step.is_idle

    def _keep_away(self, engine: Engine, hint: Hint) -> None:
        """Say loudly that the key is missing here, and leave this refresh to others for a while."""
        if self._keyless.add(hint[1]):
            log.error(
                "This process has none of the keys that the access token or the erasure key of instance %s was "
                "encrypted with, and leaves its refreshes to others. Give every process the same "
                "BIGCOMMERCE_ENCRYPTION_KEYS, or enter the token again.",
                instance_of(engine, hint[1]),
                extra={"action": "keyless", "refresh_id": hint[1], "resource": hint[0]},
            )
        say_keyless(engine, hint[1])

    def _defer(self, engine: Engine, hint: Hint) -> None:
        """Send the hint again in a moment, so that a free process can take it."""
        deferred, now = self._deferred, time.monotonic()
        if deferred.get(hint, 0.0) > now:
            return  # Another message for the same refresh is under way already.
        # The more wait, the longer each does, so that a busy process does not spend its time on deferring them.
        delay_s = min(LONGEST_BUSY_DELAY_S, BUSY_DELAY_S * len({*deferred, hint}))
        if self._send_again(engine, hint, delay_s):
            deferred[hint] = now + delay_s
        else:
            deferred.pop(hint, None)

    def _send_deferred(self, engine: Engine) -> bool:
        """Send the hint of the one that has waited longest and that no other process has; whether there was one."""
        for hint in list(self._deferred):
            self._deferred.pop(hint, None)
            if self._send_again(engine, hint, 0.0):
                return True
        return False

    def _send_again(self, engine: Engine, hint: Hint, delay_s: float) -> bool:
        """Send this message's successor; the hint is snoozed meanwhile, so that hints do not multiply."""
        return _snooze(engine, hint, delay_s) and self.sender.send(self.bound[1].broker, [hint], delay_s=delay_s)


def _snooze(engine: Engine, hint: Hint, delay_s: float = 0.0) -> bool:
    return snooze(engine, hint[1], delay_s=delay_s + max(1.0, engine.config.tick_s))


def _notify(app: Flask, engine: Engine, refresh_id: int) -> None:
    """Tell the host's receivers; one that raises is logged, as the refresh has ended all the same."""
    try:
        refresh_finished.send(app, instance_id=instance_of(engine, refresh_id), refresh_id=refresh_id)
    except Exception:
        log.exception("A receiver of refresh_finished failed.", extra={"action": "signal"})
