"""Open a refresh again that failed or was cancelled: it goes on where it stopped."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from ...models import Tables, db_now
from ..job.checkpoint import load_checkpoint
from .start import open_key

STOPPED = ("failed", "cancelled")


def reopen(session: Session, tables: Tables, refresh_id: int, *, hint_after_s: float = 0.0) -> bool:
    """Whether the refresh had failed or been cancelled, and is pending now, with its hint. The caller commits.

    Raises ``sqlalchemy.exc.IntegrityError`` if a walk of this resource is open already. The time between counts as
    waited, so that the rate stays one of work.
    """
    refreshes = tables.refreshes
    this = refreshes.c.id == refresh_id
    # A write first: it locks the row before the checkpoint is read.
    reopened: Any = session.execute(
        update(refreshes).where(this, refreshes.c.status.in_(STOPPED)).values(status="pending", attempts=0, errors=0)
    )
    if reopened.rowcount != 1:
        return False
    row = session.execute(select(refreshes, db_now().label("now")).where(this)).one()
    values: dict[str, Any] = {
        "open_key": None if row.mode == "ids" else open_key(row.instance_id, row.resource),
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
    """Its hint, also if the old one was left behind."""
    hints = tables.hints
    values = {"next_hint_at": db_now(after_s), "times_sent": 0}
    kept: Any = session.execute(update(hints).where(hints.c.refresh_id == refresh_id).values(values))
    if not kept.rowcount:
        session.execute(insert(hints).values(refresh_id=refresh_id, **values))
