"""What is begun without anybody asking: the automatic sync, and what a changed setting left to be fetched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Column, ColumnElement, Row, Select, Table, bindparam, case, exists, false, select, true, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ...config import Config
from ...models import Tables, db_now, is_due
from ...models.clock import ALLOWED_S
from ...models.dialect.transactions import is_lockable, unlocked
from ...models.dialect.writes import affected
from ...models.refreshes import STOPPED
from ...resources.base import Resource
from ..job.context import Engine
from ..job.lease import lease_of
from ..job.parameters import Mode, Parameters
from .transitions import Wanted, start, start_together
from .wishes import MOST_SPREAD, spread

BEGUN_AT_ONCE = 100
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


_PLAIN = Due("incremental")


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


def begin_due(
    engine: Engine,
    instance_id: int | None = None,
    *,
    hint_after_s: float = 0.0,
    with_following: bool = True,
    now: datetime | None = None,
) -> list[tuple[str, int]]:
    """Begin every refresh that is due, of this instance or of all, and has no open walk in its way.

    The resource and the id of each; their hints are due in ``hint_after_s`` seconds. Without ``with_following`` not of
    the collections that follow others: those wait for their sweep alone. Rows that another transaction has locked are
    passed over, so that they hold up no other store, and ticks do not wait for each other. ``now`` is the database's
    time, if it has just told it.
    """

    def waiting(session: Session) -> list[Row[Any]]:
        by = now or session.execute(select(db_now())).scalar_one()
        return list(session.execute(_waiting(session, engine, by, instance_id, with_following)).all())

    def work(session: Session) -> tuple[list[Row[Any]], list[tuple[str, int]]]:
        rows = waiting(session)
        plain = [row for row in rows if _due_of(engine, row) == _PLAIN]
        return [row for row in rows if row not in plain], _begin_together(session, engine, plain, hint_after_s)

    try:
        others, begun = engine.transaction(work)
    except IntegrityError:
        # Somebody else has begun a walk in this very moment: one by one.
        others, begun = engine.transaction(waiting), []
    for row in others:
        begin = partial(_begin, engine=engine, row=row, hint_after_s=hint_after_s)
        with suppress(IntegrityError):
            refresh_id = engine.transaction(begin)
            begun += [] if refresh_id is None else [(row.resource, refresh_id)]
    return begun


def _waiting(
    session: Session, engine: Engine, now: datetime, instance_id: int | None, with_following: bool
) -> Select[Any]:
    tables, config = engine.tables, engine.config
    leases, instances = tables.leases, tables.instances
    is_past = partial(_is_past, now=now)
    is_backfill_due, is_sweep_due, is_reconcile_due = _kinds_due(leases, config, is_past)
    following = _following(tables)
    statement = (
        select(
            leases.c.instance_id,
            leases.c.resource,
            case((is_backfill_due, leases.c.backfill_to)).label("backfill_to"),
            leases.c.is_link_wanted,
            leases.c.next_sync_at,
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
            true() if with_following else leases.c.resource.not_in(following),
            is_past(leases.c.next_sync_at, config.sync_interval_s),
            # What the token has no scope for is tried again by the sweeps alone.
            leases.c.off_reason.is_(None) | is_sweep_due,
            leases.c.resource.not_in(following) | is_backfill_due | is_sweep_due | is_reconcile_due,
            ~_is_open(tables),
            true() if instance_id is None else leases.c.instance_id == instance_id,
        )
        .order_by(leases.c.next_sync_at, leases.c.instance_id)
        .limit(BEGUN_AT_ONCE)
    )
    return unlocked(session, statement, leases)


def _kinds_due(
    leases: Table, config: Config, is_past: Callable[..., ColumnElement[bool]]
) -> tuple[ColumnElement[bool], ...]:
    """Whether an earlier start date, a sweep and a comparison are due."""
    is_backfill_due = leases.c.backfill_to.is_not(None) & is_past(leases.c.next_backfill_at, config.sync_interval_s)
    is_sweep_due = is_past(leases.c.next_sweep_at, config.sweep_interval_s)
    every_s = config.reconcile_interval_s
    is_reconcile_due = false() if every_s is None else is_past(leases.c.next_reconcile_at, every_s)
    return is_backfill_due, is_sweep_due, is_reconcile_due


def _is_open(tables: Tables) -> ColumnElement[bool]:
    """Whether the lease's collection is being read already."""
    leases, refreshes = tables.leases, tables.refreshes
    return exists().where(
        refreshes.c.instance_id == leases.c.instance_id,
        refreshes.c.resource == leases.c.resource,
        refreshes.c.open_key.is_not(None),
    )


def _begin_together(
    session: Session, engine: Engine, rows: Sequence[Row[Any]], hint_after_s: float
) -> list[tuple[str, int]]:
    """Begin an incremental refresh of each of these, whose leases are locked."""
    if not rows:
        return []
    leases, interval_s = engine.tables.leases, engine.config.sync_interval_s
    which = (leases.c.instance_id == bindparam("its_instance"), leases.c.resource == bindparam("its_resource"))
    times = [
        {"its_instance": row.instance_id, "its_resource": row.resource, "at": _next(row, spread(interval_s))}
        for row in rows
    ]
    session.connection().execute(update(leases).where(*which).values(next_sync_at=bindparam("at")), times)
    wanted = [Wanted(row.instance_id, row.resource, "incremental") for row in rows]
    begun = start_together(session, engine.tables, wanted, hint_after_s=hint_after_s, now=rows[0].now)
    return [(each["resource"], each["id"]) for each in begun]


def _next(row: Row[Any], interval_s: float) -> datetime:
    """When the next one is due: an interval after this one was, so that a late begin does not put off the others.

    An interval from now if that is past: what an outage has left out is not caught up with one by one.
    """
    interval = timedelta(seconds=interval_s)
    now: datetime = row.now
    last: datetime | None = row.next_sync_at
    # One from the future was written while the database's clock was wrong.
    counted = now if last is None or last > now else last
    return counted + interval if counted + interval > now else now + interval


def _following(tables: Tables) -> list[str]:
    """The collections that are brought up to date as another one ends, but for what comes round by itself."""
    return [each.name for each in tables.registry.read if each.begins is not None]


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
    values: dict[str, Any] = {"next_sync_at": db_now() if is_beside else _next(row, spread(config.sync_interval_s))}
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


def _is_past(column: Column[Any], interval_s: float, *, now: datetime | None = None) -> ColumnElement[bool]:
    """Whether what comes round every ``interval_s`` seconds is due; NULL is at once."""
    return is_due(column, within_s=MOST_SPREAD * interval_s, now=now)


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
