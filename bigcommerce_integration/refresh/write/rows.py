"""Bulk reads and writes of mirror rows inside a page's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Column, ColumnElement, Row, Select, Table, bindparam, or_, select, update
from sqlalchemy.orm import Session

from ...host.port import Host
from ...models import Tables
from ...models.dialect.conditions import in_chunks
from ...models.instances import IntegrationInstance
from ..drift import Drift
from . import bulk

# A range of ids with at most so many others to each one that is asked for is read whole.
SPARSEST = 4


@dataclass
class PageTransaction:
    """The transaction of one page: its session, and the counter that numbers every row it writes.

    ``change_number`` was read under the lease's row lock, so numbers are given in commit order. ``claimed_number`` is
    what it was when the lease was claimed: every row with a number up to this was written before, of an answer to a
    question that was asked before the page's. A row observed after ``latest`` has that from a clock that was wrong.
    """

    session: Session
    tables: Tables = field(repr=False)
    host: Host
    instance: IntegrationInstance
    observed_at: datetime
    change_number: int
    # How many rows were written with notes.
    notes: int = 0
    claimed_number: int = 0
    latest: datetime = datetime.max
    # A repair: what seems to be unchanged may not be, and is written all the same.
    is_repair: bool = False
    # What a reconciliation has found in this transaction.
    drift: Drift = field(default_factory=Drift)

    def is_newer(self, row: Row[Any]) -> bool:
        """Whether a stored row is of an answer that was asked for later than the page's.

        That can only be one of the same claim: who had the lease before has written nothing since, and asked before
        this one could. So no clock that was wrong once can keep a row from what the store says now.
        """
        is_of_claim = row.change_number > self.claimed_number
        return bool(is_of_claim and self.observed_at < row.observed_at <= self.latest)

    def next_change_number(self) -> int:
        """A number above all that the instance's rows of this resource have."""
        self.change_number += 1
        return self.change_number


@dataclass(frozen=True, slots=True)
class DeletedRow:
    """A mirror row whose record the store has no longer, as an answer showed whose request began at ``at``.

    Rows with a change number ``written_up_to`` or below were written before that request.
    """

    row_id: int
    bigcommerce_id: int
    at: datetime
    written_up_to: int

    def is_before(self, row: Row[Any], latest: datetime) -> bool:
        """Whether a stored row is of a later answer than the one that lacked the record."""
        return bool(row.change_number > self.written_up_to and self.at < row.observed_at <= latest)


def not_seen_since(
    table: Table, moment: datetime | ColumnElement[Any], *, written_up_to: int, latest: datetime
) -> ColumnElement[bool]:
    """Whether a row is of an answer no later than ``moment``: the same rule as ``PageTransaction.is_newer``.

    The store's clock has whole seconds, so the times of two claims may be in the wrong order by one. Therefore every
    row with a change number ``written_up_to`` or below is of an earlier answer, whatever its time.
    """
    return or_(table.c.change_number <= written_up_to, table.c.observed_at <= moment, table.c.observed_at > latest)


def mark_rows_deleted(tx: PageTransaction, table: Table, gone: Sequence[DeletedRow]) -> None:
    """Set ``deleted_at``; a later answer that has the record takes it away again."""
    update_rows(tx, table, [{"row_id": row.row_id, "deleted_at": row.at, "observed_at": row.at} for row in gone])


def chunks(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """``items`` in order, ``size`` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def stored_rows(
    tx: PageTransaction, table: Table, key: Column[Any], values: Iterable[Any], *columns: Column[Any]
) -> list[Row[Any]]:
    """The instance's rows of ``table`` whose ``key``, one of the ``columns``, is among ``values``."""
    asked = sorted(set(values))
    if not asked:
        return []
    if isinstance(asked[0], int) and asked[-1] - asked[0] < SPARSEST * len(asked):
        # Ids that lie close together: a long list of them costs more than the few rows between them.
        wanted, at = frozenset(asked), [column.name for column in columns].index(key.name)
        within = {"this_instance": tx.instance.id, "first": asked[0], "last": asked[-1]}
        # All at once: row by row costs as much again.
        rows = tx.session.execute(_between(key, *columns), within).all()
        return [row for row in rows if row[at] in wanted]
    statement = select(*columns).where(table.c.instance_id == tx.instance.id)
    return [
        row
        for condition in in_chunks(tx.session, key, asked)
        for row in tx.session.execute(statement.where(condition)).all()
    ]


@lru_cache(maxsize=64)  # built once for each table: each page asks so several times
def _between(key: Column[Any], *columns: Column[Any]) -> Select[Any]:
    """These columns of the rows of ``this_instance`` whose key lies between ``first`` and ``last``, both included."""
    is_instance = key.table.c.instance_id == bindparam("this_instance")
    return select(*columns).where(is_instance, key.between(bindparam("first"), bindparam("last")))


def rows_by_id(tx: PageTransaction, table: Table, ids: Iterable[int], *names: str) -> dict[int, Row[Any]]:
    """The instance's rows with these BigCommerce ids, by them, with these columns."""
    columns = [table.c[name] for name in ("bigcommerce_id", *names)]
    return {row.bigcommerce_id: row for row in stored_rows(tx, table, table.c.bigcommerce_id, ids, *columns)}


def insert_rows(tx: PageTransaction, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """New mirror rows, numbered and stamped here; each row has the same columns."""
    if not rows:
        return
    tx.notes += sum(1 for row in rows if row.get("notes"))
    names = tuple(rows[0])
    pick = itemgetter(*names)
    common = (tx.instance.id, tx.observed_at)
    first = tx.change_number + 1
    tx.change_number += len(rows)
    stamped = (pick(row) + common + (number,) for number, row in enumerate(rows, first))
    bulk.insert_all(tx.session.connection(), table, (*names, "instance_id", "observed_at", "change_number"), stamped)


def update_rows(
    tx: PageTransaction, table: Table, rows: Sequence[Mapping[str, Any]], *, is_observed: bool = True
) -> None:
    """Changed mirror rows by ``row_id`` (our own id); each row has the same columns.

    ``is_observed`` is false for what we decide ourselves (links): it leaves ``observed_at`` alone.
    """
    if not rows:
        return
    tx.notes += sum(1 for row in rows if row.get("notes"))
    common = {"observed_at": tx.observed_at} if is_observed else {}
    stamped = [{**common, **row, "change_number": tx.next_change_number()} for row in rows]
    values: dict[str, Any] = {name: bindparam(name) for name in stamped[0] if name != "row_id"}
    statement = update(table).where(table.c.id == bindparam("row_id")).values(values)
    for batch in bulk.batches(stamped, lambda row: row.get("payload")):
        tx.session.connection().execute(statement, batch)
