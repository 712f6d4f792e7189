"""What a page means for the stored rows: one query, then a pure comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Table, select
from sqlalchemy.orm import Session

from ...client.pages import IdRange
from ...resources.mapping import Mapped
from .children import NO_HASH
from .page import MappedPage
from .rows import PageTransaction, rows_by_id


@dataclass(frozen=True)
class Verdict:
    """The records of a page by what is to be done; ``older`` counts answers that began before the row's.

    ``misdated`` are the rows among the unchanged that a wrong clock has put into the future.
    """

    new: list[Mapped]
    changed: list[tuple[Mapped, Row[Any]]]
    unchanged: int
    older: int
    misdated: list[Row[Any]]


def classify(tx: PageTransaction, table: Table, page: MappedPage, *, more: Sequence[str] = ()) -> Verdict:
    """New, changed, unchanged by content hash, or older than what is stored: a newer answer is never overwritten.

    Of two answers that began within one second the later applied wins. A row marked as deleted that comes back counts
    as changed. ``more`` are further columns to read.
    """
    names = ("id", "content_hash", "observed_at", "change_number", "deleted_at", *more)
    rows = rows_by_id(tx, table, [record.id for record in page.records], *names)
    new: list[Mapped] = []
    changed: list[tuple[Mapped, Row[Any]]] = []
    misdated: list[Row[Any]] = []
    unchanged = older = 0
    for record in sorted(page.records, key=lambda each: each.id):
        row = rows.get(record.id)
        if row is None:
            new.append(record.materialize())
        elif tx.is_newer(row):
            older += 1
        elif not tx.is_repair and row.content_hash == record.content_hash != NO_HASH and row.deleted_at is None:
            unchanged += 1
            if row.observed_at > tx.latest:
                misdated.append(row)
        else:
            changed.append((record.materialize(), row))
    return Verdict(new, changed, unchanged, older, misdated)


def stored_hashes(session: Session, table: Table, instance_id: int, ids: IdRange, limit: int) -> dict[int, str]:
    """The content hashes of the first live rows of a range, by id: what a page of it will probably bring."""
    statement = (
        select(table.c.bigcommerce_id, table.c.content_hash)
        .where(table.c.instance_id == instance_id, table.c.bigcommerce_id >= ids.lo, table.c.deleted_at.is_(None))
        .order_by(table.c.bigcommerce_id)
        .limit(limit)
    )
    if ids.hi is not None:
        statement = statement.where(table.c.bigcommerce_id <= ids.hi)
    return {row.bigcommerce_id: row.content_hash for row in session.execute(statement).all()}
