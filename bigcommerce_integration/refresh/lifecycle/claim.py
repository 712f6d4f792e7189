"""The begin of a slice: claim a refresh with its lease."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from sqlalchemy import Row, Table, and_, case, or_, select, update
from sqlalchemy.orm import Session

from ...client.clock import StoreClock
from ...client.http.rate_limit import LONGEST_WAIT_S
from ...errors import KeyMissing
from ...models import Tables, db_now, is_due
from ...models.dialect import is_lockable
from ...models.instances import IntegrationInstance
from ...models.refreshes import COUNTERS, OPEN
from ..drift import load_drift
from ..job.checkpoint import Checkpoint, load_checkpoint
from ..job.context import Engine, Job, new_owner
from ..job.lease import Lease, claim, lease_of, sharers
from ..job.parameters import BESIDE_WALKS, load_parameters
from ..read.quarantine import held
from ..write.apply import Results
from .keys import require_keys
from .release import Owed, settle
from .setbacks import Setbacks
from .transitions import take_up

LONGEST_PAUSE_S = 2 * LONGEST_WAIT_S
"""No slice asks to be resumed later than this."""


class Outcome(Enum):
    """How a slice has ended, so that the caller knows whether to hint again."""

    ENDED = "the refresh is completed or has failed"
    NOTHING = "the refresh had ended before"
    CONTINUE = "the next slice can begin at once"
    WAITING = "the next slice can begin at resume_at; the tick sends its hint"
    BUSY = "another worker has the lease; the tick sends a hint when it lapses"
    YIELDS = "a walk and refreshes of ids share the lease by turns, and it is the other's"
    CANCELLED = "somebody has ended the refresh meanwhile"
    KEYLESS = "this process cannot decrypt the instance's token, so the refresh is left to others as it was"


@dataclass(frozen=True)
class Claimed:
    """A refresh that is ours for a slice. ``attempts``: claims before this one that made no progress.

    ``follows_death``: whoever had the lease before did not release it. ``is_first``: it was pending until now, as it
    is new or was opened again.
    """

    job: Job
    checkpoint: Checkpoint
    results: Results
    attempts: int
    sharers: int
    follows_death: bool
    setbacks: Setbacks
    held: frozenset[int] = frozenset()
    is_first: bool = False


def claim_refresh(engine: Engine, refresh_id: int) -> Claimed | Outcome:
    """The refresh with its lease, or why it cannot be advanced now."""
    settle(engine)
    found = engine.transaction(lambda session: _find(session, engine, refresh_id))
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
        engine.owed[owner] = Owed(found.instance_id, found.resource, found.id, owner)
        raise


def _find(session: Session, engine: Engine, refresh_id: int) -> Row[Any] | Outcome:
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


def _claim(session: Session, engine: Engine, found: Row[Any], owner: str) -> Claimed | Outcome:
    tables, is_walk = engine.tables, found.mode not in BESIDE_WALKS
    leases, which = tables.leases, lease_of(tables, found.instance_id, found.resource)
    before = session.execute(select(leases.c.owner, leases.c.is_walk_next).where(*which)).first()
    if before is None:
        return Outcome.BUSY
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
    if not take_up(session, tables, found.id):
        lease.release(session)
        return Outcome.NOTHING
    claimed = _claimed(session, engine, found.id, lease, follows_death=before.owner is not None)
    return replace(claimed, is_first=found.status == "pending")


def _claimed(session: Session, engine: Engine, refresh_id: int, lease: Lease, *, follows_death: bool) -> Claimed:
    """The refresh that was taken up, as it stands; ``KeyMissing`` if this process cannot ask its store."""
    tables = engine.tables
    refreshes, instances = tables.refreshes, tables.instances
    row = session.execute(select(refreshes, db_now().label("now")).where(refreshes.c.id == refresh_id)).one()
    stored = session.execute(select(instances).where(instances.c.id == lease.instance_id)).one()
    require_keys(engine.cipher, stored)
    _make_hint_due(session, tables, refresh_id)
    instance = IntegrationInstance.from_row(stored)
    job = Job(
        engine=engine,
        refresh_id=refresh_id,
        resource=row.resource,
        mode=row.mode,
        parameters=load_parameters(row.parameters),
        instance=instance,
        lease=lease,
        deadline=time.monotonic() + engine.config.slice_s,
        is_sweep=row.is_sweep,
        clock=StoreClock(instance.store_hash, database=row.now),
    )
    return Claimed(
        job=job,
        checkpoint=load_checkpoint(row.checkpoint),
        results=Results(
            {name: row._mapping[name] for name in (*COUNTERS, "waited_s")}, row.total, load_drift(row.drift)
        ),
        attempts=row.attempts - 1,
        sharers=sharers(session, tables, instance.store_hash, engine.config.lease_s),
        follows_death=follows_death,
        setbacks=Setbacks(row.errors, row.shortages, row.trouble),
        held=held(session, tables, lease.instance_id, lease.resource),
    )


def _make_hint_due(session: Session, tables: Tables, refresh_id: int) -> None:
    """At once, should this worker die: the tick looks at the lease before it sends."""
    hints = tables.hints
    hint = hints.c.refresh_id == refresh_id
    if is_lockable(session, select(hints.c.refresh_id).where(hint)):
        session.execute(update(hints).where(hint).values(next_hint_at=db_now(), times_sent=0))


# -- whose turn it is ----------------------------------------------------------------------------------------------


def _is_other_waiting(session: Session, tables: Tables, found: Row[Any], *, is_walk: bool) -> bool:
    """Whether one of the other kind could be advanced now: a refresh of ids beside a walk, or the walk beside those."""
    refreshes = tables.refreshes
    others = (
        select(refreshes.c.id)
        .where(
            refreshes.c.instance_id == found.instance_id,
            refreshes.c.resource == found.resource,
            refreshes.c.mode.in_(BESIDE_WALKS) if is_walk else refreshes.c.mode.not_in(BESIDE_WALKS),
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
        and_(leases.c.is_walk_next.is_(True), refreshes.c.mode.not_in(BESIDE_WALKS)),
        and_(leases.c.is_walk_next.is_(False), refreshes.c.mode.in_(BESIDE_WALKS)),
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


def begun_after(engine: Engine, hint: tuple[str, int]) -> list[tuple[str, int]]:
    """The refreshes of collections that follow the one of this refresh, as hints, if they wait for a worker."""
    following = [each.name for each in engine.tables.registry.following(hint[0])]
    if not following:
        return []
    refreshes = engine.tables.refreshes
    mine = refreshes.alias()
    statement = (
        select(refreshes.c.resource, refreshes.c.id)
        .join(mine, mine.c.instance_id == refreshes.c.instance_id)
        .where(mine.c.id == hint[1], refreshes.c.resource.in_(following), refreshes.c.status == "pending")
        .order_by(refreshes.c.id)
    )
    return [(row[0], row[1]) for row in engine.transaction(lambda session: session.execute(statement).all())]


def instance_of(engine: Engine, refresh_id: int) -> int:
    """The id of the refresh's instance."""
    refreshes = engine.tables.refreshes
    statement = select(refreshes.c.instance_id).where(refreshes.c.id == refresh_id)
    return engine.transaction(lambda session: int(session.execute(statement).scalar_one()))
