"""The states of a refresh, and every change from one to another; the caller commits.

start ─▶ pending ── taking_up ─▶ processing ── complete ─▶ completed
            │                        ├── fail ─▶ failed ─────┐
            └──────── cancel ────────┴─▶ cancelled ──────────┴─ reopen ─▶ pending
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Table, Update, bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from ...errors import BigCommerceError, ConnectionBroken
from ...models import Tables, db_now
from ...models.dialect.inserts import Parts, inserted
from ...models.dialect.writes import affected, write_and_drop
from ...models.refreshes import OPEN, STOPPED
from ...resources.columns import message as column_message
from ..job.checkpoint import Checkpoint, load_checkpoint
from ..job.context import Job
from ..job.parameters import BESIDE_WALKS, MOST_IDS, Mode, Parameters, load_parameters
from ..job.progress import Tally
from .keys import KEYLESS
from .wishes import spread

CANCELLED = "Cancelled. What was stored until then stays; retry goes on from there."
_NOTHING = Parameters()


def open_key(instance_id: int, resource: str) -> str:
    """The value of the unique column that allows one open walk of an instance and resource."""
    return f"{instance_id}:{resource}"


# -- start ---------------------------------------------------------------------------------------------------------


def new_leases(tables: Tables, *, sweep_after_s: float, now: datetime) -> list[dict[str, Any]]:
    """The leases of an instance that is to be connected, but for its id; ``now`` is by the database's clock.

    ``sweep_after_s`` is when the first sweep is due, if automatic sync is on.
    """
    sweep_at = now + timedelta(seconds=spread(sweep_after_s))
    lease = {"epoch": 0, "change_number": 0, "next_sweep_at": sweep_at}
    return [lease | {"resource": name} for name in _at_first(tables)]


def start_instance(
    session: Session,
    tables: Tables,
    instance_id: int,
    *,
    hint_after_s: float,
    requested_by: str | None = None,
    now: datetime,
) -> list[dict[str, Any]]:
    """Insert an initial refresh of each collection of a new instance, with their hints, as ``start_together`` does.

    The instance has its leases. ``hint_after_s`` is when the tick first hints at them, should the caller's own hint
    get lost.
    """
    wanted = [Wanted(instance_id, name, "initial", requested_by=requested_by) for name in _at_first(tables)]
    return start_together(session, tables, wanted, hint_after_s=hint_after_s, now=now)


def _at_first(tables: Tables) -> list[str]:
    # The others begin by themselves, once workers that do not know them are gone (see ``arrivals``).
    return [each.name for each in tables.registry.read if each.since is None]


@dataclass(frozen=True)
class Wanted:
    """A walk that is to be started."""

    instance_id: int
    resource: str
    mode: Mode
    requested_by: str | None = None


def start_together(
    session: Session, tables: Tables, wanted: Sequence[Wanted], *, hint_after_s: float, now: datetime
) -> list[dict[str, Any]]:
    """Insert pending walks and their hints; what was written of each, with its id.

    ``now`` is by the database's clock. Raises ``sqlalchemy.exc.IntegrityError`` if one of their kind is open already.
    """
    walks = [_pending(each.instance_id, each.resource, each.mode, _NOTHING, each.requested_by) for each in wanted]
    hint = {"next_hint_at": now + timedelta(seconds=hint_after_s), "times_sent": 0}
    parts = [Parts(tables.hints.c.refresh_id, [hint])]
    return inserted(
        session, tables.refreshes, [each | {"created_at": now} for each in walks], key="open_key", parts=parts
    )


def start(
    session: Session,
    tables: Tables,
    *,
    instance_id: int,
    resource: str,
    mode: Mode,
    parameters: Parameters = _NOTHING,
    hint_after_s: float = 0.0,
    requested_by: str | None = None,
    is_sweep: bool = False,
    checkpoint: Checkpoint | None = None,
) -> int:
    """Insert a pending refresh and its hint; its id. ``checkpoint`` is where it begins, if that is known already.

    Raises ``sqlalchemy.exc.IntegrityError`` if a walk of this resource is open already; a refresh of ids is none,
    and may be open beside one.
    """
    pending = _pending(instance_id, resource, mode, parameters, requested_by)
    begin = {"is_sweep": is_sweep, "checkpoint": checkpoint and checkpoint.dump()}
    result: Any = session.execute(insert(tables.refreshes).values(created_at=db_now(), **begin, **pending))
    refresh_id: int = result.inserted_primary_key[0]
    session.execute(insert(tables.hints).values(refresh_id=refresh_id, next_hint_at=db_now(hint_after_s), times_sent=0))
    return refresh_id


def _pending(
    instance_id: int, resource: str, mode: Mode, parameters: Parameters, requested_by: str | None
) -> dict[str, Any]:
    return {
        "instance_id": instance_id,
        "resource": resource,
        "mode": mode,
        "parameters": parameters.dump(),
        "requested_by": requested_by,
        "status": "pending",
        "open_key": None if mode in BESIDE_WALKS else open_key(instance_id, resource),
    }


def join_ids(session: Session, tables: Tables, *, instance_id: int, resource: str, ids: Sequence[int]) -> int | None:
    """Add these to a refresh of ids that has not begun; its id, None if none has room for them."""
    refreshes = tables.refreshes
    waiting = session.execute(
        select(refreshes.c.id, refreshes.c.parameters)
        .where(
            refreshes.c.instance_id == instance_id,
            refreshes.c.resource == resource,
            refreshes.c.mode == "ids",
            *_has_not_begun(refreshes),
        )
        .order_by(refreshes.c.id)
    ).all()
    for row in waiting:
        known = load_parameters(row.parameters)
        together = dict.fromkeys((*known.ids, *ids))
        if len(together) > MOST_IDS:
            continue
        # A worker may take it up in this moment, or somebody else join it.
        is_as_seen = (refreshes.c.id == row.id, refreshes.c.parameters == row.parameters, *_has_not_begun(refreshes))
        joined = update(refreshes).where(*is_as_seen).values(parameters=replace(known, ids=tuple(together)).dump())
        if affected(session, joined) == 1:
            return int(row.id)
    return None


def _has_not_begun(refreshes: Table) -> tuple[Any, ...]:
    return refreshes.c.status == "pending", refreshes.c.started_at.is_(None)


# -- take up -------------------------------------------------------------------------------------------------------


def taking_up(tables: Tables) -> Update:
    """The statement that has a slice of ``this_refresh`` begin, one more attempt; no row if it has ended meanwhile.

    The caller has the lease.
    """
    refreshes = tables.refreshes
    taken = {
        "status": "processing",
        "started_at": func.coalesce(refreshes.c.started_at, db_now()),
        "progress_percentage": func.coalesce(refreshes.c.progress_percentage, 0),
        "attempts": refreshes.c.attempts + 1,
        "resume_at": None,
        # This worker has the key.
        "message": func.nullif(refreshes.c.message, KEYLESS),
    }
    return (
        update(refreshes).where(refreshes.c.id == bindparam("this_refresh"), refreshes.c.status.in_(OPEN)).values(taken)
    )


# -- end -----------------------------------------------------------------------------------------------------------


def complete(session: Session, job: Job, spent: Tally, *, message: str, **values: Any) -> None:
    """End the refresh well; the caller has ended its lease in this transaction."""
    results = {"progress_percentage": 100, "checkpoint": None, "phase": None, **values}
    _end(session, job, spent, status="completed", message=message, **results)


def fail(session: Session, job: Job, error: BigCommerceError, spent: Tally) -> None:
    """End the refresh with the error's text; one that breaks the whole connection marks the instance too.

    The checkpoint stays: what was stored is right, and ``reopen`` goes on from there.
    """
    job.lease.end(session)
    if isinstance(error, ConnectionBroken):
        instances = job.engine.tables.instances
        session.execute(
            update(instances)
            .where(instances.c.id == job.instance.id, instances.c.status == "active")
            .values(status="needs_attention", status_message=column_message(str(error)), updated_at=db_now())
        )
    _end(session, job, spent, status="failed", message=str(error), error_code=error.code)


def cancel(
    session: Session, tables: Tables, *refresh_ids: int, message: str = CANCELLED, error_code: str | None = None
) -> bool:
    """Whether these refreshes were open, and are cancelled now.

    No lease is needed: whoever advances one finds it ended as the transaction of the next page begins.
    """
    ended = _close(session, tables, refresh_ids, OPEN, status="cancelled", message=message, error_code=error_code)
    return ended == len(refresh_ids)


def cancel_all(session: Session, tables: Tables, instance_id: int, *, message: str) -> None:
    """Cancel all open refreshes of the instance."""
    refreshes = tables.refreshes
    is_open = (refreshes.c.instance_id == instance_id, refreshes.c.status.in_(OPEN))
    cancel(session, tables, *session.scalars(select(refreshes.c.id).where(*is_open)), message=message)


def _end(session: Session, job: Job, spent: Tally, *, status: str, message: str, **values: Any) -> None:
    """``spent`` is what was spent since the last page."""
    refreshes = job.engine.tables.refreshes
    values |= {
        "trouble": None,
        "requests": refreshes.c.requests + spent.requests,
        "waited_s": refreshes.c.waited_s + spent.waited_s,
        "quota_left": func.coalesce(spent.quota_left, refreshes.c.quota_left),
    }
    _close(session, job.engine.tables, [job.refresh_id], ["processing"], status=status, message=message, **values)


def _close(
    session: Session,
    tables: Tables,
    refresh_ids: Sequence[int],
    during: Sequence[str],
    *,
    status: str,
    message: str,
    **values: Any,
) -> int:
    """End those refreshes that have a status among ``during``; how many. The only place that ends any."""
    refreshes, hints = tables.refreshes, tables.hints
    values |= {"status": status, "message": column_message(message), "open_key": None, "resume_at": None}
    values["stalled_at"] = None
    is_open = (refreshes.c.id.in_(refresh_ids), refreshes.c.status.in_(during))
    ending = update(refreshes).where(*is_open).values(finished_at=db_now(), **values)
    # A hint that a frozen tick has locked stays: ticks pass over what is not open.
    return write_and_drop(session, ending, refreshes.c.id, hints.c.refresh_id, refresh_ids)


# -- reopen --------------------------------------------------------------------------------------------------------


def reopen(session: Session, tables: Tables, refresh_id: int, *, hint_after_s: float = 0.0) -> bool:
    """Whether the refresh had failed or been cancelled, and is pending now, with its hint: it goes on where it stopped.

    Raises ``sqlalchemy.exc.IntegrityError`` if a walk of this resource is open already. The time between counts as
    waited, so that the rate stays one of work.
    """
    refreshes = tables.refreshes
    this = refreshes.c.id == refresh_id
    # A write first: it locks the row before the checkpoint is read.
    has_stopped = refreshes.c.status.in_(STOPPED)
    pending = update(refreshes).where(this, has_stopped).values(status="pending", attempts=0, errors=0)
    if affected(session, pending) != 1:
        return False
    row = session.execute(select(refreshes, db_now().label("now")).where(this)).one()
    values: dict[str, Any] = {
        "open_key": None if row.mode in BESIDE_WALKS else open_key(row.instance_id, row.resource),
        "resume_at": None,
        "finished_at": None,
        "message": None,
        "error_code": None,
        "checkpoint": row.checkpoint and replace(load_checkpoint(row.checkpoint), failures=0).dump(),
    }
    if row.started_at and row.finished_at:
        values["waited_s"] = row.waited_s + max(0.0, (row.now - row.finished_at).total_seconds())
    session.execute(update(refreshes).where(this).values(values))
    _hint(session, tables, refresh_id, hint_after_s)
    return True


def _hint(session: Session, tables: Tables, refresh_id: int, after_s: float) -> None:
    """Make its hint due, also if the old one was left behind."""
    hints = tables.hints
    values = {"next_hint_at": db_now(after_s), "times_sent": 0}
    if not affected(session, update(hints).where(hints.c.refresh_id == refresh_id).values(values)):
        session.execute(insert(hints).values(refresh_id=refresh_id, **values))
