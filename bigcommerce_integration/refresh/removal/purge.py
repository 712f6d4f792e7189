"""Delete an instance: ``mark_deleted`` at once, in the caller's transaction; ``purge`` removes its rows, bit by bit.

The host's own products stay.

Each transaction is of bounded size and proves first that the leases are still ours, so a purge may be killed at any
moment: what is left is found again by the instance's row, which goes last.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, Table, delete, func, or_, select, update
from sqlalchemy.orm import Session

from ...errors import LeaseLost
from ...models import Tables, db_now
from ...models.dialect.conditions import VALUES_A_STATEMENT
from ...models.dialect.databases import dialect_of
from ...models.dialect.transactions import is_lockable
from ...models.dialect.writes import affected
from ..job.context import Engine, new_owner
from ..job.lease import count_leases, fence, is_free_to_take, lock_leases
from ..lifecycle.transitions import cancel_all

DELETING = "deleting"
NOT_FOUND = "This BigCommerce integration instance is being deleted."
MESSAGE = "The instance is being deleted; its mirrored records are removed bit by bit."
ROWS_A_TRANSACTION = 5000
PURGE_S = 1.0
"""How much of a tick purging may take; a transaction that was begun is ended."""
_OWNER = "purge:"


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


class _Blocked(Exception):
    """Rows are locked by a process that may be frozen: the next tick tries again."""


@dataclass(frozen=True)
class _Purge:
    """One claimed instance."""

    tables: Tables
    instance_id: int
    owner: str
    length_s: float

    @property
    def is_ours(self) -> tuple[ColumnElement[bool], ...]:
        leases = self.tables.leases
        return leases.c.instance_id == self.instance_id, leases.c.owner == self.owner

    def renew(self, session: Session) -> None:
        """The fence of each transaction, as ``Lease.renew`` is that of a page.

        Raises ``LeaseLost`` unless all leases that the instance has are ours: one may have come since the claim.
        """
        renewed = update(self.tables.leases).where(*self.is_ours).values(expires_at=db_now(self.length_s))
        self.require_all(session, affected(session, renewed))

    def require_all(self, session: Session, count: int) -> None:
        """Raises ``LeaseLost``, which undoes the transaction, if the instance has more leases than ``count``."""
        if count != count_leases(session, self.tables, self.instance_id):
            raise LeaseLost(f"The purge of instance {self.instance_id} has passed to another worker.")


def purge(engine: Engine) -> int:
    """Go on removing what belongs to deleted instances, for about ``PURGE_S`` seconds; how many are gone for good."""
    ends_at = time.monotonic() + PURGE_S
    instances = engine.tables.instances
    wanted = select(instances.c.id).where(instances.c.status == DELETING).order_by(instances.c.id)
    gone = 0
    for instance_id in engine.transaction(lambda session: list(session.scalars(wanted))):
        gone += _purge(engine, instance_id, ends_at)
        if engine.stopping.is_set() or time.monotonic() >= ends_at:
            break
    return gone


def _purge(engine: Engine, instance_id: int, ends_at: float) -> bool:
    """Whether nothing is left of the instance."""
    mine = _Purge(engine.tables, instance_id, f"{_OWNER}{new_owner()}", engine.config.lease_s)
    try:
        if not engine.transaction(lambda session: _claim(session, mine)):
            return False
        for step in _steps(mine):
            while not engine.transaction(partial(_fenced, mine, step)):
                if engine.stopping.is_set() or time.monotonic() >= ends_at:
                    engine.transaction(partial(_release, mine))
                    return False
        is_gone = engine.transaction(partial(_finish, mine))
        if not is_gone:
            engine.transaction(partial(_release, mine))
        return is_gone
    except LeaseLost:
        return False
    except _Blocked:
        engine.transaction(partial(_release, mine))
        return False


def _claim(session: Session, mine: _Purge) -> bool:
    """Take the leases from whatever refresh has them, all or none: not from another purge that is alive."""
    leases, instance_id = mine.tables.leases, mine.instance_id
    if not lock_leases(session, mine.tables, instance_id):
        return False
    is_free = or_(is_free_to_take(mine.tables, mine.length_s), leases.c.owner.not_like(f"{_OWNER}%"))
    claimed = (
        update(leases)
        .where(leases.c.instance_id == instance_id, is_free)
        .values(epoch=leases.c.epoch + 1, owner=mine.owner, expires_at=db_now(mine.length_s))
    )
    mine.require_all(session, affected(session, claimed))
    return True


def _fenced(mine: _Purge, step: Callable[[Session], bool], session: Session) -> bool:
    mine.renew(session)
    return step(session)


def _steps(mine: _Purge) -> list[Callable[[Session], bool]]:
    """What is to be done until each says that nothing is left, in this order: what others refer to goes last."""
    tables = mine.tables
    missing, rows = tables.missing_records.c, tables.link_import_rows.c
    by_id = [
        # Orders, which refer to products, and what is within a record before the record.
        *reversed(list(_mirror(tables))),
        (tables.absent_products, tables.absent_products.c.bigcommerce_id),
        *((table, table.c.id) for table in (tables.returns, tables.rejected_records, tables.history)),
        (tables.erased_people, tables.erased_people.c.person_hash),
        # Should a request have made it anew that had seen the instance alive.
        (tables.accounting, tables.accounting.c.instance_id),
    ]
    return [
        # First the ledger: without it nobody makes, changes or hands over a document.
        partial(_empty_free, mine, tables.accounting, tables.accounting.c.instance_id),
        *(
            partial(_empty_free, mine, table, table.c.id)
            for table in (tables.accounting_documents, tables.accounting_batches)
        ),
        *(partial(_empty, table, key, table.c.instance_id == mine.instance_id) for table, key in by_id),
        partial(_empty_seen, mine, tables.added_skus),
        partial(_empty_parts, mine, tables.refreshes, missing.refresh_id, missing.bigcommerce_id),
        partial(_empty_parts, mine, tables.link_imports, rows.import_id, rows.line),
        partial(_empty_hints, mine),
        *(
            partial(_empty, table, table.c.id, table.c.instance_id == mine.instance_id)
            for table in (tables.link_imports, tables.refreshes)
        ),
    ]


def _mirror(tables: Tables) -> Iterator[tuple[Table, Column[Any]]]:
    """Each table of records or of what is within them, and the column by which an instance's rows are indexed."""
    for resource in tables.registry:
        table = tables.mirror[resource.name]
        yield table, table.c.bigcommerce_id
        for child in resource.children:
            yield tables.mirror[child.name], tables.mirror[child.name].c[child.key[0]]


