"""What is within the records of a page: variants of products, lines of orders, also those that change their owner.

Answers for the two owners may be applied in either order, so a child's own row says which of them is newer. An owner
whose stored text does not say where its children now are is invalidated: its next answer is written as a change,
whatever it holds. Otherwise it could be taken for unchanged for ever, with a child missing.
"""

from __future__ import annotations

from collections.abc import Collection as Ids
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter, itemgetter
from typing import Any

from sqlalchemy import Row, Table

from ...resources.base import Child, Identity
from ...resources.mapping import Mapped
from .behaviour import ChildDiff, Collection
from .page import Counts, MappedPage
from .rows import PageTransaction, insert_rows, rows_by_id, stored_rows, update_rows

NO_HASH = ""
"""Equal to no content hash."""


def write_children(
    tx: PageTransaction, collection: Collection, page: MappedPage, new: Sequence[Mapped], changed: Sequence[Mapped]
) -> tuple[set[int], Counts]:
    """Bring the children of these records up to date, which the page has just written.

    The ids of what the host is to be told of, these records among them, and what is to be counted.
    """
    records, counts = [*new, *changed], Counts()
    touched = {record.id for record in records}
    # Of a record that was not stored, no child can be lacking.
    complete_ids = {record.id for record in changed if not record.is_partial}
    for child in collection.resource.children:
        diff = _diff(tx, child, records, complete_ids, collection.behaviour.child_stored_columns)
        others, counted = _write_kind(tx, collection, child, page, diff)
        touched |= others
        counts += Counts(counted)
    return touched, counts


def _write_kind(
    tx: PageTransaction, collection: Collection, child: Child, page: MappedPage, diff: ChildDiff
) -> tuple[frozenset[int], Mapping[str, int]]:
    behaviour, table = collection.behaviour, tx.tables.mirror[child.name]
    gone, unproved = [], set()
    for row in diff.lacking:
        if behaviour.is_child_deleted(child, row, page):
            gone.append(row)
        else:
            unproved.add(getattr(row, child.owner))
    update_rows(tx, table, [{"row_id": row.id, **each, "deleted_at": None} for each, row in diff.changed])
    if child.keeps_removed:
        update_rows(tx, table, [{"row_id": row.id, "deleted_at": tx.observed_at} for row in gone])
    elif gone:
        tx.session.execute(table.delete().where(table.c.id.in_([row.id for row in gone])))
    stale = owners_to_invalidate(tx, diff.differing, child.owner, written=diff.owner_ids)
    invalidate(tx, collection.table(tx.tables), stale | unproved)
    more = behaviour.child_columns(tx, child, diff)
    place, new = child.place, diff.new
    if more.of_new or more.default:
        new = [{**each, **more.of_new.get(each[place], more.default)} for each in new]
    insert_rows(tx, table, new)
    deleted = {"deleted": len(gone)} if child.keeps_removed else {}
    return more.touched, {**more.counts, **deleted}


def _diff(
    tx: PageTransaction, child: Child, owners: Sequence[Mapped], complete_ids: Ids[int], more_columns: Sequence[str]
) -> ChildDiff:
    table = tx.tables.mirror[child.name]
    names = ("id", child.place, child.owner, "content_hash", "observed_at", "change_number", "deleted_at")
    columns = [table.c[name] for name in (*names, *more_columns)]
    key_of, key_of_row = itemgetter(*child.key), attrgetter(*child.key)
    answered = {key_of(each): each for record in owners for each in record.of(child.name)}
    found = stored_rows(tx, table, table.c[child.owner], complete_ids, *columns)
    if child.identity is Identity.OWN_ID:
        by_id = map(itemgetter(child.place), answered.values())
        found = [*stored_rows(tx, table, table.c[child.place], by_id, *columns), *found]
    rows = {key_of_row(row): row for row in found}
    known = [(each, rows[key]) for key, each in sorted(answered.items()) if key in rows]
    differing = [
        (each, row)
        for each, row in known
        if tx.is_repair or row.content_hash != each["content_hash"] or row.deleted_at is not None
    ]
    lacking = [
        row
        for key, row in sorted(rows.items())
        if key not in answered and getattr(row, child.owner) in complete_ids and row.deleted_at is None
    ]
    return ChildDiff(
        owner_ids={record.id for record in owners},
        new=[each for key, each in sorted(answered.items()) if key not in rows],
        differing=differing,
        changed=[(each, row) for each, row in differing if not is_newer(tx, row)],
        lacking=lacking,
    )


def is_newer(tx: PageTransaction, row: Row[Any]) -> bool:
    """Whether the child's row is from an answer that began later than the page's.

    One marked as deleted is not: that it is gone from one owner says nothing against another that has it.
    """
    return bool(row.deleted_at is None and tx.is_newer(row))


def owners_to_invalidate(
    tx: PageTransaction, differing: Iterable[tuple[Mapping[str, Any], Row[Any]]], owner: str, *, written: Ids[int]
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


def invalidate(tx: PageTransaction, table: Table, owner_ids: Ids[int]) -> None:
    """Have the next answer for these owners, rows of ``table``, count as a change."""
    rows = rows_by_id(tx, table, owner_ids, "id").values()
    update_rows(tx, table, [{"row_id": row.id, "content_hash": NO_HASH} for row in rows], is_observed=False)
