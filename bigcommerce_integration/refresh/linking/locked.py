"""Links that are written outside a refresh, in commit order with the pages of refreshes.

The lease's row is locked first, as each page's transaction does. So change numbers are given in commit order, and
no page that has read a variant before a link was decided can write its own after it.
"""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ...errors import NotFound
from ...host.port import Host
from ...models import Tables, db_now
from ...models.dialect.transactions import bounded_waits
from ...models.instances import IntegrationInstance
from ...resources.products import PRODUCTS
from ..job.lease import LOCK_WAIT_S, lease_of
from ..removal.purge import DELETING, NOT_FOUND
from ..write.rows import PageTransaction


def begin_links(session: Session, tables: Tables, host: Host, instance_id: int) -> PageTransaction:
    """From now to the commit nobody else writes the instance's variants.

    A lock that a page (or a worker frozen in one) holds for longer than ``LOCK_WAIT_S`` is a conflict (see
    ``is_conflict``). ``NotFound`` for an instance that is gone or being deleted.
    """
    leases, instances = tables.leases, tables.instances
    lease = lease_of(tables, instance_id, PRODUCTS.name)
    with bounded_waits(session, LOCK_WAIT_S):
        # A write, since only that takes SQLite's lock; it says the same as before.
        session.execute(update(leases).where(*lease).values(change_number=leases.c.change_number))
        # Read as locked, or MariaDB would show what was there when the transaction began.
        locked = select(leases.c.change_number, db_now().label("now")).where(*lease).with_for_update()
        begun = session.execute(locked).one_or_none()
        # A deletion locks the leases before it marks the instance, so what is read here holds until the commit.
        found = session.execute(
            select(instances).where(instances.c.id == instance_id).with_for_update(read=True)
        ).one_or_none()
    if begun is None or found is None or found.status == DELETING:
        raise NotFound(NOT_FOUND)
    instance = IntegrationInstance.from_row(found)
    return PageTransaction(session, tables, host, instance, begun.now, begun.change_number)


def note_changes(tx: PageTransaction) -> None:
    """Store up to which number the rows have one now."""
    lease = lease_of(tx.tables, tx.instance.id, PRODUCTS.name)
    tx.session.execute(update(tx.tables.leases).where(*lease).values(change_number=tx.change_number))
