"""Collections that are newer than a store's connection, or than a worker that is still running.

A collection begins for a store with its lease and an initial refresh. Workers of a version that does not know it would
fail on its refresh, and stop sending hints: so it begins only when they are gone.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

from sqlalchemy import exists, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ...errors import RefreshCode, ScopeMissing
from ...models import Tables, db_now
from ...resources.base import Resource
from ...resources.columns import message
from ..job.checkpoint import Checkpoint
from ..job.context import Engine, Job
from .transitions import cancel, start
from .wishes import spread

GONE_S = 60.0
"""A worker that has not ticked for so long is gone, or for three of its ticks if that is longer."""
A_TICK = 100


def begin_new(engine: Engine) -> int:
    """Begin each collection of each store that was connected before it existed, a hundred a tick; how many."""
    newer = [each for each in engine.tables.registry.read if each.since is not None]
    if not newer:
        return 0
    tick_s = engine.config.tick_s
    unknown = engine.transaction(lambda session: unknown_to_workers(session, engine.tables, tick_s), is_small=True)
    return sum(_begin(engine, resource) for resource in newer if resource.name not in unknown)


def unknown_to_workers(session: Session, tables: Tables, tick_s: float) -> frozenset[str]:
    """The collections that some worker does not know which has ticked of late."""
    workers, window_s = tables.workers, max(GONE_S, 3 * tick_s)
    has_ticked = workers.c.last_tick_at.between(db_now(-window_s), db_now(window_s))
    alive = select(workers.c.version).where(workers.c.ended_at.is_(None), has_ticked)
    versions = set(session.scalars(alive.distinct()))
    return frozenset(
        each.name for each in tables.registry.read if not all(is_known(each, version) for version in versions)
    )


def is_known(resource: Resource, version: str | None) -> bool:
    """Whether a worker of this version knows the collection; None is 0.1.0."""
    return resource.since is None or (version is not None and _parts(version) >= _parts(resource.since))


def _parts(version: str) -> tuple[int, ...]:
    """``0.10.0`` is later than ``0.9.2``; what is no number ends it."""
    parts = []
    for part in version.split("."):
        if not part.isdigit():
            break
        parts.append(int(part))
    return tuple(parts)


def _begin(engine: Engine, resource: Resource) -> int:
    instances, leases = engine.tables.instances, engine.tables.leases
    has_lease = exists().where(leases.c.instance_id == instances.c.id, leases.c.resource == resource.name)
    which = [instances.c.status == "active", ~has_lease]
    if resource.begins is not None:
        first = leases.alias()
        of_first = (first.c.instance_id == instances.c.id, first.c.resource == resource.begins.collection)
        which.append(exists().where(*of_first, first.c.watermark.is_not(None)))
    lacking = select(instances.c.id).where(*which).order_by(instances.c.id)
    begun = 0
    for instance_id in engine.transaction(lambda session: session.scalars(lacking.limit(A_TICK)).all()):
        # Another tick may be quicker.
        with suppress(IntegrityError):
            engine.transaction(partial(begin, engine, resource, instance_id))
            begun += 1
    return begun


def begin(
    engine: Engine,
    resource: Resource,
    instance_id: int,
    session: Session,
    *,
    checkpoint: Checkpoint | None = None,
    hint_after_s: float = 0.0,
) -> int:
    """Insert its lease and its initial refresh for one store; that one's id. ``IntegrityError`` if they are there."""
    row = {"instance_id": instance_id, "resource": resource.name, "epoch": 0, "change_number": 0}
    next_sweep_at = db_now(spread(engine.config.sweep_interval_s))
    session.execute(insert(engine.tables.leases).values(**row, next_sweep_at=next_sweep_at))
    which: dict[str, Any] = {"instance_id": instance_id, "resource": resource.name, "mode": "initial"}
    return start(session, engine.tables, **which, checkpoint=checkpoint, hint_after_s=hint_after_s)


def turn_off(job: Job, error: ScopeMissing) -> None:
    """The token lacks the scope of a collection that a store can do without: it is off for that store, and no failure.

    It is tried again by the next sweep, and once there is another token.
    """

    def work(session: Session) -> None:
        tables = job.engine.tables
        job.lease.renew(session)
        cancel(session, tables, job.refresh_id, message=str(error), error_code=RefreshCode.SCOPE_MISSING)
        session.execute(update(tables.leases).where(*job.lease.row).values(off_reason=message(str(error))))
        job.lease.release(session)

    job.engine.transaction(work)
