"""The right, until a time, to write an instance's rows of one resource."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from ..errors import LeaseLost
from ..models import Tables, db_now
from .database import is_lockable


@dataclass(frozen=True)
class Lease:
    """A claimed lease: the epoch fences off whoever held it before."""

    tables: Tables = field(repr=False)
    instance_id: int
    resource: str
    epoch: int
    owner: str
    length_s: float

    def renew(self, session: Session) -> None:
        """Move the expiry by the database's clock; the first statement of every page's transaction.

        Raises ``LeaseLost`` when another worker has claimed the lease since: nothing may be committed then.
        The row stays locked until the commit, so nobody can claim it under a page that is being written.
        """
        leases = self.tables.leases
        result: Any = session.execute(update(leases).where(*self._is_ours()).values(expires_at=db_now(self.length_s)))
        if result.rowcount != 1:
            raise LeaseLost(
                f"The lease on {self.resource} of instance {self.instance_id} has passed to another worker."
            )

    def release(self, session: Session) -> None:
        """Free the lease for the next slice, wherever it runs; nothing if it was lost. The caller commits."""
        session.execute(update(self.tables.leases).where(*self._is_ours()).values(owner=None, expires_at=db_now()))

    def _is_ours(self) -> tuple[Any, ...]:
        leases = self.tables.leases
        return (
            leases.c.instance_id == self.instance_id,
            leases.c.resource == self.resource,
            leases.c.epoch == self.epoch,
            leases.c.owner == self.owner,
        )


def claim(
    session: Session, tables: Tables, *, instance_id: int, resource: str, owner: str, length_s: float
) -> Lease | None:
    """The lease, or None while another worker holds it. One conditional UPDATE decides; the caller commits.

    Also None if the lease has lapsed, but its holder is frozen inside a transaction: whoever waited for that one
    could do nothing else meanwhile.
    """
    leases = tables.leases
    which = (leases.c.instance_id == instance_id, leases.c.resource == resource)
    is_free = or_(leases.c.owner.is_(None), leases.c.expires_at <= db_now())
    if not is_lockable(session, select(leases.c.epoch).where(*which, is_free)):
        return None
    result: Any = session.execute(
        update(leases).where(*which, is_free).values(epoch=leases.c.epoch + 1, owner=owner, expires_at=db_now(length_s))
    )
    if result.rowcount != 1:
        return None
    epoch: int = session.execute(select(leases.c.epoch).where(*which)).scalar_one()
    return Lease(tables, instance_id, resource, epoch, owner, length_s)


def sharers(session: Session, tables: Tables, store_hash: str) -> int:
    """How many live leases there are on this store, over all its instances: they share one quota. At least 1."""
    leases, instances = tables.leases, tables.instances
    count: int = session.execute(
        select(func.count())
        .select_from(leases.join(instances, instances.c.id == leases.c.instance_id))
        .where(instances.c.store_hash == store_hash, leases.c.owner.is_not(None), leases.c.expires_at > db_now())
    ).scalar_one()
    return max(1, count)
