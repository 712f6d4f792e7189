"""What a refund is of: shipping, tax, and the rest; and by whom it was paid."""

from __future__ import annotations

from typing import NamedTuple

from ..basis.amounts import in_units, part
from ..facts import Order, Refund

_OF_SHIPPING = frozenset({"SHIPPING", "HANDLING"})


class Split(NamedTuple):
    """A refund in minor units, by what is debited and by the providers of the payments that were not declined."""

    shipping: int
    returns: int
    tax: int
    by_provider: dict[str | None, int]

    @property
    def total(self) -> int:
        """All of it, with tax."""
        return self.shipping + self.returns + self.tax

    @property
    def net(self) -> int:
        """All of it, without tax."""
        return self.shipping + self.returns

    @property
    def paid(self) -> int:
        """What the payments come to."""
        return sum(self.by_provider.values())

    def scaled_to_paid(self) -> Split:
        """The share of each that the payments come to; the total is above 0."""
        shipping, tax = part(self.shipping, self.paid, self.total), part(self.tax, self.paid, self.total)
        return self._replace(shipping=shipping, returns=self.paid - shipping - tax, tax=tax)


def split_of(refund: Refund, order: Order, digits: int) -> Split:
    """The parts of a refund.

    ``total_tax`` is the tax refunded back to the shopper, and may be negative (bigcommerce/docs, orders.v3.yml). The
    shipping is the requested amounts of SHIPPING and HANDLING, never above the net; if one of them is null, nobody
    knows it and all is returns. With prices that include tax these amounts hold tax, of which the share that shipping
    has in the order is taken out.
    """
    total, tax = in_units(refund.total_amount, digits), in_units(refund.total_tax, digits)
    shipping = max(0, min(_shipping(refund, order, digits), total - tax))
    by_provider: dict[str | None, int] = {}
    for payment in refund.payments:
        if not payment.is_declined:
            provider = payment.provider_id or None
            by_provider[provider] = by_provider.get(provider, 0) + in_units(payment.amount, digits)
    return Split(shipping, total - tax - shipping, tax, by_provider)


def _shipping(refund: Refund, order: Order, digits: int) -> int:
    requested = [each.requested_amount for each in refund.items if each.type in _OF_SHIPPING]
    amounts = [in_units(each, digits) for each in requested if each is not None]
    if len(amounts) < len(requested):
        return 0
    with_tax = in_units(order.shipping.inc_tax + order.handling.inc_tax, digits)
    if not order.is_tax_inclusive_pricing or with_tax <= 0:
        return sum(amounts)
    tax = in_units(order.shipping.tax + order.handling.tax, digits)
    return part(sum(amounts), with_tax - tax, with_tax)
