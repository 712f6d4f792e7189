"""`/v2/orders/…` and the order statuses."""

from collections import Counter

from ...records.base import Order
from ...records.jsontext import dumps
from ...records.words import STATUSES
from ...store import SandboxStore
from ..answers import not_found, v2_error
from ..http_values import Answer
from . import order_query
from .paging import read_paging

Query = dict[str, str]


def list_orders(store: SandboxStore, query: Query) -> Answer:
    """`GET /v2/orders`: a bare array."""
    if refusal := _unknown(store, query, order_query.KNOWN):
        return refusal
    paging = read_paging(query)
    orders = order_query.select(store, store.switches, query, paging.start, paging.limit)
    return _array([_text(store, order, query) for order in orders])


def get_order(store: SandboxStore, query: Query, order_id: int) -> Answer:
    """`GET /v2/orders/{id}`, also of an archived one."""
    if order_id not in store.orders:
        return not_found("v2")
    return Answer(200, _text(store, store.orders[order_id], query))


def count_orders(store: SandboxStore, query: Query) -> Answer:
    """`GET /v2/orders/count`; Incomplete ones count."""
    if refusal := _unknown(store, query, order_query.FILTERS):
        return refusal
    counts = Counter(order.status_id for order in order_query.select(store, store.switches, query))
    statuses = [
        {**_status(number, name, text), "count": counts[number], "sort_order": place}
        for place, (number, name, text) in enumerate(STATUSES)
    ]
    return Answer(200, dumps({"statuses": statuses, "count": sum(counts.values())}))


def list_order_products(store: SandboxStore, query: Query, order_id: int) -> Answer:
    """`GET /v2/orders/{id}/products`: all lines by id, none cut off."""
    if order_id not in store.orders:
        return not_found("v2")
    paging = read_paging(query)
    lines = store.order_line_records(order_id)[paging.start : paging.start + paging.limit]
    return _array([text for _, text in lines])


def get_consignments(store: SandboxStore, query: Query, order_id: int) -> Answer:
    """`GET /v2/orders/{id}/consignments`: always an object."""
    if order_id not in store.orders:
        return not_found("v2")
    embed = "consignments.line_items" in query.get("include", "").split(",")
    return Answer(200, store.orders[order_id].consignments_text(store.api_root, embed=embed))


def list_statuses(_store: SandboxStore, _query: Query) -> Answer:
    """`GET /v2/order_statuses`."""
    return Answer(200, dumps([_status(number, name, text) for number, name, text in STATUSES]))


def _status(number: int, name: str, text: str) -> dict[str, object]:
    return {"id": number, "name": name, "system_label": name, "custom_label": name, "system_description": text}


def _array(texts: list[str]) -> Answer:
    """An empty collection is a 204 without a body."""
    return Answer(200, f"[{','.join(texts)}]") if texts else Answer(204)


def _unknown(store: SandboxStore, query: Query, known: frozenset[str]) -> Answer | None:
    names = [name for name in query if name not in known]
    if names and store.switches.reject_unknown_v2_filters:
        return v2_error(400, f"The field '{names[0]}' is not supported by this resource.")
    return None


def _text(store: SandboxStore, order: Order, query: Query) -> str:
    include = query.get("include", "").split(",")
    if order.id in store.spoilt_orders and "consignments.line_items" in include:
        return store.spoilt_orders[order.id]
    if "consignments.line_items" in include:
        consignments = "line_items"
    else:
        consignments = "plain" if "consignments" in include else "link"
    structure = store.switches.consignments
    as_array = structure == "array" or (
        structure == "array_by_default" and query.get("consignment_structure") != "object"
    )
    return order.render(store.api_root, consignments=consignments, fees="fees" in include, as_array=as_array)
