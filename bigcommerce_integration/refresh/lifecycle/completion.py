"""What is done together with the end of a refresh that has read all it was to read: watermark, wishes, its message."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, bindparam, case, exists, func, or_, select, update
from sqlalchemy.orm import Session

from ...models import Tables, db_now
from ...resources.base import Mode, Resource
from ...resources.values import shifted
from ..job import progress
from ..job.checkpoint import Checkpoint
from ..job.context import Job
from ..job.lease import lease_of
from ..job.modes import MOVES_WATERMARK, believed, dates
from ..job.parameters import Parameters
from ..job.progress import Tally
from ..write.apply import Results
from ..write.behaviour import Behaviour
from ..write.page import QUARANTINE
from .arrivals import begin, unknown_to_workers
from .claim import could_advance
from .transitions import complete, open_key, start
from .wishes import fulfilled

_SECOND = timedelta(seconds=1)


class Incomplete(Exception):
    """Products that orders refer to have to be fetched before the refresh is completed."""


def finish(session: Session, job: Job, checkpoint: Checkpoint, tally: Tally, results: Results) -> None:
    """Complete the refresh; ``Incomplete`` if something has to be fetched first. The caller commits, or rolls back.

    That belongs to the last of an instance's refreshes to end: the row lock on the instance makes two that end at the
    same moment agree on which that is. ``tally`` is what was spent since the last page. ``IntegrityError`` if a tick
    begins what follows in this very moment: the same once more succeeds.
    """
    job.lease.end(session, **_of_lease(job, checkpoint, results))
    if job.is_reconciliation:
        complete(session, job, tally, message=_found(job, checkpoint, results), total=results.total)
        return
    tables, instance_id, behaviour = job.engine.tables, job.instance.id, job.collection.behaviour
    mine = tables.instances.c.id == instance_id
    if behaviour.completes_with:
        session.execute(select(tables.instances.c.id).where(mine).with_for_update())
    # In a statement of its own: what another one has done before it let go of the instance is to be seen.
    seen = session.execute(tables.prebuilt(_surroundings, behaviour), _these(job)).one()
    is_sure = seen.is_other_open or seen.is_surely_complete
    if not is_sure and not behaviour.is_complete(session, tables, instance_id):
        raise Incomplete
    begun = _begin_following(session, job, checkpoint) if job.mode in MOVES_WATERMARK else ()
    job.aftermath.begun, job.aftermath.has_sibling = begun, seen.has_sibling
    if seen.status == "needs_attention":
        well = {"status": "active", "status_message": None, "updated_at": db_now()}
        session.execute(update(tables.instances).where(mine, tables.instances.c.status == seen.status).values(well))
    wishes = fulfilled(job, checkpoint, seen)
    if wishes:
        session.execute(update(tables.leases).where(*job.lease.row).values(wishes))
    complete(
        session,
        job,
        tally,
        message=_message(session, job, checkpoint, results),
        conflicts=checkpoint.unsolved.conflicts,
        refused=checkpoint.unsolved.refused,
        total=results.total,
    )


def _surroundings(tables: Tables, behaviour: Behaviour) -> Select[Any]:
    """What is wanted of a collection, the settings, and which other refreshes are open beside the one that ends.

    Whoever changes what is wanted, or the settings, has to wait for the lease.
    """
    leases, refreshes, instances = tables.leases, tables.refreshes, tables.instances
    instance_id: Any = bindparam("this_instance")
    resource: Any = bindparam("this_resource")
    is_other_open = exists().where(refreshes.c.open_key.in_(bindparam("others", expanding=True)))
    is_sibling = (
        refreshes.c.instance_id == instance_id,
        refreshes.c.resource == resource,
        refreshes.c.id != bindparam("this_refresh"),
        *could_advance(refreshes),
    )
    return (
        select(
            leases.c.backfill_to,
            leases.c.is_link_wanted,
            *(instances.c[name] for name in ("status", "start_date", "auto_link_products", "auto_create_products")),
            is_other_open.label("is_other_open"),
            exists().where(*is_sibling).label("has_sibling"),
            behaviour.is_surely_complete(tables, instance_id).label("is_surely_complete"),
        )
        .select_from(leases.join(instances, instances.c.id == leases.c.instance_id))
        .where(*lease_of(tables, instance_id, resource))
    )


def _these(job: Job) -> dict[str, Any]:
    others = [open_key(job.instance.id, each) for each in job.collection.behaviour.completes_with]
    its = {"this_instance": job.instance.id, "this_resource": job.resource, "this_refresh": job.refresh_id}
    return {"others": others, **its}


def _of_lease(job: Job, checkpoint: Checkpoint, results: Results) -> dict[str, Any]:
    """Where the collection stands from now on."""
    if job.is_reconciliation:
        has_drift = any(results.values[name] for name in ("created", "updated", "deleted"))
        return {"drifted_in": job.refresh_id if has_drift else None}
    is_moved = job.mode in MOVES_WATERMARK and not checkpoint.is_unconfirmed
    values: dict[str, Any] = _watermark(job, checkpoint) if is_moved else {}
    if job.parameters.is_repair:
        values["drifted_in"] = None
    if not job.collection.resource.required:
        # It could be read.
        values["off_reason"] = None
    return values


def _begin_following(session: Session, job: Job, checkpoint: Checkpoint) -> list[tuple[str, int]]:
    """Begin a refresh of each collection that follows this one, unless one is open or it is off for the store.

    The resource and the id of each. It goes by what this one has been told, so that it costs one request if nothing is
    new: which store it is, its time zone, and the moment when this one began. What came later the next one brings.
    """
    following = job.engine.tables.registry.following(job.resource)
    begun = [(resource.name, _begin_next(session, job, resource, checkpoint)) for resource in following]
    return [(name, refresh_id) for name, refresh_id in begun if refresh_id is not None]


def _begin_next(session: Session, job: Job, resource: Resource, checkpoint: Checkpoint) -> int | None:
    engine, instance_id = job.engine, job.instance.id
    tables, after_s = engine.tables, engine.config.tick_s  # Whoever ends this one goes on with it.
    leases, refreshes = tables.leases, tables.refreshes
    is_open = exists().where(refreshes.c.open_key == open_key(instance_id, resource.name)).label("is_open")
    which = lease_of(tables, instance_id, resource.name)
    lease = session.execute(select(leases.c.watermark, leases.c.off_reason, is_open).where(*which)).one_or_none()
    if lease is None:
        if resource.name in unknown_to_workers(session, tables, engine.config.tick_s):
            return None
        prepared = _as_prepared(job, resource, "initial", checkpoint, None)
        return begin(engine, resource, instance_id, session, checkpoint=prepared, hint_after_s=after_s)
    if lease.off_reason is not None or lease.is_open:
        return None
    prepared = _as_prepared(job, resource, "incremental", checkpoint, lease.watermark)
    its: dict[str, Any] = {"instance_id": instance_id, "resource": resource.name, "mode": "incremental"}
    return start(session, tables, **its, checkpoint=prepared, hint_after_s=after_s)


def _as_prepared(
    job: Job, resource: Resource, mode: Mode, checkpoint: Checkpoint, watermark: datetime | None
) -> Checkpoint | None:
    """Where a refresh of ``resource`` is once it is prepared, with this one's begin as its own.

    None if the store was not asked which one it is: then that one has to.
    """
    if checkpoint.is_unconfirmed:
        return None
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


def _watermark(job: Job, checkpoint: Checkpoint) -> dict[str, Any]:
    """To when the walk began; to none if that is in the future: one from there is not kept (see ``modes.believed``)."""
    assert checkpoint.begun_at is not None
    # The store tells its time in whole seconds, cut off, so it may have been that much earlier there.
    begun_at = checkpoint.begun_at - _SECOND
    known, latest = job.lease.watermark, job.clock.latest
    if known is not None and begun_at <= known <= latest:
        # One that failed long ago and was begun again ends after others that began later.
        return {}
    return {"watermark": begun_at if begun_at <= latest else None}


def _found(job: Job, checkpoint: Checkpoint, results: Results) -> str:
    counts = (results.values[name] for name in ("created", "updated", "deleted", "rejected"))
    moved = [progress.moved(job.resource)] if checkpoint.walk.has_moved else []
    return " ".join([progress.reconciled(job.resource, progress.Found(*counts)), *moved])


def _message(session: Session, job: Job, checkpoint: Checkpoint, results: Results) -> str:
    table = job.engine.tables.rejected_records
    moved = [progress.moved(job.resource)] if checkpoint.walk.has_moved else []
    if not results.values["rejected"]:
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
