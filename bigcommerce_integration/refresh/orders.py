"""Orders and their lines: from a V2 record to rows.

Sources: bigcommerce/docs, reference/orders.v2.oas2.yml; the embedded lines end at 50 a consignment without
a word in that file (bigcommerce/docs issue 960).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Table

from ..client import values
from ..client.api import DateFilter, Highest, Reply, StoreClient
from ..client.pages import IdRange, Page
from ..client.people import blanked_line, is_blanked
from ..client.records import Each, Record
from ..errors import BadRecord
from ..models.mirror import LINE_AMOUNTS, ORDER_AMOUNTS
from .classify import classify
from .columns import code, free_text
from .host_calls import tell_orders
from .moves import doubt, is_newer, owners_in_doubt
from .page import Counts, Mapped, MappedPage, content_hash
from .rows import Gone, PageTransaction, insert_rows, mark_rows_gone, stored_rows, update_rows

NAME = "orders"
IDS_A_REQUEST = 1
EMBEDDED_LINES = 50
NO_SALE = frozenset({0, 5, 6})
"""Incomplete, Cancelled, Declined."""

_CODES = (
    "payment_status",
    "external_order_id",
    "currency_code",
    "default_currency_code",
    "store_default_currency_code",
)
_LINE_AMOUNTS = tuple((name, f"lines.{name}") for name in LINE_AMOUNTS)
_RATE = "store_default_to_transactional_exchange_rate"
_GONE = "gone"


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
    """Those created between these dates; what is archived too, since only a look at each tells whether it is gone."""
    conditions: list[Any] = []
    if dates.created_since is not None:
        conditions.append(table.c.date_created >= dates.created_since)
    if dates.created_until is not None:
        conditions.append(table.c.date_created < dates.created_until)
    return tuple(conditions)


def mark_gone(tx: PageTransaction, gone: Sequence[Gone]) -> None:
    """Mark orders; their lines stay as they were."""
    mark_rows_gone(tx, tx.tables.orders, gone)
    if gone:
        tell_orders(tx, sorted(row.bigcommerce_id for row in gone))


def map_record(record: Record) -> Mapped:
    """The columns of an order and of its embedded lines; ``BadRecord`` says what cannot be read."""
    assert record.id is not None
    order = record.value
    if not isinstance(order, dict):
        raise BadRecord("The record is not an object.")
    status_id = values.integer(order.get("status_id"), "status_id")
    is_archived = bool(values.boolean(order.get("is_deleted"), "is_deleted"))
    items_total = values.integer(order.get("items_total"), "items_total")
    columns: dict[str, Any] = {
        "status_id": status_id,
        "is_sale": status_id not in NO_SALE and not is_archived,
        "is_deleted": is_archived,
        "customer_id": values.integer(order.get("customer_id"), "customer_id"),
        "channel_id": values.integer(order.get("channel_id"), "channel_id"),
        "is_tax_inclusive_pricing": values.boolean(order.get("is_tax_inclusive_pricing"), "is_tax_inclusive_pricing"),
        _RATE: values.rate(order.get(_RATE), _RATE),
        "items_total": items_total,
        "date_created": values.date_time(order.get("date_created"), "date_created"),
        "date_modified": values.date_time(order.get("date_modified"), "date_modified"),
        "date_shipped": values.date_time(order.get("date_shipped"), "date_shipped"),
    }
    columns |= {name: code(order.get(name), name) for name in _CODES}
    columns |= {name: values.money(order.get(name), name) for name in ORDER_AMOUNTS}
    lines = _embedded_lines(order.get("consignments"), record.text)
    rows = _map_lines(record.id, lines) if lines is not None else {}
    quantity = sum(row["quantity"] or 0 for row in rows.values())
    needs_lines = lines is None or (items_total is not None and quantity != items_total)
    return Mapped(
        id=record.id,
        text=record.text,
        content_hash=content_hash(record.text, needs_lines),
        columns=columns,
        children=[] if needs_lines else list(rows.values()),
        needs_lines=needs_lines,
    )


def whole_hash(text: str) -> str:
    """The content hash of an order with this text, if its lines are all embedded."""
    return content_hash(text, False)


def _embedded_lines(consignments: object, text: str) -> list[Any] | None:
    """The lines under an order's consignments; None if they are, or may be, not all of them.

    Both shapes are accepted: the object of today and the list around that object of before August 2025. The
    marker is looked for in the order's whole text, since it was seen in more than one place.
    """
    if '"__warning__"' in text:
        return None
    lines: list[Any] = []
    for items in _line_items(consignments):
        if not isinstance(items, list) or len(items) >= EMBEDDED_LINES:
            return None
        lines.extend(items)
    are_embedded = all(isinstance(line, dict) and "id" in line for line in lines)
    return lines if are_embedded else None


def _line_items(node: object) -> Iterator[object]:
    """Every ``line_items`` below ``node``: of shipping, pickups, downloads and, one level deeper, e-mail."""
    if isinstance(node, dict):
        if "line_items" in node:
            yield node["line_items"]
        else:
            for below in node.values():
                yield from _line_items(below)
    elif isinstance(node, list):
        for below in node:
            yield from _line_items(below)


def _map_lines(order_id: int, lines: Sequence[Any], texts: Sequence[str | None] = ()) -> dict[int, dict[str, Any]]:
    rows: dict[int, dict[str, Any]] = {}
    for position, line in enumerate(lines):
        if not isinstance(line, dict):
            raise BadRecord("A line is not an object.")
        line_id = values.integer(line.get("id"), "lines.id")
        if line_id is None:
            raise BadRecord("A line has no id.")
        columns: dict[str, Any] = {
            "bigcommerce_order_id": order_id,
            # 0 is a custom item, without a product.
            "bigcommerce_product_id": values.integer(line.get("product_id"), "lines.product_id"),
            "bigcommerce_variant_id": values.integer(line.get("variant_id"), "lines.variant_id"),
            "parent_order_product_id": values.integer(
                line.get("parent_order_product_id"), "lines.parent_order_product_id"
            ),
            "type": code(line.get("type"), "lines.type"),
            "sku": free_text(line.get("sku"), "lines.sku"),
            "name": free_text(line.get("name"), "lines.name"),
            "quantity": values.integer(line.get("quantity"), "lines.quantity"),
            "quantity_shipped": values.integer(line.get("quantity_shipped"), "lines.quantity_shipped"),
            "quantity_refunded": values.integer(line.get("quantity_refunded"), "lines.quantity_refunded"),
            "payload": texts[position] if texts else None,
        }
        columns |= {name: values.money(line.get(name), path) for name, path in _LINE_AMOUNTS}
        columns["content_hash"] = content_hash(tuple(columns.values()))
        columns["bigcommerce_id"] = line_id
        rows[line_id] = columns
    return rows


def with_lines(order: Mapped, records: Sequence[Record]) -> Mapped:
    """The order with the lines that were fetched apart, all pages of them; ``BadRecord`` as in ``map_record``.

    They do not tell whose they are: the order does.
    """
    if is_blanked(order.text):
        records = [blanked_line(each) for each in records]
    rows = _map_lines(order.id, [each.value for each in records], [each.text for each in records])
    return replace(order, children=list(rows.values()))


def without_lines(order: Mapped) -> Mapped:
    """The order whose lines could not be had, as it is gone since: they are asked for again should it come back."""
    return replace(order, content_hash=content_hash(order.text, _GONE))


def hash_of_blanked(stored_hash: str, text: str, blanked: str) -> str:
    """The content hash of a stored order once ``text`` is ``blanked``: the one that it gets when it is mapped again.

    An order of an older mapping, whose hash no longer follows from its text, is left to be written anew.
    """
    for is_lacking in (False, True, _GONE):
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
    changed = [record for record, _ in verdict.changed]
    _write_lines(tx, [*verdict.new, *changed], {record.id for record in changed})
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


def _write_lines(tx: PageTransaction, orders: Sequence[Mapped], stored_ids: set[int]) -> None:
    """Bring the lines of these orders up to date; a line taken out of its order is the one thing we delete.

    A line that is stored under another order is found by its own id, as a variant under another product is.
    """
    table = tx.tables.order_lines
    columns = (
        table.c.id,
        table.c.bigcommerce_id,
        table.c.bigcommerce_order_id,
        table.c.content_hash,
        table.c.observed_at,
        table.c.deleted_at,
    )
    answered = {line["bigcommerce_id"]: line for order in orders for line in order.children}
    stored = {
        row.bigcommerce_id: row
        for row in (
            *stored_rows(tx, table, table.c.bigcommerce_id, answered, *columns),
            *stored_rows(tx, table, table.c.bigcommerce_order_id, stored_ids, *columns),
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
