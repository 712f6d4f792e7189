"""Orders and their lines: from a V2 record to rows.

Sources: bigcommerce/docs, reference/orders.v2.oas2.yml; the embedded lines end at 50 a consignment without
a word in that file (bigcommerce/docs issue 960).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Table, or_

from ...client.api import DateFilter, Highest, Reply, StoreClient
from ...client.pages import IdRange, Page
from ...client.records import Each, Record
from ...client.redaction import blanked_line, is_blanked
from ...errors import BadRecord
from ...models.mirror import LINE_AMOUNTS, ORDER_AMOUNTS
from ...resources import values
from ...resources.columns import Field, FieldTable, code, free_text, note, notes_column, notes_of
from ..write.diff import classify
from ..write.host_calls import tell_orders
from ..write.page import Counts, Mapped, MappedPage, content_hash
from ..write.reparenting import doubt, is_newer, owners_in_doubt
from ..write.rows import Gone, PageTransaction, insert_rows, mark_rows_gone, stored_rows, update_rows

NAME = "orders"
IDS_A_REQUEST = 1
EMBEDDED_LINES = 50
STATUSES = range(15)
"""From Incomplete to Partially Refunded (bigcommerce/docs, orders.v2.oas2.yml). Stores relabel them, none adds one."""
NO_SALE = frozenset({0, 5, 6})
"""Incomplete, Cancelled, Declined."""

_ORDER = FieldTable(
    Field("status_id", values.integer),
    Field("is_deleted", values.boolean),
    Field("customer_id", values.integer),
    Field("channel_id", values.integer),
    Field("is_tax_inclusive_pricing", values.boolean),
    Field("store_default_to_transactional_exchange_rate", values.rate),
    Field("items_total", values.integer, is_vital=True),
    Field("date_created", values.date_time),
    Field("date_modified", values.date_time),
    Field("date_shipped", values.date_time),
    Field("payment_status", code),
    Field("external_order_id", code),
    Field("currency_code", code),
    Field("default_currency_code", code),
    Field("store_default_currency_code", code),
    *(Field(name, values.money, is_vital=True) for name in ORDER_AMOUNTS),
)
_LINE_HEAD = (
    # 0 is a custom item, without a product.
    Field("product_id", values.integer, column="bigcommerce_product_id"),
    Field("variant_id", values.integer, column="bigcommerce_variant_id"),
    Field("parent_order_product_id", values.integer),
    Field("type", code),
    Field("sku", free_text),
    Field("name", free_text),
    Field("quantity", values.integer, is_vital=True),
    Field("quantity_shipped", values.integer, is_vital=True),
    Field("quantity_refunded", values.integer, is_vital=True),
)
_LINE = FieldTable(*_LINE_HEAD, *(Field(name, values.money, is_vital=True) for name in LINE_AMOUNTS), within="lines.")
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


def map_record(record: Record) -> Mapped:
    """The columns of an order and of its embedded lines; ``BadRecord`` if something vital cannot be read."""
    assert record.id is not None
    order = record.value
    if not isinstance(order, dict):
        raise BadRecord("The record is not an object.")
    columns, notes = _ORDER.read(order)
    unread = {each["field"] for each in notes}
    status_id = columns["status_id"]
    columns["is_deleted"] = bool(columns["is_deleted"])
    columns["is_sale"] = (
        status_id in STATUSES
        and status_id not in NO_SALE
        and not columns["is_deleted"]
        # Whether it is archived is not known.
        and "is_deleted" not in unread
    )
    if status_id not in STATUSES and "status_id" not in unread:
        # Better a sale that is missing from the books, and noted, than one that is none.
        reason = "is missing" if status_id is None else f"is none of BigCommerce's statuses, 0 to {STATUSES[-1]}"
        notes.append(note("status_id", f"{reason}, so the order is no sale"))
    columns["notes"] = notes_column(notes)
    lines, are_all = _embedded_lines(order.get("consignments"), record.text)
    rows = _map_lines(record.id, lines)
    needs_lines = not are_all or _is_incomplete(rows, columns["items_total"])
    return Mapped(
        id=record.id,
        text=record.text,
        content_hash=content_hash(record.text, needs_lines),
        columns=columns,
        children=list(rows.values()),
        needs_lines=needs_lines,
    )


def _is_incomplete(rows: Mapping[int, Mapping[str, Any]], items_total: int | None) -> bool:
    """Whether there must, or may, be more lines than these: that none came proves nothing by itself."""
    if items_total is None:
        return not rows
    return sum(row["quantity"] or 0 for row in rows.values()) != items_total


def whole_hash(text: str) -> str:
    """The content hash of an order with this text, if its lines are all embedded."""
    return content_hash(text, False)


def _embedded_lines(consignments: object, text: str) -> tuple[list[Any], bool]:
    """The lines under an order's consignments, and whether they are all of them.

    Both shapes are accepted: the object of today and the list around that object of before August 2025. The
    marker of truncated lines is looked for in the order's whole text, since it was seen in more than one place.
    """
    lines: list[Any] = []
    are_all = '"__warning__"' not in text
    for items in _line_items(consignments):
        if isinstance(items, list):
            lines.extend(items)
            are_all = are_all and len(items) < EMBEDDED_LINES
        else:
            are_all = False
    found = [line for line in lines if isinstance(line, dict) and "id" in line]
    return found, are_all and len(found) == len(lines)


def _line_items(node: object) -> Iterator[object]:
    """Every ``line_items`` below ``node``: of shipping, pickups, downloads and, one level deeper, e-mail.

    None stands for what is not there: a link to them, or a consignment that does not have the field.
    """
    if isinstance(node, dict):
        if "line_items" in node:
            yield node["line_items"]
            return
        below = [each for each in node.values() if isinstance(each, dict | list)]
        if node and not below:
            yield None
        for each in below:
            yield from _line_items(each)
    elif isinstance(node, list):
        for each in node:
            yield from _line_items(each)


def _map_lines(order_id: int, lines: Sequence[Any], texts: Sequence[str | None] = ()) -> dict[int, dict[str, Any]]:
    rows: dict[int, dict[str, Any]] = {}
    for position, line in enumerate(lines):
        if not isinstance(line, dict):
            raise BadRecord("A line is not an object.")
        line_id = values.integer(line.get("id"), "lines.id")
        if line_id is None:
            raise BadRecord("A line has no id.")
        columns, notes = _LINE.read(line)
        payload = texts[position] if texts else None
        read = tuple(columns.values())
        # In this order since 0.1.0: the hash of a line that did not change must stay.
        hashed = (order_id, *read[: len(_LINE_HEAD)], payload, *read[len(_LINE_HEAD) :])
        columns["bigcommerce_order_id"] = order_id
        columns["payload"] = payload
        columns["notes"] = notes_column(notes)
        columns["content_hash"] = content_hash((*hashed, columns["notes"]) if notes else hashed)
        columns["bigcommerce_id"] = line_id
        rows[line_id] = columns
    return rows


def with_lines(order: Mapped, records: Sequence[Record]) -> Mapped:
    """The order with the lines that were fetched apart, all pages of them; ``BadRecord`` as in ``map_record``.

    They do not tell whose they are: the order does. What its embedded lines showed is not gone because this answer
    lacks it, and that there are no lines at all is believed only of an order that says so: the order is noted, its
    stored lines stay, and its next answer has them asked for again.
    """
    if is_blanked(order.text):
        records = [blanked_line(each) for each in records]
    rows = _map_lines(order.id, [each.value for each in records], [each.text for each in records])
    lacking = [line for line in order.children if line["bigcommerce_id"] not in rows]
    if lacking:
        numbers = ", ".join(str(line["bigcommerce_id"]) for line in lacking[:5])
        return _short(
            order, [*rows.values(), *lacking], f"the list of lines lacks some that the order shows: {numbers}"
        )
    if not rows and order.columns["items_total"] != 0:
        return _short(order, [], "the store sent no lines, but does not say that the order has none")
    return replace(order, children=list(rows.values()), needs_lines=False)


def _short(order: Mapped, lines: Sequence[Mapping[str, Any]], reason: str) -> Mapped:
    notes = notes_column([*notes_of(order.columns["notes"]), note("lines", reason)])
    return replace(
        order,
        children=lines,
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
    return [order for order in orders if order.needs_lines and tx_rows.get(order.id) != order.content_hash]


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
    _write_lines(tx, [*verdict.new, *changed], {record.id for record in changed if not record.needs_lines})
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
    answered = {line["bigcommerce_id"]: line for order in orders for line in order.children}
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
