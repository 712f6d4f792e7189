"""Both leases of an instance at once, for those who change the instance itself; in the caller's transaction."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ..models import Tables, db_now
from . import RESOURCES
from .database import is_lockable


def lock_leases(session: Session, tables: Tables, instance_id: int) -> bool:
    """Lock both leases, or say no: whoever writes the instance's records, frozen or not, has one of them locked."""
    leases = tables.leases
    return all(
        is_lockable(
            session,
            select(leases.c.epoch).where(leases.c.instance_id == instance_id, leases.c.resource == resource),
        )
        for resource in RESOURCES
    )


def fence(session: Session, tables: Tables, instance_id: int) -> None:
    """Take both leases from whoever has them: no page in flight can be committed any more."""
    leases = tables.leases
    session.execute(
        update(leases)
        .where(leases.c.instance_id == instance_id)
        .values(epoch=leases.c.epoch + 1, owner=None, expires_at=db_now())
    )
