"""What is begun without anybody asking: the automatic sync, and what a changed setting left to be fetched."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Column, ColumnElement, Row, Select, case, exists, false, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ...config import Config
from ...models import Tables, db_now, is_due
from ...models.clock import ALLOWED_S
from ...models.dialect import affected, is_lockable
from ...models.refreshes import STOPPED
from ...resources.base import Resource
from ..job.context import Engine
from ..job.lease import lease_of
from ..job.parameters import Mode, Parameters
from .transitions import start
from .wishes import MOST_SPREAD, spread

BEGUN_A_TICK = 100
SWEEP_TRIES = 24
"""So often in its interval a sweep is begun that does not complete."""
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Due:
    """What is to be begun.

    ``is_sweep``: it comes round every ``SWEEP_INTERVAL_S``; ``is_backfill``: an earlier start date wants it.
    """

    mode: Mode
    parameters: Parameters = field(default_factory=Parameters)
    is_sweep: bool = False
    is_backfill: bool = False


def due(
    resource: Resource,
    *,
    start_date: date,
    backfill_to: date | None,
    is_link_wanted: bool,
    is_automatic: bool,
    is_sweep_due: bool,
    is_reconcile_due: bool = False,
    today: date,
) -> Due | None:
    """What comes first of all that an instance's resource waits for; ``today`` is the day in UTC.

    ``backfill_to`` is None also while a backfill that did not complete waits for its next try: what else is due then
    has its turn.
    """
    if backfill_to is not None:
        days = Parameters(date_from=start_date, date_to=max(start_date, backfill_to))
        return Due("date_range", days, is_backfill=True)
    if is_automatic and is_sweep_due:
        if resource.sweep is None:
            return Due("full", is_sweep=True)
        # A day more, as it may have begun in the store's time zone.
        return Due("date_range", Parameters(date_from=today - resource.sweep, date_to=today + _DAY), is_sweep=True)
    if is_automatic and is_reconcile_due:
        return Due("reconcile")
    if (is_automatic and resource.begins is None) or is_link_wanted:
        return Due("incremental")
    return None


def begin_due(engine: Engine, instance_id: int | None = None, *, hint_after_s: float = 0.0) -> list[tuple[str, int]]:
    """Begin every refresh that is due, of this instance or of all, and has no open walk in its way.

    The resource and the id of each; their hints are due in ``hint_after_s`` seconds. Each is begun in a transaction of
    its own, so that a store whose rows are locked does not hold up the others.
    """
    waiting = _waiting(engine)
    if instance_id is not None:
        waiting = waiting.where(engine.tables.leases.c.instance_id == instance_id)
    begun = []
    for row in engine.transaction(lambda session: session.execute(waiting).all()):
        begin = partial(_begin, engine=engine, row=row, hint_after_s=hint_after_s)
        # Somebody else may begin a walk in this very moment.
        with suppress(IntegrityError):
            begun.append((row.resource, engine.transaction(begin)))
    return [(resource, refresh_id) for resource, refresh_id in begun if refresh_id is not None]


def _waiting(engine: Engine) -> Select[Any]:
    tables, config = engine.tables, engine.config
    leases, instances, refreshes = tables.leases, tables.instances, tables.refreshes
    is_open = exists().where(
        refreshes.c.instance_id == leases.c.instance_id,
        refreshes.c.resource == leases.c.resource,
        refreshes.c.open_key.is_not(None),
    )
    is_backfill_due = leases.c.backfill_to.is_not(None) & _is_past(leases.c.next_backfill_at, config.sync_interval_s)
    is_sweep_due = _is_past(leases.c.next_sweep_at, config.sweep_interval_s)
    reconcile_s = config.reconcile_interval_s
    is_reconcile_due = false() if reconcile_s is None else _is_past(leases.c.next_reconcile_at, reconcile_s)
    return (
        select(
            leases.c.instance_id,
            leases.c.resource,
            case((is_backfill_due, leases.c.backfill_to)).label("backfill_to"),
            leases.c.is_link_wanted,
            instances.c.start_date,
            instances.c.is_automatic_sync_enabled,
            is_sweep_due.label("is_sweep_due"),
            is_reconcile_due.label("is_reconcile_due"),
            db_now().label("now"),
        )
        .select_from(leases.join(instances, instances.c.id == leases.c.instance_id))
        .where(
            instances.c.status == "active",
            instances.c.is_automatic_sync_enabled.is_(True) | is_backfill_due | leases.c.is_link_wanted.is_(True),
            # A later version may mirror more.
            leases.c.resource.in_(tables.registry.names),
            _is_past(leases.c.next_sync_at, config.sync_interval_s),
            # What the token has no scope for is tried again by the sweeps alone.
            leases.c.off_reason.is_(None) | is_sweep_due,
            _begins_by_itself(tables) | is_backfill_due | is_sweep_due | is_reconcile_due,
            ~is_open,
        )
        .order_by(leases.c.next_sync_at, leases.c.instance_id)
        .limit(BEGUN_A_TICK)
    )


def _begins_by_itself(tables: Tables) -> ColumnElement[bool]:
    """Whether a lease is not of a collection that is brought up to date as another one ends."""
    return tables.leases.c.resource.not_in([each.name for each in tables.registry.read if each.begins is not None])


def _begin(session: Session, engine: Engine, row: Row[Any], *, hint_after_s: float) -> int | None:
    """The new refresh; None if another tick was quicker, or a page that is being written has the lease locked."""
    leases, config = engine.tables.leases, engine.config
    which = [
        *lease_of(engine.tables, row.instance_id, row.resource),
        _is_past(leases.c.next_sync_at, config.sync_interval_s),
    ]
    if not is_lockable(session, select(leases.c.epoch).where(*which)):
        return None
    found = _due_of(engine, row)
    if found is None:
        return None
    is_reconciliation = found.mode == "reconcile"
    # The next thing due need not wait for the sake of a backfill or a reconciliation.
    is_beside = found.is_backfill or is_reconciliation
    values = {"next_sync_at": db_now(0.0 if is_beside else spread(config.sync_interval_s))}
    if is_reconciliation and config.reconcile_interval_s is not None:
        which.append(_is_past(leases.c.next_reconcile_at, config.reconcile_interval_s))
        values["next_reconcile_at"] = db_now(spread(config.reconcile_interval_s))
    if found.is_backfill or found.is_sweep:
        name = "next_backfill_at" if found.is_backfill else "next_sweep_at"
        which.append(_is_past(leases.c[name], config.sync_interval_s if found.is_backfill else config.sweep_interval_s))
        values[name] = db_now(spread(_retry_s(found, config)))
        if _has_just_stopped(session, engine, row, found):
            # However long it went on, its next try is an interval after its end. The next tick looks what else is due.
            session.execute(update(leases).where(*which).values({name: values[name]}))
            return None
    if affected(session, update(leases).where(*which).values(values)) != 1:
        return None
    return start(
        session,
        engine.tables,
        instance_id=row.instance_id,
        resource=row.resource,
        mode=found.mode,
        parameters=found.parameters,
        is_sweep=found.is_sweep,
        hint_after_s=hint_after_s,
    )


def _due_of(engine: Engine, row: Row[Any]) -> Due | None:
    return due(
        engine.collections[row.resource].resource,
        start_date=row.start_date,
        backfill_to=row.backfill_to,
        is_link_wanted=row.is_link_wanted,
        is_automatic=row.is_automatic_sync_enabled,
        is_sweep_due=row.is_sweep_due,
        is_reconcile_due=bool(row.is_reconcile_due),
        today=row.now.date(),
    )


def _is_past(moment: Column[Any], interval_s: float) -> ColumnElement[bool]:
    """Whether what comes round every ``interval_s`` seconds is due; NULL is at once."""
    return is_due(moment, within_s=MOST_SPREAD * interval_s)


def _retry_s(found: Due, config: Config) -> float:
    """When what is wanted is begun once more, should this one fail or be cancelled."""
    if found.is_sweep:
        return min(config.sweep_interval_s, max(config.sync_interval_s, config.sweep_interval_s / SWEEP_TRIES))
    return config.sync_interval_s


def _has_just_stopped(session: Session, engine: Engine, row: Row[Any], found: Due) -> bool:
    """Whether the same has failed or was cancelled less than its back-off ago."""
    refreshes = engine.tables.refreshes
    stopped = (
        select(refreshes.c.id)
        .where(
            refreshes.c.instance_id == row.instance_id,
            refreshes.c.resource == row.resource,
            refreshes.c.status.in_(STOPPED),
            refreshes.c.mode == found.mode,
            refreshes.c.is_sweep.is_(found.is_sweep),
            refreshes.c.parameters == found.parameters.dump(),
            # Not one that has ended while the database's clock was wrong, at a time to come.
            refreshes.c.finished_at.between(db_now(-_retry_s(found, engine.config)), db_now(ALLOWED_S)),
        )
        .limit(1)
    )
    return session.execute(stopped).first() is not None
