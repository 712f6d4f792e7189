"""One process's slices: of the refreshes that messages name, or that polling has found."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from ..app_state import State, engine_of
from ..refresh.job.context import Engine, Job
from ..refresh.job.database import missing_migration
from ..refresh.lifecycle.claim import instance_of, sibling
from ..refresh.lifecycle.keys import Keyless, say_keyless
from ..refresh.lifecycle.schedule import begin_due
from ..refresh.run.advance import run_slice
from ..signals import refresh_finished
from .messages.outbox import snooze, take_ready
from .messages.sender import Hint, Sender
from .next_step import BUSY_DELAY_S, KEYLESS_DELAY_S, is_idle, next_step
from .slots import Slot, Slots

log = logging.getLogger(__name__)

LONGEST_BUSY_DELAY_S = 5.0
STOPPING_DELAY_S = 1.0
REPORT_EVERY_S = 60.0
SLICE_ENDS_IN_S = 10.0
MOST_LARGE = 1000


class Dispatcher:
    """Runs slices of the refreshes of one broker's app, and sends the hint again for what is left of them."""

    def __init__(self, app: Flask, state: State) -> None:
        # One value, so that a thread sees both of one app.
        self.bound = (app, state)
        self.stopping = threading.Event()
        self.sender = Sender()
        # Hints that met this process busy, the first of them first, and when they are to come again (monotonic).
        self._deferred: dict[Hint, float] = {}
        self.slots = Slots()
        # Of refreshes that needed more than a page here, the oldest first.
        self._large: dict[Hint, None] = {}
        self._polling = _Polling()
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
            self._advance_or_defer(app, engine_of(state, self.stopping), hint)

    def _advance_or_defer(self, app: Flask, engine: Engine, hint: Hint) -> None:
        if engine.stopping.is_set():
            self._send_again(engine, hint, STOPPING_DELAY_S)
        elif hint[1] in self._keyless.refresh_ids():
            self._send_again(engine, hint, KEYLESS_DELAY_S)
        elif (slot := self.slots.take(is_large=hint in self._large)) is not None:
            self._advance(app, engine, hint, slot)
        else:
            self._defer(engine, hint)

    def poll(self, engine: Engine) -> None:
        """Do what is due in threads of their own, as many as are free here; ``engine`` is the caller's.

        A message may come to one busy process after the other for seconds, or not at all while the broker is down.
        """
        polling = self._polling
        polling.threads = [each for each in polling.threads if each.is_alive()]
        if not self.slots.free or len(polling.threads) >= self.slots.count:
            return
        with polling.lock:
            polling.idle.clear()
            if not polling.found:
                self._find(engine)
        for _ in range(min(len(polling.found), self.slots.free, self.slots.count - len(polling.threads))):
            # A daemon, as a database that does not answer must not hold up the end of the process.
            thread = threading.Thread(target=self._advance_found, name="bigcommerce-poll", daemon=True)
            polling.threads.append(thread)
            thread.start()

    @property
    def is_behind(self) -> bool:
        """Whether there was more to do than this process can, when it last looked: it needs no hints to find it."""
        return self._polling.has_more

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

    def worked_s_ago(self) -> float | None:
        """How many seconds ago this process was at work; None if it never was."""
        return self.slice_ended_s_ago() if self.slots.free == self.slots.count else 0.0

    def shut_down(self) -> None:
        """Wait for the slices that polling has begun, which release their leases; close connections to stores."""
        ends_at = time.monotonic() + SLICE_ENDS_IN_S
        for thread in self._polling.threads:
            thread.join(max(0.0, ends_at - time.monotonic()))
        self.bound[1].kept.close()

    def _find(self, engine: Engine) -> None:
        """Look for what could be advanced at once, at most two for each slot.

        Where there was more than slots of late, what has become due since is begun, or they would stand empty until
        the next tick begins it.
        """
        polling, most, tick_s = self._polling, 2 * self.slots.count, engine.config.tick_s
        self._take(engine, most)
        if len(polling.found) > self.slots.count:
            polling.was_full_at = time.monotonic()
        elif time.monotonic() < polling.was_full_at + tick_s and begin_due(
            engine, hint_after_s=tick_s, with_following=False
        ):
            self._take(engine, most - len(polling.found))
        polling.has_more = len(polling.found) > self.slots.count

    def _take(self, engine: Engine, most: int) -> None:
        but = {*self._keyless.refresh_ids(), *self._polling.idle, *(found for _, found in self._polling.found)}
        if not self.slots.is_permit_free:
            but.update(refresh_id for _, refresh_id in list(self._large))
        # Whoever sends hints, or looks as we do, leaves these alone.
        self._polling.found.extend(take_ready(engine, but=but, most=most, delay_s=_snoozed_s(engine)))

    def _next_found(self, engine: Engine) -> Hint | None:
        polling = self._polling
        with polling.lock:
            # Where there was more than slots for it, more has come meanwhile.
            if not polling.found and polling.has_more:
                self._find(engine)
            return polling.found.popleft() if polling.found else None

    def _advance_found(self) -> None:
        """Advance one after the other of those that were found."""
        app, state = self.bound
        try:
            with app.app_context():
                engine = engine_of(state, self.stopping)
                while not engine.stopping.is_set() and (hint := self._next_found(engine)) is not None:
                    slot = self.slots.take(is_large=hint in self._large)
                    if slot is not None and self._advance(app, engine, hint, slot):
                        self._polling.idle.add(hint[1])
        except Exception as error:
            if not self.reports_missing(error):
                log.exception("A slice that no message had asked for failed.", extra={"action": "slice"})

    def _advance(self, app: Flask, engine: Engine, hint: Hint, slot: Slot) -> bool:
        """One slice in its ``slot``, and what follows it; whether no slice was done after all."""
        try:
            self._deferred.pop(hint, None)
            outcome, job = run_slice(engine, hint[1], slot.may_go_on)
        finally:
            slot.free()
            self._slice_ended_at = time.monotonic()
        # A message that came to nothing has made no room for another one.
        step = next_step(outcome, has_deferred=not is_idle(outcome) and self._send_deferred(engine))
        if step.is_keyless:
            self._keep_away(engine, hint)
        if slot.was_refused and step.send_after_s is not None:
            self._note_large(hint)
            self._defer(engine, hint)
        elif step.send_after_s is not None:
            self._send_again(engine, hint, step.send_after_s)
        if step.is_busy:
            # Should its lease be free to take, but its row locked, the ticks ask again without backing off.
            _snooze(engine, hint)
        if step.is_done and job is not None:
            self._large.pop(hint, None)
            _notify(app, job)
            for follower in job.aftermath.begun:
                # At once, as it costs a message less.
                self._advance_or_defer(app, engine, follower)
        may_have_sibling = job is None or job.aftermath.has_sibling is not False
        if step.frees_lease and may_have_sibling and (other := sibling(engine, hint[1])) is not None:
            self._send_again(engine, other, 0.0)
        return step.is_idle

    def _note_large(self, hint: Hint) -> None:
        """From now on it begins here only with the permit."""
        self._large[hint] = None
        for oldest in list(self._large)[:-MOST_LARGE]:
            self._large.pop(oldest, None)

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
        # Noted first: further messages for it do not wait for the database.
        deferred[hint] = now + delay_s
        if not self._send_again(engine, hint, delay_s):
            deferred.pop(hint, None)

    def _send_deferred(self, engine: Engine) -> bool:
        """Send the hint of the one that has waited longest and that no other process has; whether there was one."""
        for hint in list(self._deferred):
            if hint in self._large and not self.slots.is_permit_free:
                continue
            self._deferred.pop(hint, None)
            if self._send_again(engine, hint, 0.0):
                return True
        return False

    def _send_again(self, engine: Engine, hint: Hint, delay_s: float) -> bool:
        """Send this message's successor; the hint is snoozed meanwhile, so that hints do not multiply."""
        return _snooze(engine, hint, delay_s) and self.sender.send(self.bound[1].broker, [hint], delay_s=delay_s)


class _Polling:
    """What polling has found and not yet begun, and the threads that are at it.

    ``idle`` are the refreshes that could not be advanced after all since the last poll: they are left to the next.
    ``has_more``: more was found than there are slots, so it is looked again; ``was_full_at`` is when that was last so
    (monotonic).
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.found: deque[Hint] = deque()
        self.threads: list[threading.Thread] = []
        self.idle: set[int] = set()
        self.has_more = False
        self.was_full_at = -math.inf


def _snooze(engine: Engine, hint: Hint, delay_s: float = 0.0) -> bool:
    return snooze(engine, hint[1], delay_s=delay_s + _snoozed_s(engine))


def _snoozed_s(engine: Engine) -> float:
    return max(1.0, engine.config.tick_s)


def _notify(app: Flask, job: Job) -> None:
    """Tell the host's receivers; one that raises is logged, as the refresh has ended all the same."""
    try:
        refresh_finished.send(app, instance_id=job.instance.id, refresh_id=job.refresh_id)
    except Exception:
        log.exception("A receiver of refresh_finished failed.", extra={"action": "signal"})
