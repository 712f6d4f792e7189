"""A page into rows: one transaction that begins with the lease and ends with the checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Update, bindparam, case, func, insert, select, update
from sqlalchemy.orm import Session

from ...client.damage import KEPT_BYTES
from ...errors import RefreshEnded
from ...models import Tables, db_now
from ...models.refreshes import COUNTERS
from ...resources.columns import message
from ..drift import Drift
from ..job import progress
from ..job.checkpoint import Checkpoint
from ..job.context import Job
from ..job.lease import Lease, row_named
from ..job.progress import Tally
from .page import Counts, Rejected
from .rows import PageTransaction


@dataclass(frozen=True)
class Step:
    """One transaction of a refresh: what it writes and where the refresh stands once it is committed.

    ``lease`` fences and numbers the rows that ``apply`` writes. It is the job's own, but for products that an
    orders refresh fetches since orders refer to them. ``is_progress`` is false for what would be done again and
    again if every worker died soon after.
    """

    apply: Callable[[PageTransaction], Counts]
    after: Checkpoint
    lease: Lease
    observed_at: datetime
    rejected: Sequence[Rejected] = ()
    total: int | None = None
    is_progress: bool = True


@dataclass
class Results:
    """The counters of the refresh row, and what a reconciliation has found, as last committed."""

    values: dict[str, Any] = field(default_factory=dict)
    total: int | None = None
    drift: Drift = field(default_factory=Drift)


def commit_step(job: Job, step: Step, results: Results, tally: Tally) -> None:
    """Write the step's rows, counters and checkpoint, or nothing at all.

    Raises ``LeaseLost`` when another worker has taken over, ``RefreshEnded`` when somebody ended the refresh meanwhile,
    ``HostRefused`` for what the host raised, SQLAlchemy's errors for what the database did.
    """
    spent = replace(tally)
    done = job.engine.transaction(lambda session: _write(session, job, step, results, spent))
    results.values, results.total, results.drift = done.values, done.total, done.drift
    tally.requests -= spent.requests
    tally.waited_s -= spent.waited_s


def _write(session: Session, job: Job, step: Step, results: Results, spent: Tally) -> Results:
    tables, number = job.engine.tables, _fence(session, job, step)
    tx = PageTransaction(
        session,
        tables,
        job.engine.host,
        job.instance,
        step.observed_at,
        number,
        claimed_number=step.lease.change_number,
        latest=job.clock.latest,
        is_repair=job.parameters.is_repair,
    )
    counts = step.apply(tx)
    if tx.change_number != number:
        session.execute(tables.prebuilt(_numbered), {"new_number": tx.change_number, **step.lease.named})
    _reject(session, job, step)
    counts += Counts({"rejected": len(step.rejected), "notes": tx.notes, "requests": spent.requests})
    values = {name: results.values[name] + counts.values.get(name, 0) for name in COUNTERS}
    values["waited_s"] = results.values["waited_s"] + spent.waited_s
    done = Results(values, results.total if step.total is None else step.total, results.drift + tx.drift)
    _record(session, job, step, done, spent.quota_left)
    return done


def _fence(session: Session, job: Job, step: Step) -> int:
    """Prove that the leases are ours and the refresh is open; the change number to go on from."""
    # First of all: the fence, and on SQLite the write lock. A step from reader to writer could be refused there.
    job.lease.renew(session)
    if step.lease is not job.lease:
        step.lease.renew(session)
    # In one question: each answer is waited for, while other threads keep this one from its result.
    which = {"this_refresh": job.refresh_id, **step.lease.named}
    row = session.execute(job.engine.tables.prebuilt(_standing), which).one_or_none()
    if row is None or row.status != "processing":
        raise RefreshEnded(f"Refresh {job.refresh_id} was ended by somebody else.")
    return int(row.change_number)


def _record(session: Session, job: Job, step: Step, done: Results, quota_left: int | None) -> None:
    """The refresh row: its counters, checkpoint and message."""
    after, fetched = step.after, done.values["fetched"]
    is_walked = after.phase not in ("prepare", "walk", "create")
    new = {
        **done.values,
        **({"drift": done.drift.dump()} if job.is_reconciliation else {}),
        "checkpoint": after.dump(),
        "phase": after.phase,
        "total": done.total,
        "progress_percentage": progress.percentage(fetched, done.total, is_walked=is_walked),
        "quota_left": quota_left,
        "message": progress.message(after.phase, job.resource, fetched, done.total),
    }
    statement = job.engine.tables.prebuilt(_recorded, step.is_progress, job.is_reconciliation)
    session.execute(statement, {"this_refresh": job.refresh_id, **{f"new_{name}": new[name] for name in new}})


# Built once: each page is committed with these.


def _standing(tables: Tables) -> Select[Any]:
    """The status of the refresh ``this_refresh``, and the change number of the lease."""
    leases, refreshes = tables.leases, tables.refreshes
    its = refreshes.c.id == bindparam("this_refresh"), refreshes.c.instance_id == leases.c.instance_id
    return select(refreshes.c.status, leases.c.change_number).where(*its, *row_named(tables))


def _numbered(tables: Tables) -> Update:
    """The highest change number that the lease has given."""
    return update(tables.leases).where(*row_named(tables)).values(change_number=bindparam("new_number"))


def _recorded(tables: Tables, is_progress: bool, is_reconciliation: bool) -> Update:
    """The statement of ``_record``; each column is given as ``new_…``."""
    refreshes = tables.refreshes
    given = [*COUNTERS, "waited_s", "checkpoint", "phase", "total", "progress_percentage", "quota_left", "message"]
    given += ["drift"] if is_reconciliation else []
    new: dict[str, Any] = {name: bindparam(f"new_{name}", type_=refreshes.c[name].type) for name in given}
    begins_anew = {"attempts": 0, "shortages": 0, "stalled_at": None} if is_progress else {}
    kept = {
        "quota_left": func.coalesce(new["quota_left"], refreshes.c.quota_left),
        # Who ended it while the page was written has said so there.
        "message": case((refreshes.c.status == "processing", new["message"]), else_=refreshes.c.message),
    }
    which = refreshes.c.id == bindparam("this_refresh")
    return update(refreshes).where(which).values({**new, **begins_anew, **kept})


def _reject(session: Session, job: Job, step: Step) -> None:
    if not step.rejected or job.is_reconciliation:
        return
    rows = []
    for record in step.rejected:
        payload = record.text.encode("utf-8", "replace") if record.raw is None else record.raw
        rows.append(
            {
                "instance_id": job.instance.id,
                "refresh_id": job.refresh_id,
                # Products that orders refer to are fetched by a refresh of orders.
                "resource": step.lease.resource,
                "bigcommerce_id": record.id,
                "reason": message(record.reason),
                "reason_code": record.code,
                # Nothing is left of what may be about a person and cannot be read.
                "payload": payload[:KEPT_BYTES] or None,
                "is_payload_cut": len(payload) > KEPT_BYTES,
            }
        )
    session.execute(insert(job.engine.tables.rejected_records).values(created_at=db_now()), rows)
