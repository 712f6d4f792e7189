"""What an order books as a sale: its revenue, its tax, and who owes the money."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from ..basis.amounts import digits_of, in_units, of_units, shared, unfit
from ..facts import Order, OrderLine, Taxed
from .entries import Entries, Entry
from .totals import checked

GIFT_CERTIFICATE = "giftcertificate"
LINE = "discounted_total_inc_tax - total_tax"


class Sale(NamedTuple):
    """``total`` and ``net`` in minor units; ``reasons`` are sentences by the code of a held reason."""

    entries: Entries
    total: int
    net: int
    digits: int
    reasons: dict[str, str]


class _Revenue(NamedTuple):
    """Revenue in minor units, above 0 where it is earned; ``lines`` are of the order's lines, in their order."""

    lines: list[int]
    shipping: int
    wrapping: int
    fees: int

    @property
    def sum(self) -> int:
        return sum(self.lines) + self.shipping + self.wrapping + self.fees


def sale_of(order: Order) -> Sale:
    """What is booked of an order that is a sale.

    T is ``total_inc_tax``, the net N is T less ``total_tax``. What the parts leave of N is a line of its own,
    ``rounding``, so that the document balances whatever the order says; beyond the tolerance of one minor unit for
    each line and three more it is held.
    """
    digits = digits_of(order.currency_code)
    total, tax = in_units(order.total.inc_tax, digits), in_units(order.total.tax, digits)
    totals = checked(order, digits)
    reasons = {**totals.reasons, **unfit(order.total.inc_tax, order.currency_code)}
    if order.host_hold is not None:
        reasons["host"] = order.host_hold
    net = total - tax
    revenue = _revenue(order, net, digits, totals.has_fees)
    rest = net - revenue.sum
    if abs(rest) > len(order.lines) + 3:
        reasons["lines_mismatch"] = (
            f"The lines, shipping and the like come to {of_units(revenue.sum, digits):f} without tax, "
            f"but the order to {of_units(net, digits):f}."
        )
    entries = _owed(order, total, digits, totals.adds_up)
    _earned(entries, order, revenue, digits)
    entries["tax", None, None] = Entry(-tax, derivation="total_tax")
    entries["rounding", None, None] = Entry(-rest, derivation="total_inc_tax - total_tax - what the lines make")
    return Sale(entries, total, net, digits, reasons)


def _owed(order: Order, total: int, digits: int, adds_up: bool) -> Entries:
    """Who owes the total: store credit and gift certificates paid a part of it where the total adds up without them.

    ``store_credit_amount`` is what the shopper has redeemed on this order (bigcommerce/docs, orders.v2.oas2.yml). Where
    the total does not add up nobody knows whether it is before or after them, and all is receivable.
    """
    by_credit = in_units(order.store_credit_amount, digits) if adds_up else 0
    by_certificate = in_units(order.gift_certificate_amount, digits) if adds_up else 0
    return {
        ("receivable", None, order.payment_method or None): Entry(
            total - by_credit - by_certificate, derivation="total_inc_tax"
        ),
        ("store_credit", None, None): Entry(by_credit, derivation="store_credit_amount"),
        ("gift_certificates", None, None): Entry(by_certificate, derivation="gift_certificate_amount"),
    }


