"""Which orders a person wants, and one order with its lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Row, and_, select

from ...resources.orders import ORDERS
from ...resources.values import INT64_MAX
from ..context import RequestContext
from . import filters, search
from .paging import Wanted
from .records import one_row


def wanted(context: RequestContext, query: Mapping[str, Any]) -> Wanted:
    """By what is likely to be rarest: the customer, a span of time, the status; else all by id.

    ``q`` finds the order of this number (a ``#`` before it does not count), and those with this id in another system.
    """
    found, text = _filtered(context, query), query.get("q", "").strip()
    if not text:
        return found
    table, number = context.state.tables.orders, text.removeprefix("#")
    is_number = number.isascii() and number.isdecimal() and int(number[:20]) <= INT64_MAX
    by_number = [table.c.bigcommerce_id == int(number)] if is_number else []
    conditions = [*by_number, table.c.external_order_id == text]
    return search.by_index(context, found, conditions) or search.nothing(context, found)


def _filtered(context: RequestContext, query: Mapping[str, Any]) -> Wanted:
    table = context.state.tables.orders
    asked = [
        (table.c.customer_id, filters.by_value(table.c.customer_id, query, "customer_id")),
        (table.c.date_modified, filters.by_span(table.c.date_modified, query, "modified")),
        (table.c.date_created, filters.by_span(table.c.date_created, query, "created")),
        (table.c.status_id, filters.by_value(table.c.status_id, query, "status_id")),
    ]
    also = [
        *filters.by_value(table.c.is_sale, query, "is_sale"),
        *filters.by_value(table.c.is_deleted, query, "archived"),
        *filters.by_deletion(table, query),
    ]
    return filters.by_first(context, table, asked, also)


def find_order(context: RequestContext, order_id: int, columns: Sequence[Column[Any]]) -> Row[Any]:
    """These columns of one order, also of one that the store no longer has; ``NotFound``."""
    problem = "There is no such order here; GET …/explain?order=<id> explains why."
    return one_row(context, ORDERS.name, order_id, columns, problem)


def lines_of(context: RequestContext, order_id: int, columns: Sequence[ColumnElement[Any]]) -> Sequence[Row[Any]]:
    """These columns of the order's positions, which may be those of the variant that each is about."""
    lines, variants = context.state.tables.order_lines, context.state.tables.variants
    same_variant = and_(
        variants.c.instance_id == lines.c.instance_id,
        variants.c.bigcommerce_id == lines.c.bigcommerce_variant_id,
    )
    statement = (
        select(*columns)
        .select_from(lines.outerjoin(variants, same_variant))
        .where(lines.c.instance_id == context.instance.id, lines.c.bigcommerce_order_id == order_id)
        .order_by(lines.c.bigcommerce_id)
    )
    return context.session.execute(statement).all()
