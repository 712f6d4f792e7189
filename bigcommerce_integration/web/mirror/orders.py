"""``/api/big-commerce/<id>/orders`` and one order with its lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import request
from sqlalchemy import and_, select

from ...errors import NotFound
from ...operations.queries import parse_id
from .. import fields
from ..http.access import Asked, ask, require_permission
from ..http.query_args import QueryBoolean, QueryInteger, QueryMoment, read_query
from ..schemas import ObjectSchema
from . import filters
from .cursors import ListQuery, list_answer, read_list_query
from .listing import Wanted
from .row_answers import LINE, ORDER, columns, row_answer


class OrdersQuery(ListQuery):
    """The filters."""

    status_id = QueryInteger()
    customer_id = QueryInteger()
    is_sale = QueryBoolean()
    archived = QueryBoolean()
    deleted = filters.deleted()
    created_from = QueryMoment()
    created_until = QueryMoment()
    modified_from = QueryMoment()
    modified_until = QueryMoment()
    include = fields.Choice("payload")


class OrderQuery(ObjectSchema):
    """What one order takes."""

    include = fields.Choice("payload")


def get_orders(instance_id: str) -> dict[str, Any]:
    """The store's orders, without their lines."""
    asked = ask("read_orders", instance_id)
    query = read_list_query(request, OrdersQuery())
    read = columns(asked.state.tables.orders, ORDER, with_payload=_with_payload(asked, query))
    return list_answer(asked, query, _wanted(asked, query), read, lambda row: row_answer(row, read))


def get_order(instance_id: str, bigcommerce_id: str) -> dict[str, Any]:
    """One order with its lines; also one that the store no longer has, with ``deleted_at``."""
    asked = ask("read_orders", instance_id)
    order_id = parse_id(bigcommerce_id)
    with_payload = _with_payload(asked, read_query(request, OrderQuery()))
    table = asked.state.tables.orders
    read = columns(table, ORDER, with_payload=with_payload)
    order = asked.session.execute(
        select(*read).where(table.c.instance_id == asked.instance.id, table.c.bigcommerce_id == order_id)
    ).one_or_none()
    if order is None:
        raise NotFound("There is no such order here; GET …/explain?order=<id> tells why.")
    return {"data": row_answer(order, read) | {"lines": _lines(asked, order_id, with_payload=with_payload)}}


def _with_payload(asked: Asked, query: Mapping[str, Any]) -> bool:
    """Whether payloads are wanted; they hold addresses and e-mail, so that is a permission of its own."""
    if "include" not in query:
        return False
    require_permission(asked.state.host, "read_person_data", asked.instance)
    return True


def _wanted(asked: Asked, query: Mapping[str, Any]) -> Wanted:
    """By what is likely to be rarest: the customer, a span of time, the status; else all by id."""
    table = asked.state.tables.orders
    mine = table.c.instance_id == asked.instance.id
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


def _lines(asked: Asked, order_id: int, *, with_payload: bool) -> list[dict[str, Any]]:
    """The order's positions, each with the host's product that its variant is linked to."""
    lines, variants = asked.state.tables.order_lines, asked.state.tables.variants
    read = [*columns(lines, LINE, with_payload=with_payload), variants.c.host_product_id]
    same_variant = and_(
        variants.c.instance_id == lines.c.instance_id,
        variants.c.bigcommerce_id == lines.c.bigcommerce_variant_id,
    )
    statement = (
        select(*read)
        .select_from(lines.outerjoin(variants, same_variant))
        .where(
            lines.c.instance_id == asked.instance.id,
            lines.c.bigcommerce_order_id == order_id,
        )
        .order_by(lines.c.bigcommerce_id)
    )
    return [row_answer(row, read) for row in asked.session.execute(statement)]
