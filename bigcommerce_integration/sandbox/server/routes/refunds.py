"""`/v3/orders/payment_actions/refunds` and the refunds of one order (reference/orders.v3.yml)."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from ...records.base import Refund
from ...records.jsontext import loads
from ...records.moments import parse_v3_filter
from ...store import SandboxStore
from ..http_values import Answer
from .paging import envelope, read_paging, require_known
from .product_query import integers

Query = dict[str, str]
KNOWN: Final = frozenset(("order_id:in", "id:in", "created:min", "created:max", "transaction_id", "page", "limit"))


def list_refunds(store: SandboxStore, query: Query) -> Answer:
    """`GET /v3/orders/payment_actions/refunds`, by id ascending."""
    require_known(query, KNOWN)
    paging, found = read_paging(query), _wanted(store, query)
    texts = [refund.text for refund in found[paging.start : paging.start + paging.limit]]
    if not store.switches.refunds_pagination:
        return Answer(200, f'{{"data":[{",".join(texts)}],"meta":{{}}}}')
    return Answer(200, envelope(texts, len(found), paging, query, too_many=store.switches.too_many))


def get_refund(store: SandboxStore, _query: Query, refund_id: int) -> Answer:
    """`GET /v3/orders/payment_actions/refunds/{refund_id}`."""
    return Answer(200, f'{{"data":{store.refunds[refund_id].text},"meta":{{}}}}')


def list_order_refunds(store: SandboxStore, _query: Query, order_id: int) -> Answer:
    """`GET /v3/orders/{order_id}/payment_actions/refunds`."""
    order = store.orders[order_id]
    texts = [refund.text for refund in _in_order(store) if refund.order_id == order.id]
    return Answer(200, f'{{"data":[{",".join(texts)}],"meta":{{}}}}')


def _in_order(store: SandboxStore) -> list[Refund]:
    return [store.refunds[refund_id] for refund_id in store.refund_ids]


def _wanted(store: SandboxStore, query: Query) -> list[Refund]:
    found, moment = _in_order(store), partial(parse_v3_filter, now=store.now)
    # How each filter's text is read, and which refunds it leaves.
    filters: dict[str, tuple[Callable[[str], Any], Callable[[Refund, Any], bool]]] = {
        "id:in": (integers, lambda refund, ids: refund.id in ids),
        "order_id:in": (integers, lambda refund, ids: refund.order_id in ids),
        "created:min": (moment, lambda refund, least: refund.created >= least),
        "created:max": (moment, lambda refund, most: refund.created <= most),
        "transaction_id": (str, lambda refund, one: one in _transactions(refund)),
    }
    for name, (read, is_left) in filters.items():
        if name in query:
            wanted = read(query[name])
            found = [refund for refund in found if is_left(refund, wanted)]
    return found


def _transactions(refund: Refund) -> list[str]:
    return [payment["transaction_id"] for payment in loads(refund.text)["payments"]]
