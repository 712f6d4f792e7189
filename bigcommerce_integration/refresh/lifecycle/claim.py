"""The begin and the end of a slice: claim a refresh with its lease, and let it go again."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sqlalchemy import Table, and_, case, func, or_, select, update
from sqlalchemy.orm import Session

from ...client.clock import StoreClock
from ...client.http.rate_limit import LONGEST_WAIT_S
from ...errors import KeyMissing
from ...models import Tables, db_now, is_due
from ...models.instances import IntegrationInstance
from ...models.refreshes import COUNTERS
from ...resources.columns import message as column_message
from ..job.checkpoint import Checkpoint, load_checkpoint
from ..job.context import Engine, Job, new_owner
from ..job.database import is_lockable
from ..job.lease import claim, sharers
from ..job.parameters import load_parameters
from ..read.fetcher import Tally
from ..read.quarantine import held
from ..write.apply import Results
from .keys import KEYLESS, require_keys
from .owed import Release, owe, settle, undo_trial

OPEN = ("pending", "processing")
LONGEST_PAUSE_S = 2 * LONGEST_WAIT_S
"""No slice asks to be resumed later than this."""


class Outcome(Enum):
    """What a slice has come to, so that the caller knows whether to hint again."""

    ENDED = "the refresh is completed or has failed"
    NOTHING = "the refresh had ended before"
    CONTINUE = "the next slice can begin at once"
    WAITING = "the next slice can begin at resume_at; the tick sends its hint"
    BUSY = "another worker has the lease; the tick sends a hint when it lapses"
    YIELDS = "a walk and refreshes of ids share the lease by turns, and it is the other's"
    CANCELLED = "somebody has ended the refresh meanwhile"
    KEYLESS = "this process cannot decrypt the instance's token, so the refresh is left to others as it was"


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
    held: frozenset[int] = frozenset()


def claim_refresh(engine: Engine, refresh_id: int) -> Claimed | Outcome:
    """The refresh with its lease, or why it is not to be advanced now."""
    settle(engine)
    found = engine.transaction(lambda session: _look(session, engine, refresh_id))
    if isinstance(found, Outcome):
        return found
    owner = new_owner()
    try:
        return engine.transaction(lambda session: _claim(session, engine, found, owner))
    except KeyMissing:
        # Rolled back: neither the lease nor the attempts have seen us.
        return Outcome.KEYLESS
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
            is_due(refreshes.c.resume_at, within_s=LONGEST_PAUSE_S).label("is_due"),
        ).where(refreshes.c.id == refresh_id)
    ).first()
    if row is None or row.status not in OPEN:
        return Outcome.NOTHING
    if row.resource not in engine.collections:
        # A later version's, whose workers send its hints.
        return Outcome.BUSY
    return row if row.is_due else Outcome.WAITING


def _claim(session: Session, engine: Engine, found: Any, owner: str) -> Claimed | Outcome:
    tables = engine.tables
    leases = tables.leases
    which = (leases.c.instance_id == found.instance_id, leases.c.resource == found.resource)
    before = session.execute(select(leases.c.owner, leases.c.is_walk_next).where(*which)).first()
    if before is None:
        return Outcome.BUSY
    is_walk = found.mode != "ids"
    if before.is_walk_next is not is_walk and _is_other_waiting(session, tables, found, is_walk=is_walk):
        return Outcome.YIELDS
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
    session.execute(update(leases).where(*which).values(is_walk_next=not is_walk))
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
            # Somebody with the key has come.
            message=func.nullif(refreshes.c.message, KEYLESS),
        )
    )
    if taken.rowcount != 1:
        lease.release(session)
        return Outcome.NOTHING
    row = session.execute(select(refreshes, db_now().label("now")).where(refreshes.c.id == found.id)).one()
    instance = session.execute(select(tables.instances).where(tables.instances.c.id == found.instance_id)).one()
    require_keys(engine.cipher, instance)
    # Due at once should this worker die: the tick looks at the lease before it sends.
    hint = tables.hints.c.refresh_id == found.id
    if is_lockable(session, select(tables.hints.c.refresh_id).where(hint)):
        session.execute(update(tables.hints).where(hint).values(next_hint_at=db_now(), times_sent=0))
    known = IntegrationInstance.from_row(instance)
    job = Job(
        engine=engine,
        refresh_id=found.id,
        resource=found.resource,
        mode=found.mode,
        parameters=load_parameters(row.parameters),
        instance=known,
        lease=lease,
        deadline=time.monotonic() + engine.config.slice_s,
        is_sweep=row.is_sweep,
        clock=StoreClock(known.store_hash, database=row.now),
    )
    values = {name: row._mapping[name] for name in (*COUNTERS, "waited_s")}
    return Claimed(
        job=job,
        checkpoint=load_checkpoint(row.checkpoint),
        results=Results(values, row.total),
        attempts=row.attempts - 1,
        sharers=sharers(session, tables, job.instance.store_hash, engine.config.lease_s),
        follows_death=before.owner is not None,
        setbacks=Setbacks(row.errors, row.shortages, row.trouble),
        held=held(session, tables, found.instance_id, found.resource),
    )


def _is_other_waiting(session: Session, tables: Tables, found: Any, *, is_walk: bool) -> bool:
    """Whether one of the other kind could be advanced now: a refresh of ids beside a walk, or the walk beside those."""
    refreshes = tables.refreshes
    others = (
        select(refreshes.c.id)
        .where(
            refreshes.c.instance_id == found.instance_id,
            refreshes.c.resource == found.resource,
            refreshes.c.mode == "ids" if is_walk else refreshes.c.mode != "ids",
            *_could_advance(refreshes),
        )
        .limit(1)
    )
    return session.execute(others).first() is not None


def _could_advance(refreshes: Table) -> tuple[Any, ...]:
    return refreshes.c.status.in_(OPEN), is_due(refreshes.c.resume_at, within_s=LONGEST_PAUSE_S)


def sibling(engine: Engine, refresh_id: int) -> tuple[str, int] | None:
    """Another refresh that shares the lease and could be advanced now, as a hint; one whose turn it is comes first."""
    refreshes, leases = engine.tables.refreshes, engine.tables.leases
    mine = refreshes.alias()
    has_turn = or_(
        and_(leases.c.is_walk_next.is_(True), refreshes.c.mode != "ids"),
        and_(leases.c.is_walk_next.is_(False), refreshes.c.mode == "ids"),
    )
    statement = (
        select(refreshes.c.resource, refreshes.c.id)
        .select_from(
            refreshes.join(mine, mine.c.id == refresh_id).join(
                leases, and_(leases.c.instance_id == mine.c.instance_id, leases.c.resource == mine.c.resource)
            )
        )
        .where(
            refreshes.c.instance_id == mine.c.instance_id,
            refreshes.c.resource == mine.c.resource,
            refreshes.c.id != refresh_id,
            *_could_advance(refreshes),
        )
        .order_by(case((has_turn, 0), else_=1), refreshes.c.id)
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
    trial: int | None = None,
) -> None:
    """Release the lease in good order; the refresh goes on no sooner than ``wait_s`` seconds from now.

    ``setbacks`` are those with what has ended the slice; None if it came to a good end. ``checkpoint`` None leaves
    the stored one. ``trial`` is the rejected record that was being tried again, if that is no fault of its own.
    """
    refreshes = job.engine.tables.refreshes

    def work(session: Session) -> None:
        job.lease.renew(session)
        values: dict[str, Any] = {"message": column_message(message)} if message else {}
        if setbacks is not None:
            values |= {
                "errors": setbacks.errors,
                "shortages": setbacks.shortages,
                "trouble": setbacks.trouble and column_message(setbacks.trouble),
            }
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
        if trial is not None:
            undo_trial(session, job.engine.tables, trial)
        job.lease.release(session)

    job.engine.transaction(work)


def say_keyless(engine: Engine, refresh_id: int) -> None:
    """Have the refresh show why it does not go on; whoever claims it takes that away."""
    refreshes = engine.tables.refreshes
    statement = (
        update(refreshes)
        .where(
            refreshes.c.id == refresh_id,
            refreshes.c.status.in_(OPEN),
            or_(refreshes.c.message.is_(None), refreshes.c.message != KEYLESS),
        )
        .values(message=KEYLESS)
    )
    engine.transaction(lambda session: session.execute(statement))


def instance_of(engine: Engine, refresh_id: int) -> int:
    """The id of the refresh's instance."""
    refreshes = engine.tables.refreshes
    statement = select(refreshes.c.instance_id).where(refreshes.c.id == refresh_id)
    return engine.transaction(lambda session: int(session.execute(statement).scalar_one()))
