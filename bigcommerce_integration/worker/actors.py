"""Actors and the tick on the host's broker: the message is a hint, the refresh row is the job.

``bind`` is called when the blueprint is registered. What belongs to one broker is kept on our middleware
there; a second app on the same broker (a test suite makes one app after another) takes it over.
"""

from __future__ import annotations

import logging
import os
import random
import socket
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import dramatiq
from dramatiq import Broker, Middleware, Worker
from flask import Flask

from ..app_state import State, engine_of
from ..books.working import keep_books
from ..errors import ConfigError
from ..host.port import AccountingHost
from ..refresh.job.context import Engine
from ..refresh.lifecycle.release import settle
from ..refresh.lifecycle.schedule import begin_due as begin_all_due
from ..refresh.linking.added import link_added
from ..spreadsheets.job import advance_imports
from .beside import Beside, Work
from .dispatcher import Dispatcher
from .heartbeat import note_end, note_worker
from .look import Found, look
from .maintenance import Maintenance
from .messages.broker_watch import BrokerWatch
from .messages.sender import QUEUE, Hint, actor_name
from .slots import most_sessions, places

log = logging.getLogger(__name__)

TICK_ENDS_IN_S = 2.0
POLL_EVERY_S = 1.0
"""How often a free process looks for work that no message has brought it, however rare the ticks are."""
QUIET_POLL_EVERY_S = 6.0
"""How often one does that has had none for ``QUIET_AFTER_S`` while the broker answers: with each tick, most often."""
QUIET_AFTER_S = 60.0


class BigCommerceWorker(Middleware):
    """One broker's binding to an app; starts and stops the tick with the worker. No hook on any message."""

    def __init__(self, app: Flask, state: State, beside: Work) -> None:
        self.dispatcher = Dispatcher(app, state)
        reports = self.dispatcher.reports_missing
        self.beside = Beside(beside, reports, what="Alerts")
        self.books = Beside(lambda _, engine: keep_books(engine), reports, what="Books", every_s=0.0)
        self.links = Beside(lambda _, engine: link_added(engine), reports, what="Links", every_s=0.0)
        self._maintenance = Maintenance()
        self._broker_watch = BrokerWatch()
        self._workers: list[Worker] = []
        self._ticking: tuple[threading.Thread, threading.Event] | None = None

    def before_worker_boot(self, broker: Broker, worker: Worker) -> None:
        """Begin anew after a stop; the worker's threads take their first messages before it has booted."""
        self._workers.append(worker)
        self._count_slots(broker)
        if self.dispatcher.stopping.is_set():
            self.dispatcher.stopping = threading.Event()

    def after_worker_boot(self, broker: Broker, worker: Worker) -> None:  # noqa: ARG002
        """Start the tick, once a broker however many workers run in this process."""
        if self._ticking is None:
            ended = threading.Event()
            thread = threading.Thread(target=self._tick, args=(ended,), name="bigcommerce-tick", daemon=True)
            self._ticking = (thread, ended)
            thread.start()

    def before_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        """Let slices end at their next page and wake whatever waits; Dramatiq then waits for them."""
        self._workers = [each for each in self._workers if each is not worker]
        self.dispatcher.stopping.set()
        if self._workers:
            self._count_slots(broker)
            # Those of this process's other workers go on with their next message.
            self.dispatcher.stopping = threading.Event()
        elif self._ticking is not None:
            self._ticking[1].set()

    def after_worker_shutdown(self, broker: Broker, worker: Worker) -> None:  # noqa: ARG002
        """Shut the tick and its slice down, so that nothing of ours touches the database any more."""
        if not self._workers and self._ticking is not None:
            self._ticking[0].join(TICK_ENDS_IN_S)
            self._ticking = None
            for each in (self.beside, self.books, self.links):
                each.join(TICK_ENDS_IN_S)
            self.dispatcher.shut_down()

    def _count_slots(self, broker: Broker) -> None:
        app, state = self.dispatcher.bound
        listening = [worker for worker in self._workers if _listens(worker)]
        with app.app_context():
            sessions = most_sessions(state.db.engine.pool)
        self.dispatcher.slots.count = places(broker, listening, state.config.slices, sessions)

    def _tick(self, ended: threading.Event) -> None:
        worker_id = f"{socket.gethostname()[:24]}:{os.getpid()}:{uuid.uuid4().hex[:12]}"
        maintenance_at = time.monotonic()
        while not ended.is_set():
            app, state = self.dispatcher.bound
            has_more, every_s = False, POLL_EVERY_S
            is_maintenance_due = time.monotonic() >= maintenance_at
            if is_maintenance_due:
                # Workers that were started together drift apart.
                maintenance_at = time.monotonic() + state.config.tick_s * random.uniform(0.9, 1.1)  # noqa: S311
            try:
                with app.app_context():
                    engine = engine_of(state, ended)
                    settle(engine)
                    engine.kept.close_old()
                    is_listening = any(_listens(worker) for worker in self._workers)
                    found = look(engine)
                    if is_maintenance_due:
                        self._maintain(engine, ended, worker_id if is_listening else None, found)
                    if is_listening and found.is_open:
                        self.dispatcher.poll(engine)
                    has_more = is_listening and found.is_importing and advance_imports(engine)
                    is_broker_down = self._broker_watch.down_s(state.broker) is not None
                    every_s = poll_every_s(self.dispatcher.worked_s_ago(), is_broker_down=is_broker_down)
            except ConfigError as error:
                log.error("%s", error, extra={"action": "tick"})
                return
            except Exception as error:  # noqa: BLE001 - a database that is away for a while must not end the tick
                if not self.dispatcher.reports_missing(error):
                    log.warning("The tick will try again: %s.", type(error).__name__, extra={"action": "tick"})
            next_s = 0.0 if has_more else every_s * random.uniform(0.9, 1.1)  # noqa: S311
            ended.wait(max(0.0, min(next_s, maintenance_at - time.monotonic())))
        self._leave(worker_id)

    def _maintain(self, engine: Engine, ended: threading.Event, worker_id: str | None, found: Found) -> None:
        """What each tick does; ``worker_id`` names a worker that listens, which looks itself for what is begun."""
        (app, state), send = self.dispatcher.bound, self.dispatcher.sender.send
        if worker_id is not None:
            note_worker(
                engine,
                worker_id,
                slice_ended_s_ago=self.dispatcher.slice_ended_s_ago(),
                broker_down_s=self._broker_watch.down_s(state.broker),
            )
        self._maintenance.hint_after_s = 0.0 if worker_id is None else state.config.tick_s
        # Where more is due than this process can do, it finds it by itself, and so does each that has room.
        is_hinting = worker_id is None or not self.dispatcher.is_behind
        self._maintenance.do(engine, (lambda hint: send(state.broker, [hint])) if is_hinting else None, found)
        self.beside.begin(app, state, ended)
        if found.is_added:
            self.links.begin(app, state, ended)
        if isinstance(state.host, AccountingHost):
            self.books.begin(app, state, ended)

    def _leave(self, worker_id: str) -> None:
        app, state = self.dispatcher.bound
        try:
            with app.app_context():
                note_end(engine_of(state, self.dispatcher.stopping), worker_id)
        except Exception as error:  # noqa: BLE001 - its time ends it as well
            log.debug("The worker's end was not noted: %s.", type(error).__name__, extra={"action": "tick"})


