"""Actors and the tick on the host's broker: the message is a hint to look, the refresh row is the job.

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

from .chores import Chores
from .errors import ConfigError
from .hints import ACTORS, QUEUE, Hint, Sender, forget_worker, keep_quiet, note_worker
from .refresh.advance import advance
from .refresh.claiming import Outcome, instance_of, sibling
from .refresh.context import Engine
from .signals import refresh_finished
from .state import State

log = logging.getLogger(__name__)

BUSY_DELAY_S = 0.2
"""When a hint that met a busy process is sent again; as many times as long as there are such hints."""
LONGEST_BUSY_DELAY_S = 5.0
STOPPING_DELAY_S = 1.0
TICK_ENDS_IN_S = 2.0

# Products and orders of one store are to run on two cores: one slice at a time in each process.
_one_slice = threading.Lock()


class BigCommerceWorker(Middleware):
    """One broker's binding to an app; starts and stops the tick with the worker. No hook on any message."""

    def __init__(self, app: Flask, state: State) -> None:
        # One value, so that a thread sees both of one app.
        self.bound = (app, state)
        self.stopping = threading.Event()
        self.sender = Sender()
        # Hints that met this process busy, the first of them first, and when they are to come again (monotonic).
        self.turned_away: dict[Hint, float] = {}
        self._chores = Chores()
        self._workers: list[Worker] = []
        self._ticking: tuple[threading.Thread, threading.Event] | None = None

    def before_worker_boot(self, broker: Broker, worker: Worker) -> None:  # noqa: ARG002
        """Begin anew after a stop; the worker's threads take their first messages before it has booted."""
        self._workers.append(worker)
        if self.stopping.is_set():
            self.stopping = threading.Event()

    def after_worker_boot(self, broker: Broker, worker: Worker) -> None:  # noqa: ARG002
        """Start the tick, once a broker however many workers run in this process."""
        if self._ticking is None:
            ended = threading.Event()
            thread = threading.Thread(target=self._tick, args=(broker, ended), name="bigcommerce-tick", daemon=True)
            self._ticking = (thread, ended)
            thread.start()

    def before_worker_shutdown(self, broker: Broker, worker: Worker) -> None:  # noqa: ARG002
        """Let slices end at their next page and wake whatever waits; Dramatiq then waits for them."""
        self._workers = [each for each in self._workers if each is not worker]
        self.stopping.set()
        if self._workers:
            # Those of this process's other workers go on with their next message.
            self.stopping = threading.Event()
        elif self._ticking is not None:
            self._ticking[1].set()

    def after_worker_shutdown(self, broker: Broker, worker: Worker) -> None:  # noqa: ARG002
        """See the tick off, so that nothing of ours touches the database any more."""
        if not self._workers and self._ticking is not None:
            self._ticking[0].join(TICK_ENDS_IN_S)
            self._ticking = None

    def _tick(self, broker: Broker, ended: threading.Event) -> None:
        worker_id = f"{socket.gethostname()[:24]}:{os.getpid()}:{uuid.uuid4().hex[:12]}"
        while not ended.is_set():
            app, state = self.bound
            try:
                with app.app_context():
                    engine = engine_of(state, ended)
                    if any(_listens(worker) for worker in self._workers):
                        note_worker(engine, worker_id)
                    self._chores.do(engine, lambda hint: self.sender.send(broker, [hint]))
            except ConfigError as error:
                log.error("%s", error, extra={"action": "tick"})
                return
            except Exception as error:  # noqa: BLE001 - a database that is away for a while must not end the tick
                log.warning("The tick will try again: %s.", type(error).__name__, extra={"action": "tick"})
            # Workers that were started together drift apart.
            ended.wait(state.config.tick_s * (0.9 + 0.2 * random.random()))  # noqa: S311
        self._leave(worker_id)

    def _leave(self, worker_id: str) -> None:
        app, state = self.bound
        try:
            with app.app_context():
                forget_worker(engine_of(state, self.stopping), worker_id)
        except Exception as error:  # noqa: BLE001 - its time takes the note away as well
            log.debug("The worker's note stays: %s.", type(error).__name__, extra={"action": "tick"})


def bind(app: Flask, state: State) -> None:
    """Declare our actors and the tick on the app's broker; a second app on one broker takes both over."""
    broker = state.broker
    known = _middleware(broker)
    if known is not None:
        known.bound = (app, state)
        return
    middleware = BigCommerceWorker(app, state)
    broker.add_middleware(middleware)
    # Retrying is the refresh's own affair. A broker without the Retries middleware does not know the option.
    options: dict[str, Any] = {"max_retries": 0} if "max_retries" in broker.actor_options else {}
    for resource, name in ACTORS.items():
        dramatiq.actor(actor_name=name, queue_name=QUEUE, broker=broker, **options)(_actor(middleware, resource))


def send_hints(state: State, hints: Sequence[Hint]) -> None:
    """Hint at new refreshes; never raises and takes a second at most: the tick sends what is left."""
    middleware = _middleware(state.broker)
    if middleware is not None:
        middleware.sender.send(state.broker, hints)


