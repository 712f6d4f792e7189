"""``/api/big-commerce/<id>/orders`` and one order with its lines."""

from __future__ import annotations

from typing import Any

from flask import request

from ...operations.lists import orders
from ...resources.orders import ORDERS
from ...schemas.lists import OrderFilters
from ...schemas.query import read_query
from ..http.access import authorize, parse_id
from ..openapi.next_steps import FROM_ORDER
from ..openapi.operation import Operation, answer_of
from .collection import RecordQuery, export_view, list_view, payload_note, record_columns
from .row_answers import LINE, columns, row_answer
from .schemas import OrderWithLines

get_orders = list_view(ORDERS, OrderFilters, orders.wanted, but=", without their lines")
get_orders_export = export_view(ORDERS, OrderFilters, orders.wanted, "bigcommerce_id,status_id\r\n101,10\r\n")


@Operation(
    id="getOrder",
    tag="Mirror",
    summary="One order with its lines",
    description=f"Also one that the store no longer has, with `deleted_at`. {payload_note(ORDERS)}",
    query=RecordQuery,
    answers={200: answer_of(OrderWithLines, "The order.")},
    leads_to=FROM_ORDER,
)
def get_order(instance_id: str, bigcommerce_id: str) -> dict[str, Any]:
    """One order with its lines; also one that the store no longer has, with ``deleted_at``."""
    context = authorize(ORDERS.permission, instance_id)
    order_id = parse_id(bigcommerce_id)
    query, tables = read_query(request, RecordQuery()), context.state.tables
    read = record_columns(context, ORDERS, query)
    # Each line with the host's product that its variant is linked to.
    read_lines = [
        *columns(tables.order_lines, LINE, with_payload="include" in query),
        tables.variants.c.host_product_id,
    ]
    order = row_answer(orders.find_order(context, order_id, read), read)
    lines = [row_answer(row, read_lines) for row in orders.lines_of(context, order_id, read_lines)]
    return {"data": order | {"lines": lines}}
