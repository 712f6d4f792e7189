"""Delete an instance: what happens at once, in the caller's transaction. ``purge`` removes its rows afterwards."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.orm import Session

from ...models import Tables, db_now
from ..job.lease import fence
from ..lifecycle.transitions import cancel_all

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
    cancel_all(session, tables, instance_id, message="Cancelled, as the instance is being deleted.")
