"""What is begun without anybody asking: the automatic sync, and what a changed setting left to be fetched."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Row, Select, and_, exists, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ..models import Tables, db_now
from .context import Engine
from .database import is_lockable
from .parameters import Mode, Parameters
from .start import start

RECENT = timedelta(days=60)
"""How far back a sweep of orders reads: refunds and shipments may not move an order's ``date_modified``."""
BEGUN_A_TICK = 100
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Due:
    """What is to be begun; ``is_sweep`` for what comes round every ``SWEEP_INTERVAL_S``."""

    mode: Mode
    parameters: Parameters = field(default_factory=Parameters)
    is_sweep: bool = False


def due(
    resource: str,
    *,
    start_date: date,
    backfill_to: date | None,
    is_link_wanted: bool,
    is_automatic: bool,
    is_sweep_due: bool,
    today: date,
) -> Due | None:
    """What comes first of all that an instance's resource waits for; ``today`` is the day in UTC."""
    if backfill_to is not None:
        return Due("date_range", Parameters(date_from=start_date, date_to=max(start_date, backfill_to)))
    if is_automatic and is_sweep_due:
        if resource == "products":
            return Due("full", is_sweep=True)
        # A day more, as it may have begun in the store's time zone.
        return Due("date_range", Parameters(date_from=today - RECENT, date_to=today + _DAY), is_sweep=True)
    if is_automatic or is_link_wanted:
        return Due("incremental")
    return None


def begin_due(engine: Engine) -> int:
    """Begin every refresh that is due and has no open walk in its way; how many.

    Each in a transaction of its own, so that a store whose rows are locked does not hold up the others.
    """
    rows = engine.transaction(lambda session: session.execute(_waiting(engine.tables)).all())
    return sum(_begun_alone(engine, row) for row in rows)


def _begun_alone(engine: Engine, row: Row[Any]) -> bool:
    try:
        return engine.transaction(lambda session: _begin(session, engine, row))
    except IntegrityError:
        # Somebody else has begun a walk in this very moment.
        return False


def _waiting(tables: Tables) -> Select[Any]:
    leases, instances, refreshes = tables.leases, tables.instances, tables.refreshes
    is_open = exists().where(
        refreshes.c.instance_id == leases.c.instance_id,
        refreshes.c.resource == leases.c.resource,
        refreshes.c.open_key.is_not(None),
    )
    is_wanted = or_(
        instances.c.is_automatic_sync_enabled.is_(True),
        leases.c.backfill_to.is_not(None),
        leases.c.is_link_wanted.is_(True),
    )
    return (
        select(
            leases.c.instance_id,
            leases.c.resource,
            leases.c.backfill_to,
            leases.c.is_link_wanted,
            instances.c.start_date,
            instances.c.is_automatic_sync_enabled,
            or_(leases.c.next_sweep_at.is_(None), leases.c.next_sweep_at <= db_now()).label("is_sweep_due"),
            db_now().label("now"),
        )
        .select_from(leases.join(instances, instances.c.id == leases.c.instance_id))
        .where(
            instances.c.status == "active",
            is_wanted,
            or_(leases.c.next_sync_at.is_(None), leases.c.next_sync_at <= db_now()),
            ~is_open,
        )
        .order_by(leases.c.next_sync_at, leases.c.instance_id)
        .limit(BEGUN_A_TICK)
    )


def _begin(session: Session, engine: Engine, row: Row[Any]) -> bool:
    """False if another tick was quicker, or the lease's row is locked by a page that is being written."""
    leases, config = engine.tables.leases, engine.config
    which = and_(
        leases.c.instance_id == row.instance_id,
        leases.c.resource == row.resource,
        or_(leases.c.next_sync_at.is_(None), leases.c.next_sync_at <= db_now()),
    )
    if not is_lockable(session, select(leases.c.epoch).where(which)):
        return False
    found = due(
        row.resource,
        start_date=row.start_date,
        backfill_to=row.backfill_to,
        is_link_wanted=row.is_link_wanted,
        is_automatic=row.is_automatic_sync_enabled,
        is_sweep_due=row.is_sweep_due,
        today=row.now.date(),
    )
    if found is None:
        return False
    values: dict[str, Any] = {"next_sync_at": db_now(_spread(config.sync_interval_s))}
    if found.mode == "date_range" and not found.is_sweep:
        values["backfill_to"] = None
        # The next thing due need not wait for this one's sake.
        values["next_sync_at"] = db_now()
    if found.is_sweep:
        values["next_sweep_at"] = db_now(_spread(config.sweep_interval_s))
    if row.is_link_wanted:
        values["is_link_wanted"] = False
    taken: Any = session.execute(update(leases).where(which).values(values))
    if taken.rowcount != 1:
        return False
    start(
        session,
        engine.tables,
        instance_id=row.instance_id,
        resource=row.resource,
        mode=found.mode,
        parameters=found.parameters,
    )
    return True


def _spread(interval_s: float) -> float:
    """About that long: stores that were connected together drift apart."""
    return interval_s * random.uniform(0.9, 1.1)  # noqa: S311 - jitter, no secret