def _earned(entries: Entries, order: Order, revenue: _Revenue, digits: int) -> None:
    """Add the revenue: by line, and for shipping, wrapping and fees; an order without lines has one of sales."""
    others = ((order.wrapping, revenue.wrapping, "wrapping"), (order.fees, revenue.fees, "fees"))
    shipping_tax = in_units(order.shipping.tax + order.handling.tax, digits)
    for line, units in zip(order.lines, revenue.lines, strict=False):
        if line.type == GIFT_CERTIFICATE:
            entries["gift_certificates", line.id, None] = Entry(-units, None, -line.quantity, None, LINE)
        else:
            tax = in_units(line.total.tax, digits)
            entries["sales", line.id, None] = Entry(-units, -tax, -line.quantity, line.host_product_id, LINE)
    if not order.lines:
        taxes = in_units(order.total.tax, digits) - shipping_tax
        taxes -= sum(in_units(taxed.tax, digits) for taxed, units, _ in others if units)
        how = "total_inc_tax - total_tax - all else"
        entries["sales", None, None] = Entry(-revenue.lines[0], -taxes, derivation=how)
    if revenue.shipping:
        how = "shipping_cost + handling_cost, without tax"
        entries["shipping_revenue", None, None] = Entry(-revenue.shipping, -shipping_tax, derivation=how)
    for taxed, units, detail in others:
        if units:
            how = f"{detail}, without tax"
            entries["sales", None, detail] = Entry(-units, -in_units(taxed.tax, digits), derivation=how)


def _revenue(order: Order, net: int, digits: int, has_fees: bool) -> _Revenue:
    """The revenue of each part, less the discounts that no line carries."""
    shipping = in_units(_net(order.shipping, order) + _net(order.handling, order), digits)
    wrapping = in_units(_net(order.wrapping, order), digits)
    fees = in_units(_net(order.fees, order), digits) if has_fees else 0
    if not order.lines:
        # Nobody knows what its lines carry: what the rest leaves is theirs.
        return _Revenue([net - shipping - wrapping - fees], shipping, wrapping, fees)
    lines = [in_units(each.discounted_total_inc_tax - each.total.tax, digits) for each in order.lines]
    revenue = _Revenue(lines, shipping, wrapping, fees)
    discounts = order.discount_amount + order.coupon_discount
    if not discounts:
        return revenue
    tried = [_discounted(revenue, order, uncarried) for uncarried in _uncarried(order, discounts, digits)]
    return min(tried, key=lambda each: abs(net - each.sum))


def _net(taxed: Taxed, order: Order) -> Decimal:
    """Without tax, from the amounts that are exact.

    With ``is_tax_inclusive_pricing`` the amounts with tax are actual values and those without are estimated, and the
    other way round without it (bigcommerce/docs, orders.v2.oas2.yml).
    """
    return taxed.inc_tax - taxed.tax if order.is_tax_inclusive_pricing else taxed.ex_tax


def _uncarried(order: Order, discounts: Decimal, digits: int) -> tuple[int, int]:
    """The discounts that no line carries, measured as the order's prices are, and the other way.

    ``discounted_total_inc_tax`` includes all types of discounts (bigcommerce/docs, orders.v2.oas2.yml), so what a line
    carries is what it lacks of its total: with tax, or without. The numbers of an order do not always keep to its
    kind of prices (218), so the way that leaves less of the order's net is taken.
    """
    with_tax = discounts - sum((each.total.inc_tax - each.discounted_total_inc_tax for each in order.lines), Decimal())
    without = discounts - sum((_carried_without_tax(each) for each in order.lines), Decimal())
    by_kind = (with_tax, without) if order.is_tax_inclusive_pricing else (without, with_tax)
    return max(0, in_units(by_kind[0], digits)), max(0, in_units(by_kind[1], digits))


def _carried_without_tax(line: OrderLine) -> Decimal:
    return line.total.ex_tax - (line.discounted_total_inc_tax - line.total.tax)


def _discounted(revenue: _Revenue, order: Order, uncarried: int) -> _Revenue:
    """Take a discount off shipping down to 0, then off the lines' sales of above 0 by largest remainder.

    A gift certificate is money and has no discount. No line goes below 0.
    """
    if not uncarried:
        return revenue
    off_shipping = min(uncarried, max(revenue.shipping, 0))
    weights = [
        0 if line.type == GIFT_CERTIFICATE else max(units, 0)
        for line, units in zip(order.lines, revenue.lines, strict=True)
    ]
    off_lines = shared(min(uncarried - off_shipping, sum(weights)), weights)
    return revenue._replace(
        lines=[units - off for units, off in zip(revenue.lines, off_lines, strict=True)],
        shipping=revenue.shipping - off_shipping,
    )
