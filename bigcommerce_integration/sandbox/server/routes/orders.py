"""`/v2/orders/…` and the order statuses."""

from collections import Counter

from ...records.base import Order
from ...records.jsontext import dumps
from ...records.words import STATUSES
from ...store import SandboxStore
from ..http_values import Answer
from . import order_query
from .paging import read_paging

Query = dict[str, str]


def list_orders(store: SandboxStore, query: Query) -> Answer:
    """`GET /v2/orders`: a bare array."""
    _require_known(store, query, order_query.KNOWN)
    paging = read_paging(query)
    orders = order_query.select(store, store.switches, query, paging.start, paging.limit)
    return _array([_text(store, order, query) for order in orders])


def get_order(store: SandboxStore, query: Query, order_id: int) -> Answer:
    """`GET /v2/orders/{id}`, also of an archived one."""
    return Answer(200, _text(store, store.orders[order_id], query))


def count_orders(store: SandboxStore, query: Query) -> Answer:
    """`GET /v2/orders/count`; Incomplete ones count."""
    _require_known(store, query, order_query.FILTERS)
    counts = Counter(order.status_id for order in order_query.select(store, store.switches, query))
    statuses = [
        {**_status(*status), "count": counts[status[0]], "sort_order": place} for place, status in enumerate(STATUSES)
    ]
    return Answer(200, dumps({"statuses": statuses, "count": sum(counts.values())}))


def list_order_products(store: SandboxStore, query: Query, order_id: int) -> Answer:
    """`GET /v2/orders/{id}/products`: all lines by id, none cut off."""
    paging = read_paging(query)
    lines = store.order_line_records(order_id)[paging.start : paging.start + paging.limit]
    return _array([text for _, text in lines])


def get_consignments(store: SandboxStore, query: Query, order_id: int) -> Answer:
    """`GET /v2/orders/{id}/consignments`: always an object."""
    embed = "consignments.line_items" in query.get("include", "").split(",")
    return Answer(200, store.orders[order_id].consignments_text(store.api_root, embed=embed))


def list_statuses(_store: SandboxStore, _query: Query) -> Answer:
    """`GET /v2/order_statuses`."""
    return Answer(200, dumps([_status(*status) for status in STATUSES]))


def _status(number: int, name: str, text: str) -> dict[str, object]:
    return {"id": number, "name": name, "system_label": name, "custom_label": name, "system_description": text}


def _array(texts: list[str]) -> Answer:
    """An empty collection is a 204 without a body."""
    return Answer(200, f"[{','.join(texts)}]") if texts else Answer(204)


def _require_known(store: SandboxStore, query: Query, known: frozenset[str]) -> None:
    names = [name for name in query if name not in known]
    if names and store.switches.reject_unknown_v2_filters:
        raise ValueError(f"The field '{names[0]}' is not supported by this resource.")


def _text(store: SandboxStore, order: Order, query: Query) -> str:
    include = query.get("include", "").split(",")
    if order.id in store.spoilt_orders and "consignments.line_items" in include:
        return store.spoilt_orders[order.id]
    ways = {"consignments.line_items": "line_items", "consignments": "plain"}
    consignments = next((way for name, way in ways.items() if name in include), "link")
    as_object = {"object": True, "array": False}.get(
        store.switches.consignments, query.get("consignment_structure") == "object"
    )
    return order.render(store.api_root, consignments=consignments, fees="fees" in include, as_array=not as_object)
