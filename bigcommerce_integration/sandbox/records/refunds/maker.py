"""Made-up refunds: of part of an order, of all of it, of tax alone, and on purpose a share of awkward ones.

The shape is that of `Refund` in reference/orders.v3.yml of bigcommerce/docs; `requested_amount` is null where
BigCommerce worked the amount out itself (its own example there).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import cycle
from typing import Any, Final

from ..base import Dice, Order, Refund
from ..jsontext import dumps, loads
from ..moments import iso

Values = dict[str, Any]
Item = tuple[Values, int, int]
"""What is refunded, and what it comes to: with tax, and the tax in it, in cents."""

PLAIN_KINDS: Final = ("partial", "full", "shipping")
AWKWARD_KINDS: Final = (
    "partial",
    "amount_unknown",
    "full",
    "tax_only",
    "shipping",
    "order_level",
    "declined",
    "offline",
    "override",
    "two_providers",
    "negative_tax",
    "handling",
)
# Statuses of orders of which something was given back: Refunded, Partially Refunded.
REFUNDED: Final = (4, 14)
_REASONS = ("", "Wrong size.", "Came <b>broken</b>, says Ms Ostrova of 12 Quay Street", "Zu sp\u00e4t \U0001f4e6")
_FIRST_REFUND, _FIRST_PAYMENT = 11, 300


@dataclass
class RefundMaker:
    """Makes one refund after another; keeps the counter that the ids of payments come from."""

    dice: Dice
    last_payment_id: int = field(default=_FIRST_PAYMENT)

    def make(self, refund_id: int, created: int, order: Order, kind: str = "partial", **fields: Any) -> Refund:
        """A refund of the order; `fields` take the place of what was made up."""
        items = _MAKERS.get(kind, _partial)(order)
        total, tax = sum(each[1] for each in items), sum(each[2] for each in items)
        if kind == "tax_only":
            total, tax, items = 150, 150, []
        if kind == "negative_tax":
            tax = -35
        if kind == "override":
            total, tax = total + 123, tax + 23
        values = {
            "id": refund_id,
            "order_id": order.id,
            "user_id": refund_id % 3,
            "created": iso(created),
            "reason": _REASONS[refund_id % len(_REASONS)],
            "total_amount": _number(total),
            "total_tax": _number(tax),
            "uses_merchant_override_values": kind == "override",
            "items": [item for item, _, _ in items],
            "payments": self._payments(kind, total),
            **fields,
        }
        return Refund(refund_id, order.id, created, dumps(values))

    def _payments(self, kind: str, total: int) -> list[Values]:
        parts = [("storecredit", total // 3), ("braintree", total - total // 3)]
        providers = parts if kind == "two_providers" else [("custom" if kind == "offline" else "braintree", total)]
        return [self._payment(provider, amount, kind) for provider, amount in providers]

    def _payment(self, provider_id: str, amount: int, kind: str) -> Values:
        self.last_payment_id += 1
        is_declined = kind == "declined"
        return {
            "id": self.last_payment_id,
            "provider_id": provider_id,
            "amount": _number(amount),
            "offline": kind == "offline",
            "is_declined": is_declined,
            "declined_message": "The bank of Ms Ostrova declined it." if is_declined else "",
            "transaction_id": str(9_000 + self.last_payment_id),
        }


def first_refunds(orders: Sequence[Order], now: int, maker: RefundMaker, *, awkward: bool) -> Iterator[Refund]:
    """Those that a new store has: of orders that were refunded, and of a few others; some have two.

    Ids ascend with the time of creation, as in a real store, and leave gaps.
    """
    kinds = cycle(AWKWARD_KINDS if awkward else PLAIN_KINDS)
    drafts: list[tuple[int, Order, str]] = []
    for order in orders:
        is_refunded = order.status_id in REFUNDED or (awkward and maker.dice.roll(6) == 0)
        for _ in range(is_refunded * (1 + (maker.dice.roll(4) == 0))):
            drafts.append((order.created + maker.dice.roll(max(1, now - order.created)), order, next(kinds)))
    refund_id = _FIRST_REFUND
    for created, order, kind in sorted(drafts, key=lambda draft: (draft[0], draft[1].id)):
        yield maker.make(refund_id, created, order, kind)
        refund_id += 1 + (maker.dice.roll(8) == 0) * maker.dice.roll(5)


def _lines(order: Order) -> list[Values]:
    return [line for line in (loads(each.text) for each in order.lines) if line["quantity"] > 0]


def _product(line: Values, quantity: int, *, is_known: bool = False) -> Item:
    amount, tax = _cents(line["price_inc_tax"]) * quantity, _cents(line["price_tax"]) * quantity
    item = {"item_type": "PRODUCT", "item_id": line["id"], "reason": "Wrong size.", "quantity": quantity}
    return {**item, "requested_amount": _number(amount) if is_known else None}, amount, tax


def _partial(order: Order) -> list[Item]:
    lines = _lines(order)
    return [_product(lines[0], 1, is_known=True)] if lines else _order_level(order)


def _amount_unknown(order: Order) -> list[Item]:
    lines = _lines(order)
    return [_product(line, 1) for line in lines[:2]] if lines else _order_level(order)


def _full(order: Order) -> list[Item]:
    return [*(_product(line, line["quantity"], is_known=True) for line in _lines(order)), *_shipping(order)]


def _shipping(order: Order) -> list[Item]:
    """What shipping cost; `item_id` is the order's address."""
    values = loads(order.base)
    found = [loads(each.head).get("id", 0) for each in order.consignments if each.kind == "shipping"]
    amount, tax = _cents(values["shipping_cost_inc_tax"]), _cents(values["shipping_cost_tax"])
    return [_of_amount("SHIPPING", found[0], amount, tax)] if found else _order_level(order)


def _handling(order: Order) -> list[Item]:
    first = _shipping(order)[0]
    return [*_partial(order), first, _of_amount("HANDLING", first[0]["item_id"], 199, 0)]


def _order_level(order: Order) -> list[Item]:
    """Tax is not worked out of it."""
    return [_of_amount("ORDER", order.id, 725, 0)]


def _of_amount(item_type: str, item_id: int, amount: int, tax: int) -> Item:
    item = {"item_type": item_type, "item_id": item_id, "reason": "", "requested_amount": _number(amount)}
    return item, amount, tax


_MAKERS: Final[dict[str, Callable[[Order], list[Item]]]] = {
    "amount_unknown": _amount_unknown,
    "full": _full,
    "shipping": _shipping,
    "handling": _handling,
    "order_level": _order_level,
}


def _cents(amount: str) -> int:
    return int(Decimal(amount) * 100)


def _number(cents: int) -> int | float:
    return cents // 100 if cents % 100 == 0 else cents / 100
