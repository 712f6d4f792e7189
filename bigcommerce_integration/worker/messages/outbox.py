"""The hints that are to be sent: one row for each open refresh, sent again by the tick until a worker takes it up."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, select, update
from sqlalchemy.orm import Session

from ...models import Tables, db_now, is_due
from ...models.dialect.transactions import lockable
from ...models.dialect.writes import write_free
from ...models.refreshes import OPEN
from ...refresh.job.context import Engine
from ...refresh.job.lease import is_free_to_take
from ...refresh.lifecycle.claim import LONGEST_PAUSE_S
from .sender import Hint

LONGEST_BACKOFF_S = 600.0
DUE_A_TICK = 100


def claim_hint(engine: Engine, refresh_id: int, *, delay_s: float) -> bool:
    """Decide who sends a hint that is due: True for the one caller that puts it off by ``delay_s`` seconds."""
    due = _is_hint_due(engine)
    return engine.transaction(lambda session: _put_off(session, engine.tables, refresh_id, due, delay_s=delay_s))


def snooze(engine: Engine, refresh_id: int, *, delay_s: float) -> bool:
    """Snooze the hint for ``delay_s`` seconds, as its message is on its way; False if the refresh cannot run now.

    Whoever has the refresh now sends the next message, or its tick does: so two messages for one become one.
    """
    tables = engine.tables

    def work(session: Session) -> bool:
        if session.execute(_ready(engine).where(tables.refreshes.c.id == refresh_id)).first() is None:
            return False
        _put_off(session, tables, refresh_id, delay_s=delay_s, times_sent=0)
        return True

    return engine.transaction(work)


def _put_off(session: Session, tables: Tables, refresh_id: int, *also: Any, delay_s: float, **values: Any) -> bool:
    """Whether the row was there and free: one that a frozen process has locked is passed over where that is known."""
    hints = tables.hints
    changes = {"next_hint_at": db_now(delay_s), "times_sent": hints.c.times_sent + 1} | values
    which = (hints.c.refresh_id == refresh_id, *also)
    return write_free(session, update(hints).values(changes), hints.c.refresh_id, *which) == 1


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


def take_ready(engine: Engine, *, most: int, delay_s: float, but: Collection[int] = ()) -> list[Hint]:
    """Refreshes that could be advanced at once, whether or not their hint is due, longest snoozed first.

    Their hints are snoozed for ``delay_s`` seconds, so that of those who look at the same time each finds others.
    Those with an id among ``but`` are left out.
    """
    tables = engine.tables
    hints, refreshes = tables.hints, tables.refreshes
    statement = _ready(engine).order_by(hints.c.next_hint_at).limit(most)
    if but:
        statement = statement.where(refreshes.c.id.not_in(but))

    def work(session: Session) -> list[Hint]:
        rows = session.execute(statement).all()
        if not rows:
            return []
        which = hints.c.refresh_id.in_([row.id for row in rows])
        free = set(lockable(session, hints.c.refresh_id, which))
        session.execute(
            update(hints).where(hints.c.refresh_id.in_(free)).values(next_hint_at=db_now(delay_s), times_sent=0)
        )
        return [(row.resource, row.id) for row in rows if row.id in free]

    return engine.transaction(work)


def send_due(engine: Engine, send: Callable[[Hint], bool]) -> int:
    """Send the hints that are due; how many were sent.

    Each hint in a transaction of its own. After the broker's first failure the rest is left to the next tick.
    """
    shortest_s = max(1.0, engine.config.tick_s)
    sent = 0
    due = _ready(engine).where(_is_hint_due(engine)).order_by(engine.tables.hints.c.next_hint_at).limit(DUE_A_TICK)
    for row in engine.transaction(lambda session: session.execute(due).all()):
        delay_s = min(LONGEST_BACKOFF_S, shortest_s * 2.0 ** min(row.times_sent, 20))
        if not claim_hint(engine, row.id, delay_s=delay_s):
            continue
        if not send((row.resource, row.id)):
            snooze(engine, row.id, delay_s=engine.config.tick_s)
            break
        sent += 1
    return sent
