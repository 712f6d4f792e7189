"""Whether an order's own numbers add up, so that its documents need no person."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from ..facts import Order


class Totals(NamedTuple):
    """``has_fees``: the fees are in the total. ``reasons``: why it is held, as sentences with both sums."""

    has_fees: bool
    adds_up: bool
    reasons: dict[str, str]


def checked(order: Order, digits: int) -> Totals:
    """Add up an order.

    ``discounted_total_inc_tax`` aside, the API says of no total what it is the sum of; its examples differ
    (bigcommerce/docs, orders.v2.oas2.yml: order 218 fits with tax and without its fees, 247 both ways, 100 has a tax of
    its parts that is not in its total). So the amounts with tax may fit or those without, each with the fees or
    without; the one that fits best says whether the fees are in the total, with them where both fit alike.
    """
    tolerance = (len(order.lines) + 3) * Decimal(1).scaleb(-digits)
    one, two, three, four = order.subtotal, order.shipping, order.handling, order.wrapping
    fees, total = order.fees, order.total
    discounts = order.discount_amount + order.coupon_discount
    with_tax = one.inc_tax + two.inc_tax + three.inc_tax + four.inc_tax - discounts - total.inc_tax
    without_tax = one.ex_tax + two.ex_tax + three.ex_tax + four.ex_tax - discounts - total.ex_tax
    taxes = one.tax + two.tax + three.tax + four.tax - total.tax
    # The amounts without tax prove nothing if the total's own three do not fit.
    ex_tax_counts = abs(total.ex_tax + total.tax - total.inc_tax) <= tolerance
    with_fees = _nearest(with_tax + fees.inc_tax, without_tax + fees.ex_tax if ex_tax_counts else None)
    without_fees = _nearest(with_tax, without_tax if ex_tax_counts else None)
    has_fees = with_fees <= without_fees
    reasons: dict[str, str] = {}
    adds_up = min(with_fees, without_fees) <= tolerance
    if not adds_up:
        reasons["total_mismatch"] = (
            f"The parts of the order with tax, less its discounts, are {with_tax + total.inc_tax:f}"
            f"{_and_fees(fees.inc_tax)}, but its total_inc_tax is {total.inc_tax:f}."
        )
    if min(abs(taxes), abs(taxes + fees.tax)) > tolerance:
        reasons["tax_mismatch"] = (
            f"The taxes of the order's parts are {taxes + total.tax:f}{_and_fees(fees.tax)}, "
            f"but its total_tax is {total.tax:f}."
        )
    return Totals(has_fees, adds_up, reasons)


def _nearest(with_tax: Decimal, without_tax: Decimal | None) -> Decimal:
    return abs(with_tax) if without_tax is None else min(abs(with_tax), abs(without_tax))


def _and_fees(fees: Decimal) -> str:
    return f" and its fees {fees:f}" if fees else ""
