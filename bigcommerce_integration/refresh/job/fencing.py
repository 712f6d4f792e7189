"""All leases of an instance at once, for those who change the instance itself; in the caller's transaction."""

from __future__ import annotations

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from ...models import Tables, db_now
from .database import bounded_waits

LOCK_WAIT_S = 2
"""How long a request waits for a lock before it begins anew."""


def lock_leases(session: Session, tables: Tables, instance_id: int) -> bool:
    """Lock the leases that there are, or say no: who writes the instance's records, frozen or not, has one locked.

    There is one for each collection that the version knew which connected the store, so this one may know more or
    fewer: a collection without a lease is written by nobody. SQLite knows no row locks, so there the answer is yes.
    """
    if session.get_bind().dialect.name == "sqlite":
        return True
    mine = tables.leases.c.instance_id == instance_id
    locked = session.scalars(select(tables.leases.c.resource).where(mine).with_for_update(skip_locked=True)).all()
    return len(locked) == count_leases(session, tables, instance_id)


def wait_for_instance(session: Session, tables: Tables, instance_id: int, wait_s: int) -> None:
    """Lock the leases, then the instance's row, in the order in which pages do; in line with the others who wait.

    Whoever only tries and goes away would never have its turn where requests for links follow each other without a gap.
    What is locked for longer than ``wait_s`` seconds, perhaps by a frozen process, is a conflict (see ``is_conflict``).
    """
    leases, instances = tables.leases, tables.instances
    with bounded_waits(session, wait_s):
        mine = leases.c.instance_id == instance_id
        session.execute(select(leases.c.resource).where(mine).order_by(leases.c.resource).with_for_update())
        session.execute(select(instances.c.id).where(instances.c.id == instance_id).with_for_update())


def count_leases(session: Session, tables: Tables, instance_id: int) -> int:
    """How many leases the instance has, whoever holds them."""
    leases = tables.leases
    count = select(func.count()).select_from(leases).where(leases.c.instance_id == instance_id)
    return int(session.execute(count).scalar_one())


def fence(session: Session, tables: Tables, instance_id: int) -> None:
    """Take all leases from whoever has them: no page in flight can be committed any more."""
    leases = tables.leases
    session.execute(
        update(leases)
        .where(leases.c.instance_id == instance_id)
        .values(epoch=leases.c.epoch + 1, owner=None, expires_at=db_now())
    )
