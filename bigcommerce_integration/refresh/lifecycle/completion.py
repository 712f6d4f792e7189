"""What is done together with the end of a refresh that has read all it was to read: watermark, wishes, its message."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, case, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ...models import db_now
from ...resources.base import Mode, Resource
from ...resources.values import shifted
from ..job import progress
from ..job.checkpoint import Checkpoint
from ..job.context import Job
from ..job.lease import lease_of
from ..job.modes import MOVES_WATERMARK, believed, dates
from ..job.parameters import Parameters
from ..job.progress import Tally
from ..write.page import QUARANTINE
from .arrivals import begin, turn_on, unknown_to_workers
from .transitions import complete, open_key, start
from .wishes import clear_fulfilled

_SECOND = timedelta(seconds=1)


def finish(session: Session, job: Job, checkpoint: Checkpoint, tally: Tally, total: int | None) -> bool:
    """Complete the refresh; False if products that orders refer to have to be fetched first. The caller commits.

    Those belong to the last of an instance's refreshes to end: the row lock on the instance makes two that end at the
    same moment agree on which that is. ``tally`` is what was spent since the last page, ``total`` what the store said
    when the walk began.
    """
    tables, instance_id = job.engine.tables, job.instance.id
    job.lease.renew(session)
    if job.is_reconciliation:
        _note_drift(session, job)
        complete(session, job, tally, message=_found(session, job, checkpoint), total=total)
        return True
    table = tables.instances
    mine = table.c.id == instance_id
    settings = select(table.c.start_date, table.c.auto_link_products, table.c.auto_create_products).where(mine)
    instance = session.execute(settings.with_for_update()).one()
    behaviour = job.collection.behaviour
    others = [open_key(instance_id, each) for each in behaviour.completes_with]
    is_other_open = session.execute(
        select(tables.refreshes.c.id).where(tables.refreshes.c.open_key.in_(others)).limit(1)
    ).first()
    if not is_other_open and not behaviour.is_complete(session, tables, instance_id):
        return False
    if job.mode in MOVES_WATERMARK:
        _move_watermark(session, job, checkpoint)
        _begin_following(session, job, checkpoint)
    if job.parameters.is_repair:
        session.execute(update(tables.leases).where(*job.lease.row).values(drifted_in=None))
    clear_fulfilled(session, job, checkpoint, instance)
    turn_on(session, job)
    session.execute(
        update(table)
        .where(mine, table.c.status == "needs_attention")
        .values(status="active", status_message=None, updated_at=db_now())
    )
    complete(
        session,
        job,
        tally,
        message=_message(session, job, checkpoint),
        conflicts=checkpoint.unsolved.conflicts,
        refused=checkpoint.unsolved.refused,
        total=total,
    )
    return True


def _begin_following(session: Session, job: Job, checkpoint: Checkpoint) -> None:
    """Begin a refresh of each collection that follows this one, unless one is open or it is off for the store.

    It goes by what this one has just been told, so that it costs one request if nothing is new: which store it is, its
    time zone, and the moment when this one began. What came later the next one brings.
    """
    for resource in job.engine.tables.registry.following(job.resource):
        # A tick may begin one in this very moment.
        with suppress(IntegrityError), session.begin_nested():
            _begin_next(session, job, resource, checkpoint)


def _begin_next(session: Session, job: Job, resource: Resource, checkpoint: Checkpoint) -> None:
    engine, instance_id = job.engine, job.instance.id
    tables = engine.tables
    lease = session.execute(
        select(tables.leases.c.watermark, tables.leases.c.off_reason).where(
            *lease_of(tables, instance_id, resource.name)
        )
    ).one_or_none()
    if lease is None:
        if resource.name not in unknown_to_workers(session, tables, engine.config.tick_s):
            prepared = _as_prepared(job, resource, "initial", checkpoint, None)
            begin(engine, resource, instance_id, session, checkpoint=prepared)
        return
    is_open = tables.refreshes.c.open_key == open_key(instance_id, resource.name)
    if lease.off_reason is None and session.execute(select(tables.refreshes.c.id).where(is_open)).first() is None:
        prepared = _as_prepared(job, resource, "incremental", checkpoint, lease.watermark)
        which: dict[str, Any] = {"instance_id": instance_id, "resource": resource.name, "mode": "incremental"}
        start(session, tables, **which, checkpoint=prepared)


def _as_prepared(
    job: Job, resource: Resource, mode: Mode, checkpoint: Checkpoint, watermark: datetime | None
) -> Checkpoint:
    """Where a refresh of ``resource`` is once it is prepared, with this one's begin as its own."""
    assert checkpoint.begun_at is not None
    assert checkpoint.since is not None
    known_until, overlap_s = believed(watermark, checkpoint.begun_at), job.engine.config.overlap_s
    filter_ = dates(
        resource,
        mode,
        Parameters(),
        since=checkpoint.since,
        timezone=job.instance.store_timezone or "UTC",
        watermark=known_until,
        overlap_s=overlap_s,
    )
    return Checkpoint(
        phase="walk",
        begun_at=checkpoint.begun_at,
        since=checkpoint.since,
        dates=filter_,
        start_date=checkpoint.start_date,
        settled_until=known_until and shifted(known_until, -timedelta(seconds=overlap_s)),
    )