def tick_once(state: State) -> int:
    """Begin what is due and send its hints, as each worker does by itself; how many were sent. For cron."""
    middleware = _middleware(state.broker)
    if middleware is None:
        return 0
    sender = middleware.sender
    return Chores().do(engine_of(state, threading.Event()), lambda hint: sender.send(state.broker, [hint]))


def _middleware(broker: Broker) -> BigCommerceWorker | None:
    return next((each for each in broker.middleware if isinstance(each, BigCommerceWorker)), None)


def _listens(worker: Worker) -> bool:
    """Whether the worker takes our messages: ``dramatiq --queues`` may leave them out."""
    return not worker.consumer_whitelist or QUEUE in worker.consumer_whitelist


def engine_of(state: State, stopping: threading.Event) -> Engine:
    """The engine for the app whose context this is; ``ConfigError`` for in-memory SQLite."""
    database = state.db.engine.url
    if database.get_backend_name() == "sqlite" and database.database in (None, "", ":memory:"):
        raise ConfigError(
            "An in-memory SQLite database exists once for each thread, so a worker would see an empty one: "
            "set SQLALCHEMY_DATABASE_URI to a file or a server, or call no worker in this process."
        )
    return Engine(
        config=state.config,
        tables=state.tables,
        host=state.host,
        cipher=state.cipher,
        sessions=state.db.session.session_factory,
        stopping=stopping,
    )


def _actor(middleware: BigCommerceWorker, resource: str) -> Callable[[int], None]:
    def look(refresh_id: int) -> None:
        """Advance the refresh by one slice, if it is due and no other worker is at it."""
        app, state = middleware.bound
        with app.app_context():
            _look(middleware, app, engine_of(state, middleware.stopping), (resource, refresh_id))

    return look


def _look(middleware: BigCommerceWorker, app: Flask, engine: Engine, hint: Hint) -> None:
    if engine.stopping.is_set():
        _pass_on(middleware, engine, hint, STOPPING_DELAY_S)
        return
    if not _one_slice.acquire(blocking=False):
        _turn_away(middleware, engine, hint)
        return
    try:
        middleware.turned_away.pop(hint, None)
        outcome = advance(engine, hint[1])
    finally:
        _one_slice.release()
    has_next = _call_next(middleware, engine)
    if outcome is Outcome.CONTINUE:
        # Behind the one that waited: stores take turns.
        _pass_on(middleware, engine, hint, BUSY_DELAY_S if has_next else 0.0)
    elif outcome is Outcome.BUSY:
        # Should its lease be free to take, but its row locked, the ticks ask again without backing off.
        keep_quiet(engine, hint[1], quiet_s=max(1.0, engine.config.tick_s))
    elif outcome is Outcome.ENDED:
        _notify(app, engine, hint[1])
    if outcome in (Outcome.ENDED, Outcome.CANCELLED, Outcome.WAITING, Outcome.YIELDS):
        # A walk and a refresh of ids share a lease: what one leaves, the other takes up at once.
        other = sibling(engine, hint[1])
        if other is not None:
            _pass_on(middleware, engine, other, 0.0)


def _turn_away(middleware: BigCommerceWorker, engine: Engine, hint: Hint) -> None:
    """Send the hint again in a moment, so that a free process can take it."""
    waiting, now = middleware.turned_away, time.monotonic()
    if waiting.get(hint, 0.0) > now:
        return  # Another message for the same refresh is under way already.
    # The more wait, the longer each does, so that a busy process does not spend its time on turning them away.
    delay_s = min(LONGEST_BUSY_DELAY_S, BUSY_DELAY_S * len({*waiting, hint}))
    if _pass_on(middleware, engine, hint, delay_s):
        waiting[hint] = now + delay_s
    else:
        waiting.pop(hint, None)


def _call_next(middleware: BigCommerceWorker, engine: Engine) -> bool:
    """Send the hint of the one that has waited longest and that no other process has taken; whether there was one."""
    for hint in list(middleware.turned_away):
        middleware.turned_away.pop(hint, None)
        if _pass_on(middleware, engine, hint, 0.0):
            return True
    return False


def _pass_on(middleware: BigCommerceWorker, engine: Engine, hint: Hint, delay_s: float) -> bool:
    """Send this message's successor; the tick keeps quiet meanwhile, so that hints do not multiply."""
    is_wanted = keep_quiet(engine, hint[1], quiet_s=delay_s + max(1.0, engine.config.tick_s))
    return is_wanted and middleware.sender.send(middleware.bound[1].broker, [hint], delay_s=delay_s)


def _notify(app: Flask, engine: Engine, refresh_id: int) -> None:
    """Tell the host's receivers; one that raises is logged, as the refresh has ended all the same."""
    try:
        refresh_finished.send(app, instance_id=instance_of(engine, refresh_id), refresh_id=refresh_id)
    except Exception:
        log.exception("A receiver of refresh_finished failed.", extra={"action": "signal"})
