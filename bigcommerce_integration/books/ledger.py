"""The row that counts an instance's documents: whoever makes any, or changes one, locks it first."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ..accounting.basis.due import day_of
from ..errors import NotFound
from ..models import Tables, db_now
from ..models.dialect.transactions import bounded_waits, is_lockable
from ..models.instances import IntegrationInstance
from ..refresh.job.lease import LOCK_WAIT_S, lease_of
from ..refresh.removal.purge import DELETING, NOT_FOUND
from ..resources.orders import ORDERS

_WESTERNMOST = timedelta(hours=12)


@dataclass
class Ledger:
    """A locked row with its instance, both as they are now.

    The counters are raised here and written by ``save``. ``now`` is the database's clock, naive UTC.
    """

    session: Session
    tables: Tables = field(repr=False)
    instance: IntegrationInstance
    row: Row[Any]
    now: datetime
    last_number: int
    last_batch_number: int
    change_number: int

    @property
    def zone(self) -> ZoneInfo:
        """The store's time zone."""
        return zone_of(self.instance)

    @property
    def today(self) -> date:
        """The day that it is in the store."""
        return day_of(self.now, self.zone)

    def next_number(self) -> int:
        """The number of a new document."""
        self.last_number += 1
        return self.last_number

    def next_batch_number(self) -> int:
        """The number of a new batch."""
        self.last_batch_number += 1
        return self.last_batch_number

    def next_change(self) -> int:
        """A change number above all that the instance's documents have."""
        self.change_number += 1
        return self.change_number

    def save(self, **values: Any) -> None:
        """Write the counters, and these columns."""
        counters = {
            "last_number": self.last_number,
            "last_batch_number": self.last_batch_number,
            "change_number": self.change_number,
        }
        table = self.tables.accounting
        which = table.c.instance_id == self.instance.id
        self.session.execute(update(table).where(which).values(**counters, **values))


def zone_of(instance: IntegrationInstance) -> ZoneInfo:
    """The store's time zone; UTC before the first refresh has asked for it."""
    return ZoneInfo(instance.store_timezone or "UTC")


def locked(session: Session, tables: Tables, instance_id: int) -> Ledger | None:
    """The ledger, or None if there is none or another transaction has it: a worker does not wait.

    None also if the instance is being deleted. The caller commits.
    """
    table = tables.accounting
    if not is_lockable(session, select(table.c.instance_id).where(table.c.instance_id == instance_id)):
        return None
    return _taken(session, tables, instance_id)


def awaited(session: Session, tables: Tables, instance_id: int, *, wait_s: int = LOCK_WAIT_S) -> Ledger | None:
    """The ledger, or None if there is none; it waits for whoever has it, for ``wait_s`` seconds at most.

    Where documents are read, it must be the first of its transaction, as what was read before may be old by now. What
    is locked for longer is a conflict (see ``refresh.job.database.is_conflict``). None also if the instance is being
    deleted. The caller commits.
    """
    with bounded_waits(session, wait_s):
        return _taken(session, tables, instance_id)


def opened(session: Session, tables: Tables, instance: IntegrationInstance) -> Ledger:
    """As ``awaited``, but it is made if there is none yet. ``NotFound`` if the instance is being deleted."""
    found = awaited(session, tables, instance.id)
    if found is None:
        create(session, tables, instance)
        found = awaited(session, tables, instance.id)
    if found is None:
        raise NotFound(NOT_FOUND)
    return found


def create(session: Session, tables: Tables, instance: IntegrationInstance) -> None:
    """Make the row, unless another transaction is quicker. It begins today; nothing is made for what was before."""
    now = session.scalar(select(db_now()))
    assert now is not None
    # Before the zone is known: no day that it may be somewhere is left out.
    today = day_of(now, zone_of(instance)) if instance.store_timezone else (now - _WESTERNMOST).date()
    read = select(tables.leases.c.change_number).where(*lease_of(tables, instance.id, ORDERS.name))
    first: dict[str, Any] = {
        "instance_id": instance.id,
        "started_on": today,
        "without_fees_up_to": session.scalar(read) or 0,
    }
    try:
        with session.begin_nested():
            session.execute(insert(tables.accounting).values(first))
    except IntegrityError:
        return


def _taken(session: Session, tables: Tables, instance_id: int) -> Ledger | None:
    table = tables.accounting
    mine = table.c.instance_id == instance_id
    # A write, since only that takes SQLite's lock; it says the same as before.
    session.execute(update(table).where(mine).values(change_number=table.c.change_number))
    row = session.execute(select(table, db_now().label("now")).where(mine).with_for_update()).one_or_none()
    if row is None:
        return None
    found = session.execute(select(tables.instances).where(tables.instances.c.id == instance_id)).one_or_none()
    if found is None or found.status == DELETING:
        return None
    instance = IntegrationInstance.from_row(found)
    numbers = (row.last_number, row.last_batch_number, row.change_number)
    return Ledger(session, tables, instance, row, row.now, *numbers)
