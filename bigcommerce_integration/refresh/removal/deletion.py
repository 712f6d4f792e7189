"""Delete an instance: what happens at once, in the caller's transaction. ``purge`` removes its rows afterwards."""

from __future__ import annotations

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from ...models import Tables, db_now
from ..job.database import is_lockable
from ..job.fencing import fence
from ..lifecycle.claim import OPEN

DELETING = "deleting"
MESSAGE = "The instance is being deleted; its mirrored records are removed bit by bit."


def mark_deleted(session: Session, tables: Tables, instance_id: int) -> None:
    """Wipe the token, free the name, cancel the refreshes; ``lock_leases`` comes first."""
    fence(session, tables, instance_id)
    session.execute(
        update(tables.instances)
        .where(tables.instances.c.id == instance_id)
        .values(
            status=DELETING,
            status_message=MESSAGE,
            access_token=b"",
            # No name has this key: those are SHA-256 in hex.
            name_key=f"{DELETING}:{instance_id}",
            version=tables.instances.c.version + 1,
            updated_at=db_now(),
        )
    )
    _cancel(session, tables, instance_id)


def _cancel(session: Session, tables: Tables, instance_id: int) -> None:
    refreshes, hints = tables.refreshes, tables.hints
    is_open = (refreshes.c.instance_id == instance_id, refreshes.c.status.in_(OPEN))
    ids = list(session.scalars(select(refreshes.c.id).where(*is_open)))
    session.execute(
        update(refreshes)
        .where(*is_open)
        .values(
            status="cancelled",
            message="Cancelled, as the instance is being deleted.",
            finished_at=db_now(),
            open_key=None,
            resume_at=None,
        )
    )
    for refresh_id in ids:
        hint = hints.c.refresh_id == refresh_id
        # One that a frozen tick has locked stays for the purge; ticks pass over what is not open.
        if is_lockable(session, select(hints.c.refresh_id).where(hint)):
            session.execute(delete(hints).where(hint))
