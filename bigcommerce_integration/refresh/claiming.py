"""The begin and the end of a slice: claim a refresh with its lease, and let it go again."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from ..models import Tables, db_now
from ..models.instances import IntegrationInstance
from ..models.refreshes import COUNTERS
from .apply import Results
from .checkpoint import Checkpoint, load_checkpoint
from .context import Engine, Job, new_owner
from .database import is_lockable
from .fetching import Tally
from .lease import claim, sharers
from .owed import Release, owe, settle
from .parameters import load_parameters

OPEN = ("pending", "processing")


class Outcome(Enum):
    """What a slice has come to, so that the caller knows whether to hint again."""

    ENDED = "the refresh is completed or has failed"
    NOTHING = "the refresh had ended before"
    CONTINUE = "the next slice can begin at once"
    WAITING = "the next slice can begin at resume_at; the tick sends its hint"
    BUSY = "another worker has the lease; the tick sends a hint when it lapses"
    YIELDS = "a refresh of ids waits for the same lease and goes first"
    CANCELLED = "somebody has ended the refresh meanwhile"


@dataclass(frozen=True)
class Setbacks:
    """What slices before this one were ended by: errors that nobody expected (all), shortages of the database (in a
    row), and the last of both in words, until a slice comes to a good end.
    """

    errors: int = 0
    shortages: int = 0
    trouble: str | None = None


@dataclass(frozen=True)
class Claimed:
    """A refresh that is ours for a slice. ``attempts``: claims before this one that made no progress.

    ``follows_death``: whoever had the lease before did not let it go.
    """

    job: Job
    checkpoint: Checkpoint
    results: Results
    attempts: int
    sharers: int
    follows_death: bool
    setbacks: Setbacks


def claim_refresh(engine: Engine, refresh_id: int) -> Claimed | Outcome:
    """The refresh with its lease, or why it is not to be advanced now."""
    settle(engine)
    found = engine.transaction(lambda session: _look(session, engine, refresh_id))
    if isinstance(found, Outcome):
        return found
    owner = new_owner()
    try:
        return engine.transaction(lambda session: _claim(session, engine, found, owner))
    except Exception:
        # The answer to a commit may have got lost.
        owe(engine, Release(found.instance_id, found.resource, found.id, owner))
        raise


def _look(session: Session, engine: Engine, refresh_id: int) -> Any:
    refreshes = engine.tables.refreshes
    row = session.execute(
        select(
            refreshes.c.id,
            refreshes.c.instance_id,
            refreshes.c.resource,
            refreshes.c.mode,
            refreshes.c.status,
            or_(refreshes.c.resume_at.is_(None), refreshes.c.resume_at <= db_now()).label("is_due"),
        ).where(refreshes.c.id == refresh_id)
    ).first()
    if row is None or row.status not in OPEN:
        return Outcome.NOTHING
    return row if row.is_due else Outcome.WAITING


def _claim(session: Session, engine: Engine, found: Any, owner: str) -> Claimed | Outcome:
    tables = engine.tables
    if found.mode != "ids" and waiting_ids(session, tables, found.instance_id, found.resource) is not None:
        return Outcome.YIELDS
    leases = tables.leases
    which = (leases.c.instance_id == found.instance_id, leases.c.resource == found.resource)
    owner_before = session.scalar(select(leases.c.owner).where(*which))
    lease = claim(
        session,
        tables,
        instance_id=found.instance_id,
        resource=found.resource,
        owner=owner,
        length_s=engine.config.lease_s,
    )
    if lease is None:
        return Outcome.BUSY
    refreshes = tables.refreshes
    taken: Any = session.execute(
        update(refreshes)
        .where(refreshes.c.id == found.id, refreshes.c.status.in_(OPEN))
        .values(
            status="processing",
            started_at=func.coalesce(refreshes.c.started_at, db_now()),
            progress_percentage=func.coalesce(refreshes.c.progress_percentage, 0),
            attempts=refreshes.c.attempts + 1,
            resume_at=None,
        )
    )
    if taken.rowcount != 1:
        lease.release(session)
        return Outcome.NOTHING
    row = session.execute(select(refreshes).where(refreshes.c.id == found.id)).one()
    instance = session.execute(select(tables.instances).where(tables.instances.c.id == found.instance_id)).one()
    # Due at once should this worker die: the tick looks at the lease before it sends.
    hint = tables.hints.c.refresh_id == found.id
    if is_lockable(session, select(tables.hints.c.refresh_id).where(hint)):
        session.execute(update(tables.hints).where(hint).values(next_hint_at=db_now(), times_sent=0))
    job = Job(
        engine=engine,
        refresh_id=found.id,
        resource=found.resource,
        mode=found.mode,
        parameters=load_parameters(row.parameters),
        instance=IntegrationInstance.from_row(instance),
        lease=lease,
        deadline=time.monotonic() + engine.config.slice_s,
        is_sweep=row.is_sweep,
    )
    values = {name: row._mapping[name] for name in (*COUNTERS, "waited_s")}
    return Claimed(
        job=job,
        checkpoint=load_checkpoint(row.checkpoint),
        results=Results(values, row.total),
        attempts=row.attempts - 1,
        sharers=sharers(session, tables, job.instance.store_hash),
        follows_death=owner_before is not None,
        setbacks=Setbacks(row.errors, row.shortages, row.trouble),
    )


def waiting_ids(session: Session, tables: Tables, instance_id: int, resource: str) -> int | None:
    """An open refresh of ids that could be advanced now: the walk beside it lets it go first, slice by slice."""
    refreshes = tables.refreshes
    found: int | None = session.scalar(
        select(refreshes.c.id)
        .where(
            refreshes.c.instance_id == instance_id,
            refreshes.c.resource == resource,
            refreshes.c.mode == "ids",
            refreshes.c.status.in_(OPEN),
            or_(refreshes.c.resume_at.is_(None), refreshes.c.resume_at <= db_now()),
        )
        .order_by(refreshes.c.id)
        .limit(1)
    )
    return found


def sibling(engine: Engine, refresh_id: int) -> tuple[str, int] | None:
    """Another open refresh for the same lease, as a hint: one of ids, or the walk that has let it go first."""
    refreshes = engine.tables.refreshes
    mine = refreshes.alias()
    statement = (
        select(refreshes.c.resource, refreshes.c.id)
        .select_from(refreshes.join(mine, mine.c.id == refresh_id))
        .where(
            refreshes.c.instance_id == mine.c.instance_id,
            refreshes.c.resource == mine.c.resource,
            refreshes.c.id != refresh_id,
            refreshes.c.status.in_(OPEN),
        )
        # Those of ids have no key, and go first.
        .order_by(refreshes.c.open_key.is_not(None), refreshes.c.id)
        .limit(1)
    )
    row = engine.transaction(lambda session: session.execute(statement).first())
    return None if row is None else (row.resource, row.id)


def let_go(
    job: Job,
    checkpoint: Checkpoint | None,
    tally: Tally,
    *,
    total: int | None,
    wait_s: float,
    message: str | None,
    attempts: int = 0,
    setbacks: Setbacks | None = None,
) -> None:
    """Release the lease in good order; the refresh goes on no sooner than ``wait_s`` seconds from now.

    ``setbacks`` are those with what has ended the slice; None if it came to a good end. ``checkpoint`` None leaves
    the stored one.
    """
    refreshes = job.engine.tables.refreshes

    def work(session: Session) -> None:
        job.lease.renew(session)
        values: dict[str, Any] = {"message": message} if message else {}
        if setbacks is not None:
            values |= {"errors": setbacks.errors, "shortages": setbacks.shortages, "trouble": setbacks.trouble}
        else:
            values |= {"shortages": 0, "trouble": None}
        if checkpoint is not None:
            values |= {"checkpoint": checkpoint.dump(), "phase": checkpoint.phase}
        session.execute(
            update(refreshes)
            .where(refreshes.c.id == job.refresh_id, refreshes.c.status == "processing")
            .values(
                **values,
                total=total,
                quota_left=func.coalesce(tally.quota_left, refreshes.c.quota_left),
                attempts=attempts,
                requests=refreshes.c.requests + tally.requests,
                waited_s=refreshes.c.waited_s + tally.waited_s + wait_s,
                resume_at=db_now(wait_s) if wait_s > 0 else None,
            )
        )
        job.lease.release(session)

    job.engine.transaction(work)


def instance_of(engine: Engine, refresh_id: int) -> int:
    """The id of the refresh's instance."""
    refreshes = engine.tables.refreshes
    statement = select(refreshes.c.instance_id).where(refreshes.c.id == refresh_id)
    return engine.transaction(lambda session: int(session.execute(statement).scalar_one()))
