"""Which orders a V2 query asks for, and in which order (reference/orders.v2.oas2.yml)."""

import operator
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, Final

from ...records.base import Order
from ...records.jsontext import loads
from ...records.moments import parse_v2_filter
from ...records.state import StoreState
from ...switches import Switches

FILTERS: Final = frozenset(
    (
        "min_id", "max_id", "min_total", "max_total", "customer_id", "email", "status_id", "cart_id",
        "payment_method", "min_date_created", "max_date_created", "min_date_modified", "max_date_modified",
        "channel_id", "external_order_id", "is_deleted",
    )
)  # fmt: skip
KNOWN: Final = FILTERS | {"page", "limit", "sort", "include", "consignment_structure"}
_SORTS: Final = ("id", "customer_id", "date_created", "date_modified", "status_id", "channel_id", "external_id")

Test = Callable[[Order], bool]


def select(
    state: StoreState, switches: Switches, query: dict[str, str], start: int = 0, limit: int | None = None
) -> list[Order]:
    """The orders that the query asks for, in its order, `limit` of them from `start`; raises ValueError.

    There is no total in a V2 answer, so a walk by id stops looking when the page is full.
    """
    field, _, direction = query.get("sort", "id").partition(":")
    if field not in _SORTS or direction not in ("", "asc", "desc"):
        raise ValueError(f"cannot sort by {query['sort']}")
    ids = _within(state.order_ids, switches, query)
    if field == "id" and direction == "desc":
        ids = ids[::-1]
    tests = _tests(switches, query)
    passing = (order for order in map(state.orders.__getitem__, ids) if all(test(order) for test in tests))
    found = passing if field == "id" else _sorted(passing, field, descending=direction == "desc")
    return list(islice(found, start, None if limit is None else start + limit))


def _within(ids: list[int], switches: Switches, query: dict[str, str]) -> list[int]:
    low, high = 0, len(ids)
    if "min_id" in query:
        low = (bisect_left if switches.min_id_inclusive else bisect_right)(ids, int(query["min_id"]))
    if "max_id" in query:
        high = (bisect_right if switches.max_id_inclusive else bisect_left)(ids, int(query["max_id"]))
    return ids[low:high]


def _tests(switches: Switches, query: dict[str, str]) -> list[Test]:
    tests: list[Test] = []
    inclusive = switches.dates_inclusive
    bounds = {"min": operator.ge if inclusive else operator.gt, "max": operator.le if inclusive else operator.lt}
    for date in ("created", "modified"):
        for bound, compare in bounds.items():
            name = f"{bound}_date_{date}"
            if name in query:
                tests.append(_dated(date, compare, parse_v2_filter(query[name])))
    if "status_id" in query:
        status_id = int(query["status_id"])
        tests.append(lambda order: order.status_id == status_id)
    if "is_deleted" in query:
        archived = query["is_deleted"] in ("true", "1")
        tests.append(lambda order: order.archived == archived)
    elif not switches.list_archived:
        tests.append(lambda order: not order.archived)
    for name in ("customer_id", "channel_id"):
        if name in query:
            tests.append(_equals(name, int(query[name])))
    for name in ("cart_id", "external_order_id", "payment_method"):
        if name in query:
            tests.append(_equals(name, query[name]))
    if "email" in query:
        email = query["email"]
        tests.append(lambda order: bool(loads(order.base)["billing_address"]["email"] == email))
    least, most = float(query.get("min_total", "-inf")), float(query.get("max_total", "inf"))
    if not query.keys().isdisjoint(("min_total", "max_total")):
        tests.append(lambda order: least <= float(loads(order.base)["total_inc_tax"]) <= most)
    return tests


def _dated(name: str, compare: Callable[[Any, Any], bool], bound: float) -> Test:
    return lambda order: compare(getattr(order, name), bound)


def _equals(name: str, want: Any) -> Test:
    return lambda order: bool(loads(order.base)[name] == want)


def _sorted(orders: Iterable[Order], field: str, *, descending: bool) -> list[Order]:
    attribute = {"date_created": "created", "date_modified": "modified", "status_id": "status_id"}.get(field)

    def key(order: Order) -> Any:
        return str(loads(order.base)[field]) if attribute is None else getattr(order, attribute)

    return sorted(orders, key=key, reverse=descending)
