"""``/api/big-commerce/<id>/orders`` and one order with its lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, request

from ...operations.context import RequestContext
from ...operations.exports.records import export_records
from ...operations.lists import orders
from ...resources.orders import ORDERS
from ...schemas.base import ObjectSchema
from ...schemas.query import QueryBoolean, QueryInteger, QuerySearch, read_query
from ..http.access import authorize, parse_id
from ..openapi.next_steps import FROM_ORDER
from ..openapi.operation import Operation, answer_of
from .cursors import ListQuery, deleted, include, list_answer, lists, read_list_query, span
from .exports import authorize_export, exports, file_answer
from .row_answers import LINE, ORDER, columns, row_answer
from .schemas import Order, OrderWithLines

_PERSONS = "Payloads hold data about persons and need the permission `read_person_data` too."


class OrderFilters(ObjectSchema):
    """The filters."""

    q = QuerySearch("Searches for the order's number (without `#` or with it) and for `external_order_id`.")
    status_id = QueryInteger("BigCommerce's own number of the status.")
    customer_id = QueryInteger("The customer; 0 is a guest.")
    is_sale = QueryBoolean("Whether it counts as a sale.")
    archived = QueryBoolean("Whether it is archived in the store.")
    deleted = deleted()
    created_from, created_until = span("Created in the store")
    modified_from, modified_until = span("Modified in the store")
    include = include()


class OrdersQuery(ListQuery, OrderFilters):
    """What the list takes."""


class OrderQuery(ObjectSchema):
    """What one order takes."""

    include = include()


@lists("listOrders", "The store's orders, without their lines", Order, OrdersQuery, note=_PERSONS)
def get_orders(instance_id: str) -> dict[str, Any]:
    """The store's orders, without their lines."""
    context = authorize("read_orders", instance_id)
    query = read_list_query(request, OrdersQuery())
    read = columns(context.state.tables.orders, ORDER, with_payload=_with_payload(context, query))
    return list_answer(context, query, orders.wanted(context, query), read, lambda row: row_answer(row, read))


@Operation(
    id="getOrder",
    tag="Mirror",
    summary="One order with its lines",
    description=f"Also one that the store no longer has, with `deleted_at`. {_PERSONS}",
    query=OrderQuery,
    answers={200: answer_of(OrderWithLines, "The order.")},
    leads_to=FROM_ORDER,
)
def get_order(instance_id: str, bigcommerce_id: str) -> dict[str, Any]:
    """One order with its lines; also one that the store no longer has, with ``deleted_at``."""
    context = authorize("read_orders", instance_id)
    order_id = parse_id(bigcommerce_id)
    with_payload = _with_payload(context, read_query(request, OrderQuery()))
    tables = context.state.tables
    read = columns(tables.orders, ORDER, with_payload=with_payload)
    # Each line with the host's product that its variant is linked to.
    read_lines = [*columns(tables.order_lines, LINE, with_payload=with_payload), tables.variants.c.host_product_id]
    order = row_answer(orders.find_order(context, order_id, read), read)
    lines = [row_answer(row, read_lines) for row in orders.lines_of(context, order_id, read_lines)]
    return {"data": order | {"lines": lines}}


@exports("Orders", "The store's orders", OrderFilters, "bigcommerce_id,status_id\r\n101,10\r\n", note=_PERSONS)
def get_orders_export(instance_id: str) -> Response:
    """The store's orders as a file, without their lines."""
    context = authorize_export(instance_id, ORDERS.permission)
    query = read_query(request, OrderFilters())
    return file_answer(export_records(context, ORDERS, orders.wanted(context, query), query))


def _with_payload(context: RequestContext, query: Mapping[str, Any]) -> bool:
    """Whether payloads are wanted, and permitted."""
    if "include" not in query:
        return False
    orders.require_payload(context)
    return True
