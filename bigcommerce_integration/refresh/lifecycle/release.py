"""The end of a slice whose refresh goes on: its lease is released, at once or once the database takes writes again.

Whoever claims a lease that was not released takes the process before for dead; so one that could not be written is
kept in mind and written later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, update
from sqlalchemy.orm import Session

from ...models import Tables, db_now
from ...models.dialect.writes import affected
from ...resources.columns import message as column_message
from ..job.context import Engine, Job
from ..job.lease import lease_of
from ..job.progress import Tally
from .setbacks import Pause


def release(job: Job, pause: Pause, spent: Tally, *, total: int | None) -> None:
    """Write how the refresh stands, and release its lease; ``spent`` is what was spent since the last page."""
    job.engine.transaction(lambda session: _release(session, job, pause, spent, total))


def _release(session: Session, job: Job, pause: Pause, spent: Tally, total: int | None) -> None:
    refreshes = job.engine.tables.refreshes
    job.lease.renew(session)
    session.execute(
        update(refreshes)
        .where(refreshes.c.id == job.refresh_id, refreshes.c.status == "processing")
        .values(
            **_standing(pause),
            stalled_at=func.coalesce(refreshes.c.stalled_at, db_now()) if pause.message else None,
            total=total,
            quota_left=func.coalesce(spent.quota_left, refreshes.c.quota_left),
            attempts=pause.attempts,
            requests=refreshes.c.requests + spent.requests,
            waited_s=refreshes.c.waited_s + spent.waited_s + pause.wait_s,
            resume_at=db_now(pause.wait_s) if pause.wait_s > 0 else None,
        )
    )
    if pause.trial is not None:
        _undo_trial(session, job.engine.tables, pause.trial)
    job.lease.release(session)


def _standing(pause: Pause) -> dict[str, Any]:
    values: dict[str, Any] = {"message": column_message(pause.message)} if pause.message else {}
    if pause.checkpoint is not None:
        values |= {"checkpoint": pause.checkpoint.dump(), "phase": pause.checkpoint.phase}
    if pause.setbacks is None:
        return {**values, "shortages": 0, "trouble": None}
    trouble = pause.setbacks.trouble and column_message(pause.setbacks.trouble)
    return {**values, "errors": pause.setbacks.errors, "shortages": pause.setbacks.shortages, "trouble": trouble}


# -- a release that could not be written ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Owed:
    """One claim that has ended without a death: its owner's name, and the refresh whose attempt does not count."""

    instance_id: int
    resource: str
    refresh_id: int
    owner: str
    trial: int | None = None


def settle(engine: Engine) -> None:
    """Write the releases that are owed, each in its own transaction; raises what the database still does not take."""
    for owner, owed in list(engine.owed.items()):
        engine.transaction(lambda session, each=owed: _settle(session, engine.tables, each))  # type: ignore[misc]
        engine.owed.pop(owner, None)


def _settle(session: Session, tables: Tables, owed: Owed) -> None:
    leases, refreshes = tables.leases, tables.refreshes
    mine = (*lease_of(tables, owed.instance_id, owed.resource), leases.c.owner == owed.owner)
    if affected(session, update(leases).where(*mine).values(owner=None, expires_at=db_now())) != 1:
        return  # Never claimed, or somebody else has it by now.
    session.execute(
        update(refreshes)
        .where(refreshes.c.id == owed.refresh_id, refreshes.c.attempts > 0)
        .values(attempts=refreshes.c.attempts - 1)
    )
    if owed.trial is not None:
        _undo_trial(session, tables, owed.trial)


def _undo_trial(session: Session, tables: Tables, row_id: int) -> None:
    """Take back the note that a rejected record is being tried again: the trial came to no end, and to no death."""
    table = tables.rejected_records
    session.execute(update(table).where(table.c.id == row_id, table.c.trials > 0).values(trials=table.c.trials - 1))
