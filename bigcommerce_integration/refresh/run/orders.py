"""Orders and their lines: how they are asked for and written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Table, or_

from ...client.api import Highest, Reply, StoreClient
from ...client.pages import IdRange, Page
from ...client.records import Each, Record
from ...client.redaction import blanked_line, is_blanked
from ...resources.base import DateFilter
from ...resources.columns import note, notes_column, notes_of
from ...resources.mapping import Mapped, content_hash
from ...resources.orders import ORDER_LINES, ORDERS
from ...resources.registry import REGISTRY
from ..write.diff import classify
from ..write.host_calls import tell_orders
from ..write.page import Counts, MappedPage
from ..write.reparenting import doubt, is_newer, owners_in_doubt
from ..write.rows import Gone, PageTransaction, insert_rows, mark_rows_gone, stored_rows, update_rows

NAME = ORDERS.name
IDS_A_REQUEST = ORDERS.reader.ids_a_request

_MAPPER = REGISTRY.mappers[ORDERS.name]
map_record, whole_hash = _MAPPER.map_record, _MAPPER.whole_hash
line_rows = _MAPPER.child(ORDER_LINES.name).rows
# Of the content hash: what an order's lines turned out to be when they were asked for apart.
_GONE, _SHORT = "gone", "short"


def survey(client: StoreClient, dates: DateFilter) -> Reply[Highest]:
    """The highest id; V2 does not say how many records there are."""
    return client.highest_order_id(dates)


def ask(client: StoreClient, ids: IdRange, limit: int, dates: DateFilter, each: Each) -> Reply[Page]:
    """One page of orders with their embedded lines.

    ``dates`` never reach back before the start date: a late edit of an old order must not bring it into books that
    hold it already.
    """
    return client.orders(ids, limit=limit, dates=dates, each=each)


def ask_ids(client: StoreClient, ids: Sequence[int]) -> Reply[Page]:
    """This one order; lists may not show what is archived, and V2 has no filter for ids."""
    (order_id,) = ids
    return client.orders(IdRange(order_id, order_id), limit=1)


def listed(table: Table) -> tuple[Any, ...]:
    """Those that are not archived: whether lists show the others is not known (the fact sheet, section 14)."""
    return (table.c.is_deleted.is_(False),)


def expected(table: Table, dates: DateFilter) -> tuple[Any, ...]:
    """Those created between these dates; what is archived too, since only a look at each tells whether it is gone.

    One whose date could not be read may have been created on any day.
    """
    created = table.c.date_created
    conditions: list[Any] = []
    if dates.created_since is not None:
        conditions.append(or_(created >= dates.created_since, created.is_(None)))
    if dates.created_until is not None:
        conditions.append(or_(created < dates.created_until, created.is_(None)))
    return tuple(conditions)


def mark_gone(tx: PageTransaction, gone: Sequence[Gone]) -> None:
    """Mark orders; their lines stay as they were."""
    mark_rows_gone(tx, tx.tables.orders, gone)
    if gone:
        tell_orders(tx, sorted(row.bigcommerce_id for row in gone))


def with_lines(order: Mapped, records: Sequence[Record]) -> Mapped:
    """The order with the lines that were fetched apart, all pages of them; ``BadRecord`` as in ``map_record``.

    They do not tell whose they are: the order does. What its embedded lines showed is not gone because this answer
    lacks it, and that there are no lines at all is believed only of an order that says so: the order is noted, its
    stored lines stay, and its next answer has them asked for again.
    """
    if is_blanked(order.text):
        records = [blanked_line(each) for each in records]
    rows = line_rows(order.id, [each.value for each in records], [each.text for each in records])
    lacking = [line for line in order.of(ORDER_LINES.name) if line["bigcommerce_id"] not in rows]
    if lacking:
        numbers = ", ".join(str(line["bigcommerce_id"]) for line in lacking[:5])
        return _short(
            order, [*rows.values(), *lacking], f"the list of lines lacks some that the order shows: {numbers}"
        )
    if not rows and order.columns["items_total"] != 0:
        return _short(order, [], "the store sent no lines, but does not say that the order has none")
    return replace(order, children={ORDER_LINES.name: list(rows.values())}, is_partial=False)


def _short(order: Mapped, lines: Sequence[Mapping[str, Any]], reason: str) -> Mapped:
    notes = notes_column([*notes_of(order.columns["notes"]), note("lines", reason)])
    return replace(
        order,
        children={ORDER_LINES.name: lines},
        columns={**order.columns, "notes": notes},
        content_hash=content_hash(order.text, _SHORT),
    )


def without_lines(order: Mapped) -> Mapped:
    """The order whose lines could not be had, as it is gone since: they are asked for again should it come back."""
    return replace(order, content_hash=content_hash(order.text, _GONE))


def hash_of_blanked(stored_hash: str, text: str, blanked: str) -> str:
    """The content hash of a stored order once ``text`` is ``blanked``: the one that it gets when it is mapped again.

    An order of an older mapping, whose hash no longer follows from its text, is left to be written anew.
    """
    for is_lacking in (False, True, _GONE, _SHORT):
        if stored_hash == content_hash(text, is_lacking):
            return content_hash(blanked, is_lacking)
    return content_hash(blanked, "an older mapping")


def unfetched(tx_rows: Mapping[int, str], orders: Sequence[Mapped]) -> list[Mapped]:
    """The orders whose lines have to be fetched: not those stored with lines fetched for this very record."""
    return [order for order in orders if order.is_partial and tx_rows.get(order.id) != order.content_hash]


def apply(tx: PageTransaction, page: MappedPage, *, insert_since: datetime | None) -> Counts:
    """Write a page of orders, replace the lines of those that changed, tell the host.

    Orders created before ``insert_since`` are left out.
    """
    table = tx.tables.orders
    records = [record for record in page.records if not _is_before(record, insert_since)]
    verdict = classify(tx, table, replace(page, records=records))
    insert_rows(
        tx,
        table,
        [
            {
                "bigcommerce_id": record.id,
                **record.columns,
                "payload": record.text,
                "content_hash": record.content_hash,
            }
            for record in verdict.new
        ],
    )
    update_rows(
        tx,
        table,
        [
            {
                "row_id": row.id,
                **record.columns,
                "payload": record.text,
                "content_hash": record.content_hash,
                "deleted_at": None,
            }
            for record, row in verdict.changed
        ],
    )
    update_rows(tx, table, [{"row_id": row.id} for row in verdict.misdated])
    changed = [record for record, _ in verdict.changed]
    _write_lines(tx, [*verdict.new, *changed], {record.id for record in changed if not record.is_partial})
    touched = sorted(record.id for record in (*verdict.new, *changed))
    if touched:
        tell_orders(tx, touched)
    return Counts(
        {
            "created": len(verdict.new),
            "updated": len(changed),
            "unchanged": verdict.unchanged,
            "skipped": verdict.older + len(page.records) - len(records),
        }
    )


def _is_before(order: Mapped, since: datetime | None) -> bool:
    created = order.columns.get("date_created")
    return since is not None and created is not None and created < since


def _write_lines(tx: PageTransaction, orders: Sequence[Mapped], whole_ids: set[int]) -> None:
    """Bring the lines of these orders up to date; a line taken out of its order is the one thing we delete.

    ``whole_ids`` are the stored orders all of whose lines came: only they can lack one. A line that is stored under
    another order is found by its own id, as a variant under another product is.
    """
    table = tx.tables.order_lines
    columns = (
        table.c.id,
        table.c.bigcommerce_id,
        table.c.bigcommerce_order_id,
        table.c.content_hash,
        table.c.observed_at,
        table.c.change_number,
        table.c.deleted_at,
    )
    answered = {line["bigcommerce_id"]: line for order in orders for line in order.of(ORDER_LINES.name)}
    stored = {
        row.bigcommerce_id: row
        for row in (
            *stored_rows(tx, table, table.c.bigcommerce_id, answered, *columns),
            *stored_rows(tx, table, table.c.bigcommerce_order_id, whole_ids, *columns),
        )
    }
    gone = [row.id for line_id, row in sorted(stored.items()) if line_id not in answered]
    if gone:
        tx.session.execute(table.delete().where(table.c.id.in_(gone)))
    insert_rows(tx, table, [line for line_id, line in sorted(answered.items()) if line_id not in stored])
    differing = [
        (line, stored[line_id])
        for line_id, line in sorted(answered.items())
        if line_id in stored and stored[line_id].content_hash != line["content_hash"]
    ]
    update_rows(tx, table, [{"row_id": row.id, **line} for line, row in differing if not is_newer(tx, row)])
    in_doubt = owners_in_doubt(tx, differing, "bigcommerce_order_id", written={order.id for order in orders})
    doubt(tx, tx.tables.orders, in_doubt)
