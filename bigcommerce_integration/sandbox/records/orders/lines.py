"""Made-up line items, of ordinary products and of the awkward kinds."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from .. import words
from ..base import Dice, Line
from ..jsontext import dumps, money
from .shapes import LINE, PRODUCT_OPTION


@dataclass(frozen=True, slots=True)
class Sellable:
    """What a line can be of; the texts are JSON, `options` is (option id, name, value id, label) of each."""

    product_id: int
    variant_id: int
    name: str
    sku: str
    price: int
    options: tuple[tuple[int, str, int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """What all lines of an order being made have in common; `tax` is in hundredths of a percent."""

    order_id: int
    kind: str
    status_id: int
    tax: int


Sums = Counter[str]
"""What lines add up to: `quantity`, `shipped`, and `ex_tax`, `inc_tax` and `discount` in cents."""

_COUPON = '"id":"total-coupon","name":"A tenth off","code":"TENTH","target":"order"'
_CUSTOM = Sellable(0, 0, dumps("Engraving by hand <i>per letter</i>"), '""', 350)
_GIFT = Sellable(0, 0, dumps("$25.00 Gift Certificate"), '""', 2500)


class LineMaker:
    """Makes one line after another; keeps the counters that ids come from.

    `sellable` gives something to sell: of any product, of the oldest one, or of one that is gone.
    """

    def __init__(self, dice: Dice, sellable: Callable[[str], Sellable]) -> None:
        self._dice = dice
        self._sellable = sellable
        self._next_line = 100
        self._next_option = 70

    def make(self, draft: Draft, kind: str, consignment_id: int, index: int, parent_id: int) -> tuple[Line, Sums]:
        """The line at this place of a consignment of this kind; `parent_id` is the line a bundle belongs to."""
        roll = self._dice.roll
        self._next_line += 1 + (roll(12) == 0) * roll(20)
        line_id = self._next_line
        thing = self._thing(kind, draft.kind, index)
        bundled = draft.kind == "bundle" and index > 0
        quantity = 1 if kind == "gift_certificates" else 1 + (roll(3) == 0) * roll(4)
        if draft.kind == "negative_quantity" and index == 0:
            quantity = -quantity
        price = 0 if bundled else thing.price
        price_inc = price + price * draft.tax // 10000
        discount = price * quantity // 10 if quantity > 0 and roll(12) == 0 else 0
        ships = kind == "shipping" and (draft.status_id in (2, 10) or (draft.status_id == 3 and index == 0))
        shipped = max(quantity, 0) if ships else 0
        refunded = max(quantity, 0) if draft.kind == "refunded" and index == 0 else 0
        text = LINE.fill(
            {
                "id": line_id,
                "order_id": draft.order_id,
                **self._goods(line_id, thing),
                "order_pickup_method_id": consignment_id if kind == "pickups" else 0,
                "order_address_id": consignment_id if kind == "shipping" else 0,
                "type": {"downloads": '"digital"', "gift_certificates": '"giftcertificate"'}.get(kind, '"physical"'),
                **_amounts(price, price_inc, quantity, discount),
                # Real answers have both (spec: oneOf).
                "weight": '"1.0000"' if line_id % 2 else 1,
                "quantity": quantity,
                "is_refunded": "true" if refunded else "false",
                "quantity_refunded": refunded,
                "wrapping_name": '""' if line_id % 2 else "null",
                "quantity_shipped": shipped,
                "parent_order_product_id": parent_id if bundled else "null",
                "is_bundled_product": "true" if bundled else "false",
                "gift_certificate_id": line_id + 7 if kind == "gift_certificates" else "null",
            }
        )
        costs = {"ex_tax": price * quantity, "inc_tax": price_inc * quantity, "discount": discount}
        return Line(line_id, text), Sums(quantity=quantity, shipped=shipped, **costs)

    def _thing(self, consignment_kind: str, order_kind: str, index: int) -> Sellable:
        if consignment_kind == "gift_certificates":
            return _GIFT
        if order_kind == "custom_items" and index != 1:
            return _CUSTOM
        if order_kind == "product_gone" and index == 0:
            return self._sellable("gone")
        return self._sellable("oldest" if order_kind in ("old_product", "ancient") else "any")

    def _goods(self, line_id: int, thing: Sellable) -> dict[str, object]:
        """What the line is of."""
        return {
            "product_id": thing.product_id,
            "variant_id": thing.variant_id,
            "name": thing.name,
            "sku": thing.sku,
            "brand": dumps(words.BRANDS[thing.product_id % len(words.BRANDS)]) if thing.product_id else '""',
            "product_options": self._options(line_id, thing) if thing.options else "[]",
        }

    def _options(self, line_id: int, thing: Sellable) -> str:
        texts = []
        for option_id, name, value_id, label in thing.options:
            self._next_option += 1
            values = {"id": self._next_option, "option_id": option_id, "order_product_id": line_id}
            texts.append(PRODUCT_OPTION.fill({**values, "name": name, "label": label, "value": f'"{value_id}"'}))
        return f"[{','.join(texts)}]"


def _amounts(price: int, price_inc: int, quantity: int, discount: int) -> dict[str, object]:
    """What the line costs, from its price without and with tax."""
    return {
        "price_ex_tax": money(price),
        "price_inc_tax": money(price_inc),
        "price_tax": money(price_inc - price),
        "total_ex_tax": money(price * quantity),
        "total_inc_tax": money(price_inc * quantity),
        "total_tax": money((price_inc - price) * quantity),
        "cost_price": money(price // 2),
        "applied_discounts": f'[{{{_COUPON},"amount":{money(discount)}}}]' if discount else "[]",
        "discounted_total_inc_tax": money(price_inc * quantity - discount),
    }
