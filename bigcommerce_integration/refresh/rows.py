"""Bulk reads and writes of mirror rows inside a page's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Row, Table, bindparam, insert, select, update
from sqlalchemy.orm import Session

from ..host import Host
from ..models import Tables
from ..models.instances import IntegrationInstance

# Well below SQLite's oldest limit on parameters, and few enough for one index scan each.
IDS_A_STATEMENT = 900
ROWS_A_STATEMENT = 1000
BYTES_A_STATEMENT = 4 * 1024 * 1024


@dataclass
class PageTransaction:
    """The transaction of one page: its session, and the counter that numbers every row it writes.

    ``change_number`` was read under the lease's row lock, so numbers are given in commit order.
    """

    session: Session
    tables: Tables = field(repr=False)
    host: Host
    instance: IntegrationInstance
    observed_at: datetime
    change_number: int

    def next_change_number(self) -> int:
        """A number above all that the instance's rows of this resource have."""
        self.change_number += 1
        return self.change_number


@dataclass(frozen=True, slots=True)
class Gone:
    """A mirror row whose record the store has no longer, as an answer showed whose request began at ``at``."""

    row_id: int
    bigcommerce_id: int
    at: datetime


def mark_rows_gone(tx: PageTransaction, table: Table, gone: Sequence[Gone]) -> None:
    """Set ``deleted_at``; a later answer that has the record takes it away again."""
    update_rows(tx, table, [{"row_id": row.row_id, "deleted_at": row.at, "observed_at": row.at} for row in gone])


def chunks(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """``items`` in order, ``size`` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def stored_rows(
    tx: PageTransaction, table: Table, key: Column[Any], values: Iterable[Any], *columns: Column[Any]
) -> list[Row[Any]]:
    """The instance's rows of ``table`` whose ``key`` is among ``values``."""
    asked = sorted(set(values))
    return [
        row
        for some in chunks(asked, IDS_A_STATEMENT)
        for row in tx.session.execute(select(*columns).where(table.c.instance_id == tx.instance.id, key.in_(some)))
    ]


def insert_rows(tx: PageTransaction, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """New mirror rows, numbered and stamped here; each row has the same columns."""
    common = {"instance_id": tx.instance.id, "observed_at": tx.observed_at, "deleted_at": None}
    stamped = [{**row, **common, "change_number": tx.next_change_number()} for row in rows]
    for batch in _batches(stamped):
        tx.session.execute(insert(table), batch)


def update_rows(
    tx: PageTransaction, table: Table, rows: Sequence[Mapping[str, Any]], *, is_observed: bool = True
) -> None:
    """Changed mirror rows by ``row_id`` (our own id); each row has the same columns.

    ``is_observed`` is false for what we decide ourselves (links): it leaves ``observed_at`` alone.
    """
    if not rows:
        return
    common = {"observed_at": tx.observed_at} if is_observed else {}
    stamped = [{**common, **row, "change_number": tx.next_change_number()} for row in rows]
    values: dict[str, Any] = {name: bindparam(name) for name in stamped[0] if name != "row_id"}
    statement = update(table).where(table.c.id == bindparam("row_id")).values(values)
    for batch in _batches(stamped):
        tx.session.connection().execute(statement, batch)


def _batches(rows: Sequence[Mapping[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        row_bytes = len(row.get("payload") or "") + 500
        if batch and (len(batch) == ROWS_A_STATEMENT or size + row_bytes > BYTES_A_STATEMENT):
            yield batch
            batch, size = [], 0
        batch.append(dict(row))
        size += row_bytes
    if batch:
        yield batch
