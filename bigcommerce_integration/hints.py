"""Hints: messages that say "look at this refresh", sent again by the tick for as long as nobody looks."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from queue import SimpleQueue
from typing import Any

from dramatiq import Broker
from sqlalchemy import and_, delete, insert, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from .models import Tables, db_now
from .refresh.claiming import OPEN
from .refresh.context import Engine

log = logging.getLogger(__name__)

Hint = tuple[str, int]
"""A resource and the id of one of its refreshes."""

QUEUE = "bigcommerce"
ACTORS = {"products": "bigcommerce_refresh_products", "orders": "bigcommerce_refresh_orders"}
SEND_S = 1.0
"""How long a request waits for the broker, in all; a silent broker costs ten seconds and more by default."""
LONGEST_BACKOFF_S = 600.0
DUE_A_TICK = 100
FORGET_WORKERS_S = 86400.0


def enqueue(broker: Broker, resource: str, refresh_id: int, *, delay_s: float = 0.0) -> None:
    """Send one hint; whatever the broker raises is raised, and a silent broker blocks."""
    message: Any = broker.get_actor(ACTORS[resource]).message(refresh_id)
    broker.enqueue(message, delay=round(delay_s * 1000) or None)


def _enqueue_all(broker: Broker, hints: Sequence[Hint]) -> None:
    for resource, refresh_id in hints:
        enqueue(broker, resource, refresh_id)


class Sender:
    """Sends hints from a thread of its own, so that a request waits for ``SEND_S`` at most, in all."""

    def __init__(self) -> None:
        self._lane = _Lane()

    def send(self, broker: Broker, hints: Sequence[Hint]) -> None:
        """Hint at these (resource, refresh id); never raises. What was not sent is left to the tick."""
        if self._lane.pid != os.getpid():  # a fork has left the thread behind
            self._lane = _Lane()
        lane, ends_at = self._lane, time.monotonic() + SEND_S
        # Held by the sending thread for as long as the broker keeps it waiting.
        if not lane.is_free.acquire(timeout=SEND_S):
            return
        done = threading.Event()
        lane.jobs.put((partial(_enqueue_all, broker, hints), done))
        if not done.wait(max(0.0, ends_at - time.monotonic())):
            log.warning("The broker does not answer; the tick sends the hints.", extra={"action": "hint_late"})


class _Lane:
    """One process's sending thread."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.is_free = threading.Lock()
        self.jobs: SimpleQueue[tuple[Callable[[], object], threading.Event]] = SimpleQueue()
        threading.Thread(target=self._run, name="bigcommerce-hints", daemon=True).start()

    def _run(self) -> None:
        while True:
            send, done = self.jobs.get()
            try:
                send()
            except Exception as error:  # noqa: BLE001 - any broker's any error
                _not_sent(error)
            finally:
                self.is_free.release()
                done.set()


def _not_sent(error: Exception) -> None:
    # The kind only: a broker's own text may hold its URL with a password.
    log.warning("A hint was not sent (%s); the tick sends it.", type(error).__name__, extra={"action": "hint_failed"})


def take_over(engine: Engine, refresh_id: int, *, quiet_s: float, is_due: bool) -> bool:
    """Decide who sends: True for the one caller that moves ``next_hint_at`` to ``quiet_s`` seconds from now.

    With ``is_due`` only a hint whose time has come; without, whoever holds its message goes on with it. A row
    that a frozen process has locked is passed over where the database can (``SKIP LOCKED``).
    """
    hints = engine.tables.hints

    def work(session: Session) -> bool:
        due = [hints.c.next_hint_at <= db_now()] if is_due else []
        which = (hints.c.refresh_id == refresh_id, *due)
        if session.get_bind().dialect.name != "sqlite":
            locked = select(hints.c.refresh_id).where(*which).with_for_update(skip_locked=True)
            if session.execute(locked).first() is None:
                return False
        result: Any = session.execute(
            update(hints)
            .where(*which)
            .values(next_hint_at=db_now(quiet_s), times_sent=hints.c.times_sent + (1 if is_due else 0))
        )
        return bool(result.rowcount == 1)

    return engine.transaction(work)


def due_hints(session: Session, tables: Tables) -> list[Any]:
    """Open refreshes whose hint is due, that need not wait for the store, and that no live lease covers."""
    hints, refreshes, leases = tables.hints, tables.refreshes, tables.leases
    statement = (
        select(refreshes.c.id, refreshes.c.resource, hints.c.times_sent)
        .select_from(
            hints.join(refreshes, refreshes.c.id == hints.c.refresh_id).join(
                leases,
                and_(leases.c.instance_id == refreshes.c.instance_id, leases.c.resource == refreshes.c.resource),
            )
        )
        .where(
            hints.c.next_hint_at <= db_now(),
            refreshes.c.status.in_(OPEN),
            or_(refreshes.c.resume_at.is_(None), refreshes.c.resume_at <= db_now()),
            or_(leases.c.owner.is_(None), leases.c.expires_at <= db_now()),
        )
        .order_by(hints.c.next_hint_at)
        .limit(DUE_A_TICK)
    )
    return list(session.execute(statement).all())


def tick(engine: Engine, broker: Broker, worker_id: str | None) -> int:
    """Send the hints that are due; how many were sent. ``worker_id`` notes that this worker process is alive.

    Each hint in a transaction of its own. After the broker's first failure the rest is left to the next tick.
    """
    if worker_id is not None:
        engine.transaction(lambda session: _note_worker(session, engine.tables, worker_id))
    due = engine.transaction(lambda session: due_hints(session, engine.tables))
    sent = 0
    for row in due:
        quiet_s = min(LONGEST_BACKOFF_S, max(1.0, engine.config.tick_s) * 2.0 ** min(row.times_sent, 20))
        try:
            if not take_over(engine, row.id, quiet_s=quiet_s, is_due=True):
                continue
            enqueue(broker, row.resource, row.id)
        except SQLAlchemyError:
            raise
        except Exception as error:  # noqa: BLE001 - any broker's any error
            _not_sent(error)
            take_over(engine, row.id, quiet_s=engine.config.tick_s, is_due=False)
            break
        sent += 1
    return sent


def _note_worker(session: Session, tables: Tables, worker_id: str) -> None:
    workers = tables.workers
    noted: Any = session.execute(update(workers).where(workers.c.id == worker_id).values(last_tick_at=db_now()))
    if noted.rowcount == 0:
        session.execute(insert(workers).values(id=worker_id, started_at=db_now(), last_tick_at=db_now()))
        session.execute(delete(workers).where(workers.c.last_tick_at < db_now(-FORGET_WORKERS_S)))
