"""``/api/big-commerce/<id>/orders`` and one order with its lines."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from flask import request

from ...errors import NotFound
from ...operations.context import RequestContext
from ...operations.lists import orders
from ...operations.refreshes import refresh_order
from ...resources.orders import ORDERS
from ...schemas.base import ObjectSchema
from ...schemas.lists import OrderFilters
from ...schemas.query import QueryInteger, read_query
from ..http.access import authorize, parse_id
from ..openapi.next_steps import FROM_ORDER
from ..openapi.operation import LOCATION, RETRY_AFTER, Answered, Operation, answer_of
from ..refreshes.schemas import BEGUN, Refresh
from ..refreshes.views import accepted
from .collection import RecordQuery, export_view, list_view, payload_note, record_columns
from .row_answers import LINE, columns, row_answer
from .schemas import OrderWithLines

get_orders = list_view(ORDERS, OrderFilters, orders.wanted, but=", without their lines")
get_orders_export = export_view(ORDERS, OrderFilters, orders.wanted, "bigcommerce_id,status_id\r\n101,10\r\n")


class OrderRefreshQuery(ObjectSchema):
    """How long the answer may take."""

    wait = QueryInteger("How many seconds the answer waits for the end of the refresh at most.", 0, 10, load_default=0)


@Operation(
    id="refreshOrder",
    tag="Mirror",
    description=(
        "A refresh with mode `ids` of this one order. Answers the order if the refresh is completed within `wait` "
        "seconds, else the refresh. Also the refresh if it has ended and the order is not here: `explain` says why. "
        "Needs `refresh` and `read_orders`."
    ),
    query=OrderRefreshQuery,
    answers={
        200: answer_of(OrderWithLines, "The order, as the store has it now."),
        202: answer_of(Refresh, "The refresh.", headers=[LOCATION, RETRY_AFTER], example=BEGUN),
    },
    refusals=(409,),
)
def post_order_refresh(instance_id: str, bigcommerce_id: str) -> dict[str, Any] | Answered:
    """Fetch one order from the store now."""
    context = authorize("refresh", instance_id)
    context.require(ORDERS.permission)
    order_id = parse_id(bigcommerce_id)
    view = refresh_order(context, order_id, wait_s=read_query(request, OrderRefreshQuery)["wait"])
    if view.row.status == "completed":
        with suppress(NotFound):
            return {"data": _order(context, order_id, {})}
    return accepted(context, view)


@Operation(
    id="getOrder",
    tag="Mirror",
    description=f"Also one that the store no longer has, with `deleted_at`. {payload_note(ORDERS)}",
    query=RecordQuery,
    answers={200: answer_of(OrderWithLines, "The order.")},
    leads_to=FROM_ORDER,
)
def get_order(instance_id: str, bigcommerce_id: str) -> dict[str, Any]:
    """One order with its lines."""
    context = authorize(ORDERS.permission, instance_id)
    return {"data": _order(context, parse_id(bigcommerce_id), read_query(request, RecordQuery))}


def _order(context: RequestContext, order_id: int, query: Mapping[str, Any]) -> dict[str, Any]:
    tables = context.state.tables
    read = record_columns(context, ORDERS, query)
    # Each line with the host's product that its variant is linked to.
    read_lines = [
        *columns(tables.order_lines, LINE, with_payload="include" in query),
        tables.variants.c.host_product_id,
    ]
    order = row_answer(orders.find_order(context, order_id, read), read)
    lines = [row_answer(row, read_lines) for row in orders.lines_of(context, order_id, read_lines)]
    return order | {"lines": lines}
