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
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import dramatiq
from dramatiq import Broker, Middleware, Worker
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from .errors import ConfigError
from .hints import ACTORS, QUEUE, Hint, Sender, enqueue, take_over, tick
from .refresh.advance import advance
from .refresh.claiming import Outcome, instance_of
from .refresh.context import Engine
from .signals import refresh_finished
from .state import State

log = logging.getLogger(__name__)

BUSY_DELAY_S = 0.2
"""When a hint that met a busy process is sent again, so that a free process can take it."""
STOPPING_DELAY_S = 1.0

# Products and orders of one store are to run on two cores: one slice at a time in each process.
_one_slice = threading.Lock()


class BigCommerceWorker(Middleware):
    """One broker's binding to an app; starts and stops the tick with the worker. No hook on any message."""

    def __init__(self, app: Flask, state: State) -> None:
        self.app = app
        self.state = state
        self.stopping = threading.Event()
        self.sender = Sender()
        self._ticking: threading.Event | None = None

    def engine(self) -> Engine:
        """The engine for the bound app; call it in the app's context. ``ConfigError`` for in-memory SQLite."""
        state = self.state
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
            stopping=self.stopping,
        )

    def after_worker_boot(self, broker: Broker, worker: Worker) -> None:  # noqa: ARG002
        """Start the tick, once a broker however many workers run in this process."""
        if self._ticking is None:
            self.stopping = threading.Event()
            self._ticking = threading.Event()
            threading.Thread(
                target=self._tick, args=(broker, self._ticking), name="bigcommerce-tick", daemon=True
            ).start()

    def before_worker_shutdown(self, broker: Broker, worker: Worker) -> None:  # noqa: ARG002
        """Let slices end at their next page and wake whatever waits; Dramatiq then waits for them."""
        self.stopping.set()
        if self._ticking is not None:
            self._ticking.set()
            self._ticking = None

    def _tick(self, broker: Broker, ended: threading.Event) -> None:
        worker_id = f"{socket.gethostname()[:24]}:{os.getpid()}:{uuid.uuid4().hex[:12]}"
        while not ended.is_set():
            try:
                with self.app.app_context():
                    tick(self.engine(), broker, worker_id)
            except ConfigError as error:
                log.error("%s", error, extra={"action": "tick"})
                return
            except Exception as error:  # noqa: BLE001 - a database that is away for a while must not end the tick
                log.warning("The tick will try again: %s.", type(error).__name__, extra={"action": "tick"})
            # Workers that were started together drift apart.
            ended.wait(self.state.config.tick_s * (0.9 + 0.2 * random.random()))  # noqa: S311


def bind(app: Flask, state: State) -> None:
    """Declare our actors and the tick on the app's broker; a second app on one broker takes both over."""
    broker = state.broker
    bound = _bound(broker)
    if bound is not None:
        bound.app, bound.state = app, state
        return
    middleware = BigCommerceWorker(app, state)
    broker.add_middleware(middleware)
    # Retrying is the refresh's own affair. A broker without the Retries middleware does not know the option.
    options: dict[str, Any] = {"max_retries": 0} if "max_retries" in broker.actor_options else {}
    for resource, name in ACTORS.items():
        dramatiq.actor(actor_name=name, queue_name=QUEUE, broker=broker, **options)(_actor(middleware, resource))


def send_hints(state: State, hints: Sequence[Hint]) -> None:
    """Hint at new refreshes; never raises and takes a second at most: the tick sends what is left."""
    bound = _bound(state.broker)
    if bound is not None:
        bound.sender.send(state.broker, hints)


def tick_once(state: State) -> int:
    """Send the hints that are due, as each worker does by itself; how many were sent. For cron."""
    bound = _bound(state.broker)
    return 0 if bound is None else tick(bound.engine(), state.broker, None)


def _bound(broker: Broker) -> BigCommerceWorker | None:
    return next((each for each in broker.middleware if isinstance(each, BigCommerceWorker)), None)


def _actor(bound: BigCommerceWorker, resource: str) -> Callable[[int], None]:
    def look(refresh_id: int) -> None:
        """Advance the refresh by one slice, if it is due and no other worker is at it."""
        with bound.app.app_context():
            _look(bound, (resource, refresh_id))

    return look


def _look(bound: BigCommerceWorker, hint: Hint) -> None:
    engine = bound.engine()
    if bound.stopping.is_set() or not _one_slice.acquire(blocking=False):
        _pass_on(bound, engine, hint, STOPPING_DELAY_S if bound.stopping.is_set() else BUSY_DELAY_S)
        return
    try:
        outcome = advance(engine, hint[1])
    finally:
        _one_slice.release()
    if outcome is Outcome.CONTINUE:
        _pass_on(bound, engine, hint, 0.0)
    elif outcome is Outcome.ENDED:
        _notify(bound, engine, hint[1])


def _pass_on(bound: BigCommerceWorker, engine: Engine, hint: Hint, delay_s: float) -> None:
    """Send this message's successor; the tick keeps quiet meanwhile, so that hints do not multiply."""
    try:
        take_over(engine, hint[1], quiet_s=max(1.0, engine.config.tick_s), is_due=False)
        enqueue(bound.state.broker, *hint, delay_s=delay_s)
    except SQLAlchemyError:
        raise
    except Exception as error:  # noqa: BLE001 - any broker's any error
        log.warning(
            "A hint was not sent (%s); the tick sends it.", type(error).__name__, extra={"action": "hint_failed"}
        )


def _notify(bound: BigCommerceWorker, engine: Engine, refresh_id: int) -> None:
    """Tell the host's receivers; one that raises is logged, as the refresh has ended all the same."""
    try:
        refresh_finished.send(bound.app, instance_id=instance_of(engine, refresh_id), refresh_id=refresh_id)
    except Exception:
        log.exception("A receiver of refresh_finished failed.", extra={"action": "signal"})
