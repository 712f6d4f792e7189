"""Hints: messages that say "look at this refresh", sent again by the tick for as long as nobody looks."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Collection, Sequence
from functools import partial
from queue import SimpleQueue
from typing import Any

from dramatiq import Broker
from sqlalchemy import ColumnElement, Select, and_, delete, insert, or_, select, update
from sqlalchemy.orm import Session

from ..models import Tables, db_now, is_due
from ..models.dialect import is_lockable
from ..models.refreshes import OPEN
from ..refresh.job.context import Engine
from ..refresh.job.lease import is_free_to_take
from ..refresh.lifecycle.claim import LONGEST_PAUSE_S
from ..version import __version__

log = logging.getLogger(__name__)

Hint = tuple[str, int]
"""A resource and the id of one of its refreshes."""

QUEUE = "bigcommerce"
SEND_S = 1.0
"""How long a request waits for the broker, in all; a silent broker costs ten seconds and more by default."""
LONGEST_BACKOFF_S = 600.0
DUE_A_TICK = 100
READY_A_LOOK = 10
FORGET_WORKERS_S = 86400.0


def actor_name(resource: str) -> str:
    """Of the actor that advances the refreshes of a collection."""
    return f"bigcommerce_refresh_{resource}"


class Sender:
    """Sends hints from a thread of its own, so that nobody waits for a broker longer than ``SEND_S``."""

    def __init__(self) -> None:
        self._lane: _Lane | None = None

    def send(self, broker: Broker, hints: Sequence[Hint], *, delay_s: float = 0.0) -> bool:
        """Whether these hints were sent in time; never raises. What was not sent is left to the tick."""
        # Made when first needed, and anew after a fork, which leaves the thread behind.
        lane = self._lane
        if lane is None or lane.pid != os.getpid():
            lane = self._lane = _Lane()
        return lane.run(partial(_enqueue, broker, hints, delay_s))


def _enqueue(broker: Broker, hints: Sequence[Hint], delay_s: float) -> None:
    for resource, refresh_id in hints:
        message: Any = broker.get_actor(actor_name(resource)).message(refresh_id)
        broker.enqueue(message, delay=round(delay_s * 1000) or None)


class _Lane:
    """One process's sending thread; one for all, as the RabbitMQ broker keeps a connection for each thread."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        # Held by the sending thread for as long as the broker keeps it waiting.
        self._is_free = threading.Lock()
        self._jobs: SimpleQueue[_Sending | None] = SimpleQueue()
        # A daemon, as a silent broker must not hold up the end of the process.
        threading.Thread(
            target=_send_all, args=(self._jobs, self._is_free), name="bigcommerce-hints", daemon=True
        ).start()
        weakref.finalize(self, self._jobs.put, None)

    def run(self, send: Callable[[], None]) -> bool:
        """Whether ``send`` came to a good end within ``SEND_S``; what it raises is logged."""
        ends_at = time.monotonic() + SEND_S
        if self._is_free.acquire(timeout=SEND_S):
            sending = _Sending(send)
            self._jobs.put(sending)
            if sending.done.wait(max(0.0, ends_at - time.monotonic())):
                return sending.is_sent
        log.warning("The broker does not answer; the tick sends the hints.", extra={"action": "hint_late"})
        return False


class _Sending:
    def __init__(self, send: Callable[[], None]) -> None:
        self.send = send
        self.done = threading.Event()
        self.is_sent = False


def _send_all(jobs: SimpleQueue[_Sending | None], is_free: threading.Lock) -> None:
    while (sending := jobs.get()) is not None:
        try:
            sending.send()
            sending.is_sent = True
        except Exception as error:  # noqa: BLE001 - any broker's any error
            # The kind only: a broker's own text may hold its URL with a password.
            log.warning(
                "A hint was not sent (%s); the tick sends it.", type(error).__name__, extra={"action": "hint_failed"}
            )
        finally:
            is_free.release()
            sending.done.set()


def take_over(engine: Engine, refresh_id: int, *, quiet_s: float) -> bool:
    """Decide who sends a hint that is due: True for the one caller that puts it off by ``quiet_s`` seconds."""
    due = _is_hint_due(engine)
    return engine.transaction(lambda session: _put_off(session, engine.tables, refresh_id, due, quiet_s=quiet_s))


def keep_quiet(engine: Engine, refresh_id: int, *, quiet_s: float) -> bool:
    """Let the ticks leave a refresh to its message for ``quiet_s`` seconds; False if it needs none at the moment.

    Whoever has the refresh now sends the next message, or its tick does: so two messages for one become one.
    """
    tables = engine.tables

    def work(session: Session) -> bool:
        if session.execute(_ready(engine).where(tables.refreshes.c.id == refresh_id)).first() is None:
            return False
        _put_off(session, tables, refresh_id, quiet_s=quiet_s, times_sent=0)
        return True

    return engine.transaction(work)


