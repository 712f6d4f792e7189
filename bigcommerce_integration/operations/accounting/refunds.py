"""Refunds as people look at them: of which order, what was given back, and where the documents about them stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Row, Table, select

from ...accounting.basis.due import day_of
from ...books.ledger import zone_of
from ...models.types import amount_text, day_text
from ...resources.refunds import REFUND_ITEMS, REFUND_PAYMENTS, REFUNDS
from ..context import RequestContext
from ..lists.columns import record_names
from ..lists.records import children_of_many, records_of
from .documents import documents_of_refunds, takes_accounting

_LINE = "PRODUCT"
"""The type of an item that is about a line of the order."""


@dataclass(frozen=True)
class RefundView:
    """One refund; ``row`` has what is shown of it.

    ``items`` are what was given back, each with the name of the order's line if it is about one. ``currency`` is None
    where the order is not stored or names none, ``documents`` where there are no books or the caller may not see them.
    """

    row: Row[Any]
    has_order: bool
    currency: str | None
    items: Sequence[tuple[Row[Any], str | None]]
    payments: Sequence[Row[Any]]
    documents: Sequence[Row[Any]] | None


def shown_columns(context: RequestContext) -> list[Column[Any]]:
    """The columns that a view needs."""
    table = context.state.tables.mirror[REFUNDS.name]
    return [table.c[name] for name in record_names(REFUNDS)]


def views_of(context: RequestContext, rows: Iterable[Row[Any]]) -> list[RefundView]:
    """What belongs to these rows, read for all of them at once."""
    rows = list(rows)
    ids, order_ids = [row.bigcommerce_id for row in rows], {row.bigcommerce_order_id for row in rows}
    items = children_of_many(context, REFUND_ITEMS, ids)
    payments = children_of_many(context, REFUND_PAYMENTS, ids)
    tables = context.state.tables
    currencies = _by_id(context, tables.orders, "default_currency_code", order_ids)
    lines = {each.item_id for some in items.values() for each in some if each.item_type == _LINE}
    names = _by_id(context, tables.order_lines, "name", lines)
    documents = _documents(context, order_ids)
    return [
        RefundView(
            row,
            row.bigcommerce_order_id in currencies,
            currencies.get(row.bigcommerce_order_id),
            [(each, names.get(each.item_id) if each.item_type == _LINE else None) for each in items[number]],
            payments[number],
            None if documents is None else documents.get(number, ()),
        )
        for row, number in zip(rows, ids, strict=True)
    ]


def refunds_of_order(context: RequestContext, order_id: int) -> list[RefundView]:
    """The refunds of an order, by id; also those that the store no longer has."""
    return views_of(context, records_of(context, REFUNDS, "bigcommerce_order_id", order_id))


def refund_title(context: RequestContext, refund: Mapping[str, Any]) -> str:
    """What names a stored refund (its row, by column): "Refund 55 of order 1234, 12.00 USD, made 3 Mar 2026"."""
    order_id, amount, at = refund["bigcommerce_order_id"], refund["total_amount"], refund["date_created"]
    currency = _by_id(context, context.state.tables.orders, "default_currency_code", {order_id}).get(order_id)
    said = [f"Refund {refund['bigcommerce_id']} of order {order_id}"]
    said += [] if amount is None else [amount_text(amount, currency)]
    said += [] if at is None else [f"made {day_text(day_of(at, zone_of(context.instance)))}"]
    return ", ".join(said)


def _documents(context: RequestContext, order_ids: set[int]) -> dict[int, list[Row[Any]]] | None:
    if not takes_accounting(context) or not context.permits("read_accounting"):
        return None
    return documents_of_refunds(context, order_ids)


def _by_id(context: RequestContext, table: Table, column: str, ids: set[int]) -> dict[int, Any]:
    """The values of a column by the BigCommerce ids of the rows that are stored."""
    mine = (table.c.instance_id == context.instance.id, table.c.bigcommerce_id.in_(ids))
    rows = context.session.execute(select(table.c.bigcommerce_id, table.c[column]).where(*mine)) if ids else ()
    return {row[0]: row[1] for row in rows}
