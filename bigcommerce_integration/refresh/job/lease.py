"""The right, until a time, to write an instance's rows of one resource."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, ScalarSelect, Update, bindparam, func, not_, or_, select, update
from sqlalchemy.orm import Session

from ...errors import LeaseLost
from ...models import Tables, db_now, is_due
from ...models.dialect.databases import dialect_of
from ...models.dialect.transactions import bounded_waits, unlocked
from ...models.dialect.writes import affected

LOCK_WAIT_S = 2
"""How long a request waits for a lock before it begins anew."""
LENGTHS_DIFFER = 2.0


@dataclass(frozen=True)
class Lease:
    """A claimed lease: the epoch fences off whoever held it before.

    ``change_number`` is the highest number of a row that was written before it was claimed. ``watermark`` and
    ``linked_up_to`` (the linking pass has looked at what was written up to this number) are those that there were then:
    only who has the lease moves them.
    """

    tables: Tables = field(repr=False)
    instance_id: int
    resource: str
    epoch: int
    owner: str
    length_s: float
    change_number: int
    watermark: datetime | None = None
    linked_up_to: int | None = None

    def renew(self, session: Session) -> None:
        """Move the expiry by the database's clock; the first statement of every page's transaction.

        Raises ``LeaseLost`` when another worker has claimed the lease since: nothing may be committed then.
        The row stays locked until the commit, so nobody can claim it under a page that is being written.
        """
        its = {"this_epoch": self.epoch, "this_owner": self.owner, **self.named}
        if affected(session, self.tables.prebuilt(_renewal, self.length_s), its) != 1:
            raise self._lost()

    def release(self, session: Session) -> None:
        """Free the lease for the next slice, wherever it runs; nothing if it was lost. The caller commits."""
        self._free(session)

    def end(self, session: Session, **columns: Any) -> None:
        """Free the lease, with more ``columns``, as the first statement of the transaction that ends its refresh.

        Raises ``LeaseLost`` as ``renew`` does; until the commit nobody can claim it.
        """
        if self._free(session, **columns) != 1:
            raise self._lost()

    def _free(self, session: Session, **columns: Any) -> int:
        free = {"owner": None, "expires_at": db_now(), **columns}
        return affected(session, update(self.tables.leases).where(*self._is_ours()).values(free))

    def _lost(self) -> LeaseLost:
        return LeaseLost(f"The lease on {self.resource} of instance {self.instance_id} has passed to another worker.")

    @property
    def row(self) -> tuple[ColumnElement[bool], ...]:
        """The condition for its row, whoever has it."""
        return lease_of(self.tables, self.instance_id, self.resource)

    @property
    def named(self) -> dict[str, Any]:
        """The parameters of ``row_named``."""
        return {"this_instance": self.instance_id, "this_resource": self.resource}

    def _is_ours(self) -> tuple[ColumnElement[bool], ...]:
        leases = self.tables.leases
        return *self.row, leases.c.epoch == self.epoch, leases.c.owner == self.owner


def _renewal(tables: Tables, length_s: float) -> Update:
    """The statement of ``Lease.renew``."""
    leases = tables.leases
    is_ours = leases.c.epoch == bindparam("this_epoch"), leases.c.owner == bindparam("this_owner")
    return update(leases).where(*row_named(tables), *is_ours).values(expires_at=db_now(length_s))


def row_named(tables: Tables) -> tuple[ColumnElement[bool], ...]:
    """The condition for a lease's row in a statement that is built once; ``Lease.named`` are its parameters."""
    return lease_of(tables, bindparam("this_instance"), bindparam("this_resource"))


def lease_of(tables: Tables, instance_id: Any, resource: Any) -> tuple[ColumnElement[bool], ...]:
    """The condition for the row of an instance and resource; both may be parameters."""
    return tables.leases.c.instance_id == instance_id, tables.leases.c.resource == resource


def claim(
    session: Session, tables: Tables, *, instance_id: int, resource: str, owner: str, length_s: float
) -> Lease | None:
    """The lease, or None while another worker holds it. One conditional UPDATE decides; the caller commits.

    Also None if the lease has lapsed, but its holder is frozen inside a transaction: whoever waited for that one
    could do nothing else meanwhile.
    """
    leases, which = tables.leases, lease_of(tables, instance_id, resource)
    free = select(leases).where(*which, is_free_to_take(tables, length_s))
    found = session.execute(unlocked(session, free, leases)).first()
    return None if found is None else take(session, tables, found, owner=owner, length_s=length_s)


