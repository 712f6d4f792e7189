"""Children that change hands: a variant under another product, a line under another order.

Answers for the two owners may be applied in either order, so a child's own row says which of them is newer. An owner
whose stored text does not tell where its children now are is doubted: its next answer is written as a change, whatever
it holds. Otherwise it could be taken for unchanged for ever, with a child missing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import Row, Table

from .rows import PageTransaction, stored_rows, update_rows

NO_HASH = ""
"""Equal to no content hash."""


def is_newer(tx: PageTransaction, row: Row[Any]) -> bool:
    """Whether the child's row is from an answer that began later than the page's.

    One marked as gone is not: that it is gone from one owner says nothing against another that has it.
    """
    return bool(row.deleted_at is None and tx.is_newer(row))


def owners_in_doubt(
    tx: PageTransaction,
    differing: Iterable[tuple[Mapping[str, Any], Row[Any]]],
    owner: str,
    *,
    written: Collection[int],
) -> set[int]:
    """Of answered children and their rows: who claims one that it does not get, and who loses one to this page.

    Not those that the page itself has just ``written``, nor those that said themselves that the child is gone.
    """
    claiming = {child[owner] for child, row in differing if is_newer(tx, row)}
    losing = {
        getattr(row, owner)
        for child, row in differing
        if row.deleted_at is None and not is_newer(tx, row) and getattr(row, owner) != child[owner]
    }
    return claiming | losing.difference(written)


def doubt(tx: PageTransaction, table: Table, owner_ids: Collection[int]) -> None:
    """Have the next answer for these owners, rows of ``table``, count as a change."""
    if not owner_ids:
        return
    rows = stored_rows(tx, table, table.c.bigcommerce_id, owner_ids, table.c.id, table.c.bigcommerce_id)
    update_rows(tx, table, [{"row_id": row.id, "content_hash": NO_HASH} for row in rows], is_observed=False)