def poll_every_s(worked_s_ago: float | None, *, is_broker_down: bool) -> float:
    """How often a process looks for work by itself; ``worked_s_ago`` is 0 while it is at work, None before its first.

    Where there has been none for a while, messages bring what comes: many processes that look for nothing add up.
    """
    is_quiet = worked_s_ago is None or worked_s_ago >= QUIET_AFTER_S
    return QUIET_POLL_EVERY_S if is_quiet and not is_broker_down else POLL_EVERY_S


def bind(app: Flask, state: State, beside: Work) -> None:
    """Declare our actors and the tick on the app's broker; a second app on one broker takes both over.

    ``beside`` is done by each worker beside its ticks, in an app context and a thread of its own.
    """
    broker = state.broker
    known = _middleware(broker)
    if known is not None:
        known.dispatcher.bound = (app, state)
        return
    middleware = BigCommerceWorker(app, state, beside)
    broker.add_middleware(middleware)
    # Retrying is the refresh's own affair. A broker without the Retries middleware does not know the option.
    options: dict[str, Any] = {"max_retries": 0} if "max_retries" in broker.actor_options else {}
    for resource in state.tables.registry.names:
        declare = dramatiq.actor(actor_name=actor_name(resource), queue_name=QUEUE, broker=broker, **options)
        declare(_actor(middleware.dispatcher, resource))


def send_hints(state: State, hints: Sequence[Hint]) -> None:
    """Hint at new refreshes; never raises and takes a second at most: the tick sends what is left."""
    middleware = _middleware(state.broker)
    if middleware is not None:
        middleware.dispatcher.sender.send(state.broker, hints)


def begin_due(state: State, instance_id: int) -> list[Hint]:
    """Begin what is due of one instance, as the next tick would; the caller sends the hints."""
    return begin_all_due(engine_of(state, threading.Event()), instance_id)


def tick_once(state: State) -> int:
    """Begin what is due and send its hints, as each worker does by itself; how many were sent. For cron."""
    middleware = _middleware(state.broker)
    if middleware is None:
        return 0
    sender = middleware.dispatcher.sender
    engine = engine_of(state, threading.Event())
    sent = Maintenance().do(engine, lambda hint: sender.send(state.broker, [hint]))
    for each in (middleware.beside, middleware.links, middleware.books):
        each.do(state, engine)
    return sent


def _middleware(broker: Broker) -> BigCommerceWorker | None:
    return next((each for each in broker.middleware if isinstance(each, BigCommerceWorker)), None)


def _listens(worker: Worker) -> bool:
    """Whether the worker takes our messages: ``dramatiq --queues`` may leave them out."""
    return not worker.consumer_whitelist or QUEUE in worker.consumer_whitelist


def _actor(dispatcher: Dispatcher, resource: str) -> Callable[[int], None]:
    def dispatch(refresh_id: int) -> None:
        """Advance the refresh by one slice, if it is due and no other worker is at it."""
        dispatcher.dispatch((resource, refresh_id))

    return dispatch