def _empty(table: Table, key: Column[Any], which: ColumnElement[bool], session: Session) -> bool:
    """Delete the first rows by an index on ``which`` and ``key``; whether these were the last."""
    # Not by a list of ids, which would be long, nor with a LIMIT in a subquery, which MariaDB does not know.
    last = session.scalar(select(key).where(which).order_by(key).offset(ROWS_A_TRANSACTION - 1).limit(1))
    session.execute(delete(table).where(which) if last is None else delete(table).where(which, key <= last))
    return last is None


def _empty_seen(mine: _Purge, table: Table, session: Session) -> bool:
    """As ``_empty``, but row by row: MariaDB would wait for those that the host has not committed yet."""
    which, most = table.c.instance_id == mine.instance_id, min(VALUES_A_STATEMENT, ROWS_A_TRANSACTION)
    ids = session.scalars(select(table.c.id).where(which).order_by(table.c.id).limit(most)).all()
    session.execute(delete(table).where(table.c.id.in_(ids)))
    return len(ids) < most


def _empty_free(mine: _Purge, table: Table, key: Column[Any], session: Session) -> bool:
    """As ``_empty``, but not while the host is called within a transaction that has one of the rows locked."""
    which = table.c.instance_id == mine.instance_id
    first = select(key).where(which).order_by(key).limit(ROWS_A_TRANSACTION)
    if dialect_of(session).has_row_locks:
        free = session.scalars(first.with_for_update(skip_locked=True)).all()
        if len(free) < len(session.scalars(first).all()):
            raise _Blocked
    return _empty(table, key, which, session)


def _empty_parts(mine: _Purge, owners: Table, owner: Column[Any], key: Column[Any], session: Session) -> bool:
    """Delete the first rows that belong to one of ``owners``, whose own rows go later; whether there was none."""
    parts = owner.table
    owner_id = session.scalar(
        select(owner)
        .join_from(parts, owners, owners.c.id == owner)
        .where(owners.c.instance_id == mine.instance_id)
        .limit(1)
    )
    if owner_id is None:
        return True
    _empty(parts, key, owner == owner_id, session)
    return False


def _empty_hints(mine: _Purge, session: Session) -> bool:
    """Those that a frozen tick has locked are passed over: the rest waits until it is gone."""
    hints = mine.tables.hints
    ids = list(session.scalars(_hints_of(mine).limit(VALUES_A_STATEMENT)))
    free = [each for each in ids if is_lockable(session, select(hints.c.refresh_id).where(hints.c.refresh_id == each))]
    if free:
        session.execute(delete(hints).where(hints.c.refresh_id.in_(free)))
    elif ids:
        raise _Blocked
    return session.scalar(select(func.count()).select_from(_hints_of(mine).subquery())) == 0


def _hints_of(mine: _Purge) -> Select[Any]:
    hints, refreshes = mine.tables.hints, mine.tables.refreshes
    return (
        select(hints.c.refresh_id)
        .join_from(hints, refreshes, refreshes.c.id == hints.c.refresh_id)
        .where(refreshes.c.instance_id == mine.instance_id)
    )


def _release(mine: _Purge, session: Session) -> None:
    """So that any worker's next tick goes on at once."""
    session.execute(update(mine.tables.leases).where(*mine.is_ours).values(owner=None, expires_at=db_now()))


def _finish(mine: _Purge, session: Session) -> bool:
    """The leases and the instance's own row, together and last of all.

    Not if a request that had seen the instance alive has begun a refresh since: the next tick removes that too.
    """
    mine.renew(session)
    instances, leases, refreshes = mine.tables.instances, mine.tables.leases, mine.tables.refreshes
    which = (instances.c.id == mine.instance_id, instances.c.status == DELETING)
    if not is_lockable(session, select(instances.c.id).where(*which)):
        return False
    if session.scalar(select(refreshes.c.id).where(refreshes.c.instance_id == mine.instance_id).limit(1)) is not None:
        return False
    session.execute(delete(leases).where(leases.c.instance_id == mine.instance_id))
    session.execute(delete(instances).where(*which))
    return True
