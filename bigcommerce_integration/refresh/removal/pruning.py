"""Old refreshes and their rejected records are removed after ``RETENTION_DAYS``; the last of each mode stays.

Automatic ones that found nothing go after an hour: each store would leave some hundred of them a day.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import ColumnElement, Table, and_, delete, exists, or_, select
from sqlalchemy.orm import Session

from ...client.clock import local_now
from ...models import db_now
from ..job.context import Engine
from ..write.page import QUARANTINE

A_TRANSACTION = 200
_DAY_S = 86400.0
IDLE_S = 3600.0
# What it would have written, or said to people.
_FOUND = ("created", "updated", "deleted", "linked", "products_created", "referenced", "rejected", "refused", "notes")


def prune(engine: Engine) -> int:
    """Delete the oldest ended refreshes that a newer one of the same mode has followed; how many.

    Those that found nothing are looked for among those of the last day, so that each look reads no more than that.

    A few at a time, with all that belongs to them; call it again while it finds any.
    """
    tables = engine.tables
    refreshes, newer = tables.refreshes, tables.refreshes.alias()
    has_successor = exists().where(
        newer.c.instance_id == refreshes.c.instance_id,
        newer.c.resource == refreshes.c.resource,
        newer.c.mode == refreshes.c.mode,
        newer.c.id > refreshes.c.id,
        newer.c.finished_at.is_not(None),
    )
    old = (
        select(refreshes.c.id)
        .where(or_(_is_old(engine), _is_idle(refreshes)), has_successor)
        .order_by(refreshes.c.finished_at)
        .limit(A_TRANSACTION)
        .with_for_update(skip_locked=True)
    )

    def work(session: Session) -> int:
        ids = list(session.scalars(old))
        if ids:
            for table in (tables.missing_records, tables.hints):
                session.execute(delete(table).where(table.c.refresh_id.in_(ids)))
            rejected = tables.rejected_records
            # What is in quarantine is still to be tried again.
            is_over = or_(rejected.c.reason_code.is_(None), rejected.c.reason_code.not_in(QUARANTINE))
            session.execute(delete(rejected).where(rejected.c.refresh_id.in_(ids), is_over))
            session.execute(delete(refreshes).where(refreshes.c.id.in_(ids)))
        return len(ids)

    return engine.transaction(work)


def _is_old(engine: Engine) -> ColumnElement[bool]:
    ended_at, days = engine.tables.refreshes.c.finished_at, engine.config.retention_days
    # By both clocks: one that is a month ahead for a minute must not take everything away.
    return and_(ended_at < db_now(-days * _DAY_S), ended_at < local_now() - timedelta(days=days))


def _is_idle(refreshes: Table) -> ColumnElement[bool]:
    ended_at, hour = refreshes.c.finished_at, timedelta(seconds=IDLE_S)
    return and_(
        ended_at.between(db_now(-_DAY_S), db_now(-IDLE_S)),
        ended_at < local_now() - hour,
        refreshes.c.mode == "incremental",
        refreshes.c.status == "completed",
        refreshes.c.requested_by.is_(None),
        *(refreshes.c[name] == 0 for name in _FOUND),
    )
