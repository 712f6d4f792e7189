"""Whether an order is to be invoiced, and the days of it, in the store's time zone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache

from ..facts import Order, Refund

# Numbers of statuses (bigcommerce/docs, orders.v2.oas2.yml).
SHIPPED, COMPLETED = 2, 10
REFUNDED, DISPUTED, PARTIALLY_REFUNDED = 4, 13, 14
INCOMPLETE, CANCELLED, DECLINED = 0, 5, 6
_DONE = frozenset({SHIPPED, COMPLETED})
_DONE_IF_SHIPPED = frozenset({REFUNDED, DISPUTED, PARTIALLY_REFUNDED})
_NO_SALE = frozenset({INCOMPLETE, CANCELLED, DECLINED})


@lru_cache(maxsize=4096)
def day_of(moment: datetime, zone: tzinfo) -> date:
    """The day of a naive moment in UTC."""
    return moment.replace(tzinfo=UTC).astimezone(zone).date()


def is_due(order: Order) -> bool:
    """Whether all of it left: Shipped or Completed, or Refunded, Disputed or Partially Refunded after it was shipped.

    The last three say nothing of shipping by themselves; ``date_shipped`` is set once an order was wholly shipped.
    """
    return is_done(order.status_id, has_date_shipped=order.date_shipped is not None)


def is_done(status_id: int | None, *, has_date_shipped: bool) -> bool:
    """The same by the status and whether there is a ``date_shipped``."""
    return status_id in _DONE or (status_id in _DONE_IF_SHIPPED and has_date_shipped)


def due_day(order: Order, zone: tzinfo) -> date | None:
    """The day of ``date_shipped``, else of ``date_modified``; None if the store gave neither."""
    moment = order.date_shipped or order.date_modified
    return None if moment is None else day_of(moment, zone)


def was_due_before(order: Order, first: date | None, zone: tzinfo) -> bool:
    """Whether the order was due before the first day of a kind of document.

    An order that has a ``date_shipped`` was due on that day, whatever its status is by now.
    """
    if first is None or not (order.date_shipped is not None or is_due(order)):
        return False
    day = due_day(order, zone)
    return day is not None and day < first


def is_void(refund: Refund) -> bool:
    """Whether it moves no money: nothing was refunded, or every payment was declined."""
    return not refund.total_amount or (bool(refund.payments) and all(each.is_declined for each in refund.payments))


def is_cancelled(order: Order) -> bool:
    """Whether its status says that there is no sale: Cancelled, Declined or Incomplete."""
    return order.status_id in _NO_SALE


def is_frozen(order: Order, refunds: Sequence[Refund]) -> bool:
    """Whether what was made of it stays as it is, whatever it says now.

    It is archived or gone, its status is none that BigCommerce has, or it was cancelled and there was a refund, which
    has its credit.
    """
    if order.is_gone:
        return True
    if order.is_sale:
        return False
    return not is_cancelled(order) or not all(is_void(each) for each in refunds)
