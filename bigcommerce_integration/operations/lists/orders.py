"""Which orders a person wants, and one order with its lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Row, and_, select

from ...errors import NotFound
from ...resources.values import INT64_MAX
from ..context import RequestContext
from . import filters, search
from .paging import Wanted


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
    mine = table.c.instance_id == context.instance.id
    by_id = table.c.bigcommerce_id
    customer = filters.by_value(table.c.customer_id, query, "customer_id")
    modified = filters.by_span(table.c.date_modified, query, "modified")
    created = filters.by_span(table.c.date_created, query, "created")
    status = filters.by_value(table.c.status_id, query, "status_id")
    also = [
        *filters.by_value(table.c.is_sale, query, "is_sale"),
        *filters.by_value(table.c.is_deleted, query, "archived"),
        *filters.by_deletion(table, query),
    ]
    if customer:
        index = filters.indexed_by("customer_id")
        return Wanted(table, [mine, *customer], [by_id], index, [*modified, *created, *status, *also])
    if modified:
        index = filters.indexed_by("date_modified")
        return Wanted(table, [mine, *modified], [table.c.date_modified, by_id], index, [*created, *status, *also])
    if created:
        index = filters.indexed_by("date_created")
        return Wanted(table, [mine, *created], [table.c.date_created, by_id], index, [*status, *also])
    if status:
        return Wanted(table, [mine, *status], [by_id], filters.indexed_by("status_id"), also)
    return Wanted(table, [mine], [by_id], filters.indexed_by(), also)


def find_order(context: RequestContext, order_id: int, columns: Sequence[Column[Any]]) -> Row[Any]:
    """These columns of one order, also of one that the store no longer has; ``NotFound``."""
    table = context.state.tables.orders
    order = context.session.execute(
        select(*columns).where(table.c.instance_id == context.instance.id, table.c.bigcommerce_id == order_id)
    ).one_or_none()
    if order is None:
        raise NotFound("There is no such order here; GET …/explain?order=<id> explains why.")
    return order


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