def _put_off(session: Session, tables: Tables, refresh_id: int, *also: Any, quiet_s: float, **values: Any) -> bool:
    """Whether the row was there and free: one that a frozen process has locked is passed over where that is known."""
    hints = tables.hints
    which = (hints.c.refresh_id == refresh_id, *also)
    if not is_lockable(session, select(hints.c.refresh_id).where(*which)):
        return False
    changes = {"next_hint_at": db_now(quiet_s), "times_sent": hints.c.times_sent + 1} | values
    result: Any = session.execute(update(hints).where(*which).values(changes))
    return bool(result.rowcount == 1)


def _is_hint_due(engine: Engine) -> ColumnElement[bool]:
    longest_s = max(LONGEST_BACKOFF_S, 2 * engine.config.tick_s)
    return is_due(engine.tables.hints.c.next_hint_at, within_s=longest_s)


def _ready(engine: Engine) -> Select[Any]:
    """Open refreshes with their hints that need not wait for the store and that no live lease covers."""
    tables = engine.tables
    hints, refreshes, leases = tables.hints, tables.refreshes, tables.leases
    of_both = and_(leases.c.instance_id == refreshes.c.instance_id, leases.c.resource == refreshes.c.resource)
    return (
        select(refreshes.c.id, refreshes.c.resource, hints.c.times_sent)
        .select_from(hints.join(refreshes, refreshes.c.id == hints.c.refresh_id).join(leases, of_both))
        .where(
            refreshes.c.status.in_(OPEN),
            # A later version may mirror more.
            refreshes.c.resource.in_(tables.registry.names),
            is_due(refreshes.c.resume_at, within_s=LONGEST_PAUSE_S),
            is_free_to_take(tables, engine.config.lease_s),
        )
    )


def _due(session: Session, engine: Engine) -> list[Any]:
    due = _ready(engine).where(_is_hint_due(engine)).order_by(engine.tables.hints.c.next_hint_at).limit(DUE_A_TICK)
    return list(session.execute(due).all())


def ready(engine: Engine, *, but: Collection[int] = ()) -> list[Hint]:
    """The refreshes that could be advanced at once, whether or not their hint is due, longest quiet first.

    Those with an id among ``but`` are left out.
    """
    statement = _ready(engine).order_by(engine.tables.hints.c.next_hint_at).limit(READY_A_LOOK)
    if but:
        statement = statement.where(engine.tables.refreshes.c.id.not_in(but))
    rows = engine.transaction(lambda session: session.execute(statement).all())
    return [(row.resource, row.id) for row in rows]


def tick(engine: Engine, send: Callable[[Hint], bool]) -> int:
    """Send the hints that are due; how many were sent.

    Each hint in a transaction of its own. After the broker's first failure the rest is left to the next tick.
    """
    shortest_s = max(1.0, engine.config.tick_s)
    sent = 0
    for row in engine.transaction(lambda session: _due(session, engine)):
        quiet_s = min(LONGEST_BACKOFF_S, shortest_s * 2.0 ** min(row.times_sent, 20))
        if not take_over(engine, row.id, quiet_s=quiet_s):
            continue
        if not send((row.resource, row.id)):
            keep_quiet(engine, row.id, quiet_s=engine.config.tick_s)
            break
        sent += 1
    return sent


def note_worker(engine: Engine, worker_id: str) -> None:
    """Note that this worker process is alive."""
    workers = engine.tables.workers

    def work(session: Session) -> None:
        mine = workers.c.id == worker_id
        noted: Any = session.execute(update(workers).where(mine).values(last_tick_at=db_now(), version=__version__))
        if noted.rowcount:
            return
        new = {"id": worker_id, "version": __version__}
        session.execute(insert(workers).values(**new, started_at=db_now(), last_tick_at=db_now()))
        # Not those of workers that are frozen in this very transaction: a plain DELETE would wait for their locks.
        is_old = or_(
            workers.c.last_tick_at < db_now(-FORGET_WORKERS_S),
            # The database's clock was wrong when they ticked; those that are alive note themselves again.
            workers.c.last_tick_at > db_now(FORGET_WORKERS_S),
        )
        forgotten = select(workers.c.id).where(is_old).limit(1000).with_for_update(skip_locked=True)
        session.execute(delete(workers).where(workers.c.id.in_(session.scalars(forgotten).all())))

    engine.transaction(work)


def forget_worker(engine: Engine, worker_id: str) -> None:
    """Take the note of a worker process away that ends in good order."""
    workers = engine.tables.workers
    engine.transaction(lambda session: session.execute(delete(workers).where(workers.c.id == worker_id)))
