"""The begin of a slice: claim a refresh with its lease."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sqlalchemy import FromClause, Row, Select, and_, bindparam, case, exists, or_, select, true, update
from sqlalchemy.orm import Session

from ...client.clock import StoreClock
from ...client.http.rate_limit import LONGEST_WAIT_S
from ...errors import KeyMissing
from ...models import Tables, db_now, is_due
from ...models.dialect.transactions import unlocked
from ...models.dialect.writes import affected, write_free, writes_within_reads
from ...models.instances import IntegrationInstance
from ...models.refreshes import COUNTERS, OPEN
from ..drift import load_drift
from ..job.checkpoint import Checkpoint, load_checkpoint
from ..job.context import Engine, Job, new_owner
from ..job.lease import Lease, as_taken, count_sharers, is_free_to_take, take, taking
from ..job.parameters import BESIDE_WALKS, load_parameters
from ..read.quarantine import has_held, held
from ..write.apply import Results
from .keys import require_keys
from .release import Owed, settle
from .setbacks import Setbacks
from .transitions import taking_up
from .wishes import MOST_SPREAD

LONGEST_PAUSE_S = 2 * LONGEST_WAIT_S
"""No slice asks to be resumed later than this."""
_ITS = "its_"
"""Before the names of the instance's columns, where the refresh's stand beside them."""


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
    owner = new_owner()
    found: Row[Any] | None = None

    def work(session: Session) -> Claimed | Outcome:
        nonlocal found
        found = _found(session, engine, refresh_id, owner)
        return _why_not(session, engine, refresh_id) if found is None else _claim(session, engine, found, owner)

    try:
        return engine.transaction(work, is_small=True)
    except KeyMissing:
        # Rolled back: neither the lease nor the attempts have seen us.
        return Outcome.KEYLESS
    except Exception:
        # The answer to a commit may have got lost.
        if found is not None:
            engine.owed[owner] = Owed(found.instance_id, found.resource, found.id, owner)
        raise


def _found(session: Session, engine: Engine, refresh_id: int, owner: str) -> Row[Any] | None:
    """The refresh with its lease, if nobody has that; where one statement can do both, the lease is taken with it."""
    tables, these = engine.tables, {"this_refresh": refresh_id, "this_owner": owner}
    lengths = (engine.config.lease_s, engine.config.link_interval_s)
    if writes_within_reads(session):
        return session.execute(tables.prebuilt(_taken, *lengths), these).first()
    return session.execute(unlocked(session, tables.prebuilt(_claimable, *lengths), tables.leases), these).first()


def _taken(tables: Tables, lease_s: float, link_interval_s: float) -> Select[Any]:
    """What ``_claimable`` reads, as it was, with the row locked; its lease is taken if it may be: ``is_taken``.

    What the refresh is beside that is read afterwards: this statement sees it as it was before it had the lock.
    """
    claimable: Any = tables.prebuilt(_claimable, lease_s, link_interval_s)
    found = claimable.with_for_update(of=tables.leases, skip_locked=True).cte("found")
    owner: Any = bindparam("this_owner")
    taking_ = taking(tables, found.c, owner=owner, length_s=lease_s, is_walk_next=found.c.is_beside)
    taken = taking_.where(found.c.may_be_taken).returning(tables.leases.c.instance_id).cte("taken")
    is_taken = taken.c.instance_id.is_not(None).label("is_taken")
    return select(found, is_taken).select_from(found.outerjoin(taken, true()))


def _claimable(tables: Tables, lease_s: float, link_interval_s: float) -> Select[Any]:
    """The refresh ``this_refresh`` with its lease, as it is, if nobody has that."""
    refreshes, leases, other = tables.refreshes, tables.leases, tables.refreshes.alias()
    of_both = and_(leases.c.instance_id == refreshes.c.instance_id, leases.c.resource == refreshes.c.resource)
    is_pass_due = is_due(leases.c.next_link_at, within_s=MOST_SPREAD * link_interval_s)
    is_beside = refreshes.c.mode.in_(BESIDE_WALKS)
    is_other_waiting = exists().where(
        other.c.instance_id == refreshes.c.instance_id,
        other.c.resource == refreshes.c.resource,
        other.c.mode.in_(BESIDE_WALKS) != is_beside,
        *could_advance(other),
    )
    has_turn = or_(leases.c.is_walk_next != is_beside, ~is_other_waiting)
    # A later version may mirror more.
    is_known = refreshes.c.resource.in_(tables.registry.names)
    return (
        select(
            *(refreshes.c[name] for name in ("id", "instance_id", "resource", "mode", "status")),
            *(leases.c[name] for name in ("owner", "epoch", "change_number", "watermark", "linked_up_to")),
            or_(leases.c.is_link_wanted.is_(True), is_pass_due).label("is_link_due"),
            is_due(refreshes.c.resume_at, within_s=LONGEST_PAUSE_S).label("is_due"),
            is_beside.label("is_beside"),
            and_(*could_advance(refreshes), is_known, has_turn).label("may_be_taken"),
        )
        .select_from(leases.join(refreshes, of_both))
        .where(refreshes.c.id == bindparam("this_refresh"), is_free_to_take(tables, lease_s))
    )


def _why_not(session: Session, engine: Engine, refresh_id: int) -> Outcome:
    """Why there is no lease to take."""
    refreshes = engine.tables.refreshes
    is_due_ = is_due(refreshes.c.resume_at, within_s=LONGEST_PAUSE_S).label("is_due")
    row = session.execute(select(refreshes, is_due_).where(refreshes.c.id == refresh_id)).first()
    return Outcome.NOTHING if row is None else _obstacle(engine, row) or Outcome.BUSY


def _obstacle(engine: Engine, found: Row[Any]) -> Outcome | None:
    """What keeps a refresh from being advanced now, whoever has its lease."""
    if found.status not in OPEN:
        return Outcome.NOTHING
    if found.resource not in engine.collections:
        # A later version's, whose workers send its hints.
        return Outcome.BUSY
    return None if found.is_due else Outcome.WAITING


def _claim(session: Session, engine: Engine, found: Row[Any], owner: str) -> Claimed | Outcome:
    if not found.may_be_taken:
        return _obstacle(engine, found) or Outcome.YIELDS
    lease = _lease(session, engine, found, owner)
    if lease is None:
        return Outcome.BUSY
    row = _take_up(session, engine, found.id)
    if row is None:
        lease.release(session)
        return Outcome.NOTHING
    return _claimed(session, engine, found, lease, row)


def _lease(session: Session, engine: Engine, found: Row[Any], owner: str) -> Lease | None:
    tables, length_s = engine.tables, engine.config.lease_s
    if not writes_within_reads(session):
        return take(session, tables, found, owner=owner, length_s=length_s, is_walk_next=found.is_beside)
    return as_taken(tables, found, owner=owner, length_s=length_s) if found.is_taken else None


def _take_up(session: Session, engine: Engine, refresh_id: int) -> Row[Any] | None:
    """The refresh that is taken up, as it stands; None if it has ended meanwhile. The caller has the lease."""
    tables, is_one, this = engine.tables, writes_within_reads(session), {"this_refresh": refresh_id}
    if not is_one and affected(session, tables.prebuilt(taking_up), this) != 1:
        return None
    return session.execute(tables.prebuilt(_taken_up, engine.config.lease_s, is_one), this).one_or_none()


def _taken_up(tables: Tables, lease_s: float, is_taking_up: bool) -> Select[Any]:
    """All of the refresh ``this_refresh`` and, as ``its_…``, of its instance; ``is_taking_up``: it takes it up, too."""
    instances, hints = tables.instances, tables.hints
    refreshes: FromClause = tables.refreshes
    if is_taking_up:
        refreshes = taking_up(tables).returning(*tables.refreshes.c).cte("taken_up")
    return (
        select(
            refreshes,
            *(column.label(f"{_ITS}{column.name}") for column in instances.c),
            db_now().label("now"),
            (hints.c.next_hint_at > db_now(lease_s)).label("is_hint_far"),
            count_sharers(tables, instances.c.store_hash, lease_s).label("sharers"),
            has_held(tables, refreshes.c.instance_id, refreshes.c.resource).label("has_held"),
        )
        .select_from(
            refreshes.join(instances, instances.c.id == refreshes.c.instance_id).outerjoin(
                hints, hints.c.refresh_id == refreshes.c.id
            )
        )
        .where(refreshes.c.id == bindparam("this_refresh"))
    )


def _claimed(session: Session, engine: Engine, found: Row[Any], lease: Lease, row: Row[Any]) -> Claimed:
    """The refresh that was taken up, as ``row`` has it; ``KeyMissing`` if this process cannot ask its store."""
    tables, refresh_id = engine.tables, found.id
    require_keys(engine.cipher, row, prefix=_ITS)
    if row.is_hint_far:
        _make_hint_due(session, tables, refresh_id)
    instance = IntegrationInstance.from_row(row, prefix=_ITS)
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
        is_link_due=bool(found.is_link_due),
        # Read once the lease was taken: an erasure waits for whoever took it before (see ``operations.privacy``).
        has_erased=row._mapping[f"{_ITS}erasure_key"] is not None,
        clock=StoreClock(instance.store_hash, database=row.now),
    )
    return Claimed(
        job=job,
        checkpoint=load_checkpoint(row.checkpoint),
        results=Results(
            {name: row._mapping[name] for name in (*COUNTERS, "waited_s")}, row.total, load_drift(row.drift)
        ),
        attempts=row.attempts - 1,
        sharers=max(1, row.sharers),
        follows_death=found.owner is not None,
        setbacks=Setbacks(row.errors, row.shortages, row.trouble),
        held=held(session, tables, lease.instance_id, lease.resource) if row.has_held else frozenset(),
        is_first=found.status == "pending",
    )


def _make_hint_due(session: Session, tables: Tables, refresh_id: int) -> None:
    """Should this worker die, the tick hints once the lease has lapsed: at once, and not so much later."""
    hints = tables.hints
    due = update(hints).values(next_hint_at=db_now(), times_sent=0)
    write_free(session, due, hints.c.refresh_id, hints.c.refresh_id == refresh_id)


# -- whose turn it is ----------------------------------------------------------------------------------------------


def could_advance(refreshes: FromClause) -> tuple[Any, ...]:
    """The conditions for a refresh that is open and need not wait for the store."""
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
            *could_advance(refreshes),
        )
        .order_by(case((has_turn, 0), else_=1), refreshes.c.id)
        .limit(1)
    )
    row = engine.transaction(lambda session: session.execute(statement).first())
    return None if row is None else (row.resource, row.id)


def instance_of(engine: Engine, refresh_id: int) -> int:
    """The id of the refresh's instance."""
    refreshes = engine.tables.refreshes
    statement = select(refreshes.c.instance_id).where(refreshes.c.id == refresh_id)
    return engine.transaction(lambda session: int(session.execute(statement).scalar_one()))
