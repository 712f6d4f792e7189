"""A page of any collection into rows: classify, insert, update, children, notify the host, count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from ...resources.mapping import Mapped
from .behaviour import Collection
from .children import write_children
from .diff import classify
from .host_calls import notify_host
from .page import Counts, MappedPage
from .rows import DeletedRow, PageTransaction, insert_rows, mark_rows_deleted, rows_by_id, stored_rows, update_rows


def write_page(tx: PageTransaction, collection: Collection, page: MappedPage, *, since: datetime | None) -> Counts:
    """Write the page's rows and those of its children; ``since`` is the begin of the instance's start date."""
    behaviour, table = collection.behaviour, collection.table(tx.tables)
    deleted = _mark_ids_deleted(tx, collection, page.deleted_records)
    records = [*page.records, *page.others]
    wanted = [record for record in records if behaviour.is_wanted(record, since)]
    verdict = classify(tx, table, replace(page, records=wanted), more=behaviour.stored_columns)
    allowed = behaviour.may_insert(tx, verdict.new, since)
    new = [record for record in verdict.new if record.id in allowed]
    insert_rows(
        tx,
        table,
        [{"bigcommerce_id": record.id, **_columns(collection, record, page), **allowed[record.id]} for record in new],
    )
    changes = [
        {
            "row_id": row.id,
            **_columns(collection, record, page),
            **behaviour.update_columns(record, row, since),
            "deleted_at": None,
        }
        for record, row in verdict.changed
    ]
    update_rows(tx, table, changes)
    update_rows(tx, table, [{"row_id": row.id} for row in verdict.misdated])
    changed = [record for record, _ in verdict.changed]
    touched, counts = write_children(tx, collection, page, new, changed)
    if touched:
        notify_host(tx, collection.name, sorted(touched))
    own = {
        "created": len(new),
        "updated": len(changed),
        "unchanged": verdict.unchanged,
        "skipped": verdict.older + len(records) - len(wanted) + len(verdict.new) - len(new),
        "deleted": deleted,
    }
    return Counts(own) + counts


def mark_deleted(tx: PageTransaction, collection: Collection, gone: Sequence[DeletedRow]) -> None:
    """Mark records as deleted, and with them the children that end with their record; notify the host."""
    if not gone:
        return
    mark_rows_deleted(tx, collection.table(tx.tables), gone)
    owners = {row.bigcommerce_id: row for row in gone}
    for child in collection.resource.children:
        if not child.ends_with_owner:
            continue
        table = tx.tables.mirror[child.name]
        names = ("id", child.owner, "deleted_at", "observed_at", "change_number")
        found = stored_rows(tx, table, table.c[child.owner], owners, *(table.c[name] for name in names))
        with_owner = [(row, owners[getattr(row, child.owner)]) for row in found if row.deleted_at is None]
        mark_rows_deleted(
            tx,
            table,
            [replace(owner, row_id=row.id) for row, owner in with_owner if not owner.is_before(row, tx.latest)],
        )
    notify_host(tx, collection.name, sorted(owners))


def _columns(collection: Collection, record: Mapped, page: MappedPage) -> dict[str, object]:
    return {**record.columns, "payload": record.text, "content_hash": collection.behaviour.stored_hash(record, page)}


def _mark_ids_deleted(tx: PageTransaction, collection: Collection, ids: Sequence[int]) -> int:
    """Mark records that were asked for and are not in the store; how many were live."""
    names = ("id", "deleted_at", "observed_at", "change_number")
    rows = rows_by_id(tx, collection.table(tx.tables), ids, *names)
    gone = [
        DeletedRow(row.id, row.bigcommerce_id, tx.observed_at, tx.claimed_number)
        for row in rows.values()
        if row.deleted_at is None and not tx.is_newer(row)
    ]
    mark_deleted(tx, collection, gone)
    return len(gone)