def take(
    session: Session, tables: Tables, found: Row[Any], *, owner: str, length_s: float, **columns: Any
) -> Lease | None:
    """The lease that was found free to take, and locked where there are row locks; None if it was taken meanwhile.

    ``found`` has the columns that a ``Lease`` has, as they were. ``columns`` are changed along.
    """
    if affected(session, taking(tables, found, owner=owner, length_s=length_s, **columns)) != 1:
        return None
    return as_taken(tables, found, owner=owner, length_s=length_s)


def taking(tables: Tables, found: Any, *, owner: Any, length_s: float, **columns: Any) -> Update:
    """The statement that takes the lease that was found, a row or the columns of one; ``columns`` are changed along."""
    leases = tables.leases
    is_as_found = (
        is_free_to_take(tables, length_s),
        leases.c.epoch == found.epoch,
        leases.c.change_number == found.change_number,
    )
    taken = {"epoch": found.epoch + 1, "owner": owner, "expires_at": db_now(length_s), **columns}
    return update(leases).where(*lease_of(tables, found.instance_id, found.resource), *is_as_found).values(taken)


def as_taken(tables: Tables, found: Row[Any], *, owner: str, length_s: float) -> Lease:
    """The lease that was found so, and is taken now."""
    known = (found.change_number, found.watermark, found.linked_up_to)
    return Lease(tables, found.instance_id, found.resource, found.epoch + 1, owner, length_s, *known)


def is_free_to_take(tables: Tables, length_s: float) -> ColumnElement[bool]:
    """Whether nobody has a lease, or its time is over; workers may have been started with lengths of their own.

    One from the future was renewed while the database's clock was wrong. Should its holder be alive, it is fenced off.
    """
    leases = tables.leases
    return or_(leases.c.owner.is_(None), is_due(leases.c.expires_at, within_s=LENGTHS_DIFFER * length_s))


def sharers(session: Session, tables: Tables, store_hash: str, length_s: float) -> int:
    """How many live leases there are on this store, over all its instances: they share one quota. At least 1."""
    count: int = session.execute(select(count_sharers(tables, store_hash, length_s))).scalar_one()
    return max(1, count)


def count_sharers(tables: Tables, store_hash: Any, length_s: float) -> ScalarSelect[int]:
    """How many live leases there are on the store of this hash, which may be another statement's column."""
    leases, instances = tables.leases, tables.instances.alias()
    return (
        select(func.count())
        .select_from(leases.join(instances, instances.c.id == leases.c.instance_id))
        .where(instances.c.store_hash == store_hash, not_(is_free_to_take(tables, length_s)))
        .scalar_subquery()
    )


# -- all leases of an instance, for those who change the instance itself; in the caller's transaction --------------


def lock_leases(session: Session, tables: Tables, instance_id: int) -> bool:
    """Lock the leases that there are, or say no: who writes the instance's records, frozen or not, has one locked.

    There is one for each collection that the version knew which connected the store, so this one may know more or
    fewer: a collection without a lease is written by nobody. SQLite knows no row locks, so there the answer is yes.
    """
    if not dialect_of(session).has_row_locks:
        return True
    mine = tables.leases.c.instance_id == instance_id
    locked = session.scalars(select(tables.leases.c.resource).where(mine).with_for_update(skip_locked=True)).all()
    return len(locked) == count_leases(session, tables, instance_id)


def wait_for_instance(session: Session, tables: Tables, instance_id: int) -> None:
    """Lock the leases, then the instance's row, in the order in which pages do; in line with the others who wait.

    Whoever only tries and goes away would never have its turn where requests for links follow each other without a gap.
    What is locked for longer than ``LOCK_WAIT_S``, perhaps by a frozen process, is a conflict (see ``is_conflict``).
    """
    leases, instances = tables.leases, tables.instances
    with bounded_waits(session, LOCK_WAIT_S):
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
