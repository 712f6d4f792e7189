"""Cancel a refresh: it stops at its next page, and the work done stays."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from ...models import Tables, db_now
from ..job.database import is_lockable
from .claim import OPEN

CANCELLED = "Cancelled. What was stored until then stays; retry goes on from there."


def cancel(session: Session, tables: Tables, refresh_id: int) -> bool:
    """Whether the refresh was open, and is cancelled now. The caller commits.

    No lease is needed: whoever advances it finds it ended as the transaction of the next page begins.
    """
    refreshes, hints = tables.refreshes, tables.hints
    ended: Any = session.execute(
        update(refreshes)
        .where(refreshes.c.id == refresh_id, refreshes.c.status.in_(OPEN))
        .values(status="cancelled", message=CANCELLED, finished_at=db_now(), open_key=None, resume_at=None)
    )
    if ended.rowcount != 1:
        return False
    # One that a frozen tick has locked stays; ticks pass over what is not open.
    hint = hints.c.refresh_id == refresh_id
    if is_lockable(session, select(hints.c.refresh_id).where(hint)):
        session.execute(delete(hints).where(hint))
    return True
