"""`/v3/orders/payment_actions/refunds` and the refunds of one order (reference/orders.v3.yml)."""

from typing import Final

from ...records.jsontext import loads
from ...records.moments import parse_v3_filter
from ...store import SandboxStore
from ..answers import not_found, v3_error
from ..http_values import Answer
from .paging import envelope, read_paging
from .product_query import integers

Query = dict[str, str]
KNOWN: Final = frozenset(("order_id:in", "id:in", "created:min", "created:max", "transaction_id", "page", "limit"))


def list_refunds(store: SandboxStore, query: Query) -> Answer:
    """`GET /v3/orders/payment_actions/refunds`, by id ascending."""
    names = [name for name in query if name not in KNOWN]
    if names:
        return v3_error(422, f"The filter(s): {', '.join(names)} are not valid filter parameter(s).")
    paging, ids = read_paging(query), _wanted(store, query)
    texts = [store.refunds[each].text for each in ids[paging.start : paging.start + paging.limit]]
    if not store.switches.refunds_pagination:
        return Answer(200, f'{{"data":[{",".join(texts)}],"meta":{{}}}}')
    return Answer(200, envelope(texts, len(ids), paging, query, too_many=store.switches.too_many))


def get_refund(store: SandboxStore, _query: Query, refund_id: int) -> Answer:
    """`GET /v3/orders/payment_actions/refunds/{refund_id}`."""
    if refund_id not in store.refunds:
        return not_found("v3")
    return Answer(200, f'{{"data":{store.refunds[refund_id].text},"meta":{{}}}}')


def list_order_refunds(store: SandboxStore, _query: Query, order_id: int) -> Answer:
    """`GET /v3/orders/{order_id}/payment_actions/refunds`."""
    if order_id not in store.orders:
        return not_found("v3")
    texts = [store.refunds[each].text for each in store.refund_ids if store.refunds[each].order_id == order_id]
    return Answer(200, f'{{"data":[{",".join(texts)}],"meta":{{}}}}')


def _wanted(store: SandboxStore, query: Query) -> list[int]:
    found = store.refund_ids
    if "id:in" in query:
        chosen = integers(query["id:in"])
        found = [each for each in found if each in chosen]
    if "order_id:in" in query:
        orders = integers(query["order_id:in"])
        found = [each for each in found if store.refunds[each].order_id in orders]
    if "created:min" in query:
        least = parse_v3_filter(query["created:min"], store.now)
        found = [each for each in found if store.refunds[each].created >= least]
    if "created:max" in query:
        most = parse_v3_filter(query["created:max"], store.now)
        found = [each for each in found if store.refunds[each].created <= most]
    if "transaction_id" in query:
        found = [each for each in found if query["transaction_id"] in _transactions(store, each)]
    return list(found)


def _transactions(store: SandboxStore, refund_id: int) -> list[str]:
    return [payment["transaction_id"] for payment in loads(store.refunds[refund_id].text)["payments"]]
