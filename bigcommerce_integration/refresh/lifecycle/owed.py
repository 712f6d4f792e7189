"""Leases that a process could not let go of, as its database did not take the write: released once it does.

Without that, whoever claims such a lease when its time is over would take the process for dead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from ...models import Tables, db_now
from ..job.context import Engine


@dataclass(frozen=True)
class Release:
    """One claim that has ended without a death: its owner's name, and the refresh whose attempt does not count."""

    instance_id: int
    resource: str
    refresh_id: int
    owner: str
    trial: int | None = None


def owe(engine: Engine, release: Release) -> None:
    """Remember a release that could not be written."""
    engine.owed[release.owner] = release


def settle(engine: Engine) -> None:
    """Write what is owed, each in a transaction of its own; raises what the database still does not take."""
    for owner, release in list(engine.owed.items()):
        engine.transaction(lambda session, each=release: _release(session, engine.tables, each))  # type: ignore[misc]
        engine.owed.pop(owner, None)


def _release(session: Session, tables: Tables, release: Release) -> None:
    leases, refreshes = tables.leases, tables.refreshes
    mine = (
        leases.c.instance_id == release.instance_id,
        leases.c.resource == release.resource,
        leases.c.owner == release.owner,
    )
    freed: Any = session.execute(update(leases).where(*mine).values(owner=None, expires_at=db_now()))
    if freed.rowcount != 1:
        return  # Never claimed, or somebody else has it by now.
    session.execute(
        update(refreshes)
        .where(refreshes.c.id == release.refresh_id, refreshes.c.attempts > 0)
        .values(attempts=refreshes.c.attempts - 1)
    )
    if release.trial is not None:
        undo_trial(session, tables, release.trial)


def undo_trial(session: Session, tables: Tables, row_id: int) -> None:
    """Take back the note that a rejected record is being tried again: the trial came to no end, and to no death."""
    table = tables.rejected_records
    session.execute(update(table).where(table.c.id == row_id, table.c.trials > 0).values(trials=table.c.trials - 1))
