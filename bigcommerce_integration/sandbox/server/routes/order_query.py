"""Which orders a V2 query asks for, and in which order (reference/orders.v2.oas2.yml)."""

import operator
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from itertools import islice
from operator import attrgetter
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
Look = Callable[[Order], Any]
_CREATED, _MODIFIED, _STATUS = attrgetter("created"), attrgetter("modified"), attrgetter("status_id")


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
    inclusive = switches.dates_inclusive
    least, most = (operator.ge, operator.le) if inclusive else (operator.gt, operator.lt)
    # What each filter looks at, how its text is read, and how the two compare.
    filters: dict[str, tuple[Look, Callable[[str], Any], Callable[[Any, Any], bool]]] = {
        "min_date_created": (_CREATED, parse_v2_filter, least),
        "max_date_created": (_CREATED, parse_v2_filter, most),
        "min_date_modified": (_MODIFIED, parse_v2_filter, least),
        "max_date_modified": (_MODIFIED, parse_v2_filter, most),
        "status_id": (_STATUS, int, operator.eq),
        "is_deleted": (attrgetter("archived"), lambda text: text in ("true", "1"), operator.eq),
        **{name: (_field(name), int, operator.eq) for name in ("customer_id", "channel_id")},
        **{name: (_field(name), str, operator.eq) for name in ("cart_id", "external_order_id", "payment_method")},
        "email": (lambda order: loads(order.base)["billing_address"]["email"], str, operator.eq),
        "min_total": (_total, float, operator.ge),
        "max_total": (_total, float, operator.le),
    }
    tests = [_test(*filters[name], text) for name, text in query.items() if name in filters]
    if "is_deleted" not in query and not switches.list_archived:
        tests.append(lambda order: not order.archived)
    return tests


def _total(order: Order) -> float:
    return float(loads(order.base)["total_inc_tax"])


def _field(name: str) -> Look:
    return lambda order: loads(order.base)[name]


def _test(look: Look, read: Callable[[str], Any], compare: Callable[[Any, Any], bool], text: str) -> Test:
    wanted = read(text)
    return lambda order: compare(look(order), wanted)


def _sorted(orders: Iterable[Order], field: str, *, descending: bool) -> list[Order]:
    attributes = {"date_created": _CREATED, "date_modified": _MODIFIED, "status_id": _STATUS}
    return sorted(orders, key=attributes.get(field, lambda order: str(loads(order.base)[field])), reverse=descending)