def _move_watermark(session: Session, job: Job, checkpoint: Checkpoint) -> None:
    """To when the walk began; to none if that is in the future: one from there is not kept (see ``modes.believed``)."""
    assert checkpoint.begun_at is not None
    # The store tells its time in whole seconds, cut off, so it may have been that much earlier there.
    begun_at = checkpoint.begun_at - _SECOND
    leases, latest = job.engine.tables.leases, job.clock.latest
    session.execute(
        update(leases)
        .where(
            *job.lease.row,
            # One that failed long ago and was begun again ends after others that began later.
            or_(leases.c.watermark.is_(None), leases.c.watermark < begun_at, leases.c.watermark > latest),
        )
        .values(watermark=begun_at if begun_at <= latest else None)
    )


def _note_drift(session: Session, job: Job) -> None:
    """That this reconciliation has found something, or that there is nothing any more."""
    refreshes, leases = job.engine.tables.refreshes, job.engine.tables.leases
    count = refreshes.c.created + refreshes.c.updated + refreshes.c.deleted
    has_drift = session.scalar(select(count).where(refreshes.c.id == job.refresh_id))
    session.execute(update(leases).where(*job.lease.row).values(drifted_in=job.refresh_id if has_drift else None))


def _found(session: Session, job: Job, checkpoint: Checkpoint) -> str:
    refreshes = job.engine.tables.refreshes
    row = session.execute(select(refreshes).where(refreshes.c.id == job.refresh_id)).one()
    found = progress.Found(row.created, row.updated, row.deleted, row.rejected)
    moved = [progress.moved(job.resource)] if checkpoint.walk.has_moved else []
    return " ".join([progress.reconciled(job.resource, found), *moved])


def _message(session: Session, job: Job, checkpoint: Checkpoint) -> str:
    refreshes, table = job.engine.tables.refreshes, job.engine.tables.rejected_records
    rejected = session.scalar(select(refreshes.c.rejected).where(refreshes.c.id == job.refresh_id)) or 0
    moved = [progress.moved(job.resource)] if checkpoint.walk.has_moved else []
    if not rejected:
        return progress.completed(checkpoint.unsolved, left_out=" ".join(moved) or None)
    is_kept = and_(table.c.reason_code.is_not(None), table.c.reason_code.in_(QUARANTINE))
    rows = session.execute(
        select(table.c.resource, func.count().label("count"), func.sum(case((is_kept, 1), else_=0)).label("kept"))
        .where(
            table.c.instance_id == job.instance.id,
            or_(table.c.refresh_id == job.refresh_id, and_(is_kept, table.c.tried_in == job.refresh_id)),
        )
        .group_by(table.c.resource)
        .order_by(table.c.resource)
    )
    sentences = [progress.left_out(row.resource, row[1], int(row.kept)) for row in rows]
    return progress.completed(checkpoint.unsolved, left_out=" ".join([*sentences, *moved]) or None)
