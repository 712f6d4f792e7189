"""Made-up orders: mostly ordinary ones, and on purpose a share of awkward ones."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Final

from .. import words
from ..base import Consignment, Dice, Line, Order
from ..jsontext import loads, money, number
from ..moments import rfc2822
from .lines import Draft, LineMaker, Sellable, Sums
from .people import Person
from .shapes import FEE, ORDER, PICKUP, RECIPIENT, SHIPPING

# Consignments and their numbers of lines; these cost a client a request of their own.
HEAVY_KINDS: Final[dict[str, list[tuple[str, int]]]] = {
    "lines_51": [("shipping", 51)],
    "lines_50": [("shipping", 50)],
    "lines_60": [("shipping", 60)],
    "lines_260": [("shipping", 260)],
    "three_by_60": [("shipping", 60)] * 3,
    "embedded_missing": [("shipping", 3)],
    "miscounted": [("shipping", 2)],
}
LIGHT_KINDS: Final[dict[str, list[tuple[str, int]]]] = {
    "no_lines": [],
    "several_consignments": [("shipping", 2), ("shipping", 1)],
    "pickup": [("pickups", 2)],
    "download": [("downloads", 1)],
    "gift_certificate": [("gift_certificates", 1)],
    "mixed": [("shipping", 2), ("pickups", 1), ("downloads", 1), ("gift_certificates", 1)],
    "custom_items": [("shipping", 3)],
    "bundle": [("shipping", 3)],
    "guest": [("shipping", 2)],
    "foreign_currency": [("shipping", 2)],
    "incomplete": [("shipping", 1)],
    "archived": [("shipping", 2)],
    "negative_quantity": [("shipping", 2)],
    "back_dated": [("shipping", 1)],
    "product_gone": [("shipping", 2)],
    "old_product": [("shipping", 1)],
    "ancient": [("shipping", 1)],
    "odd_person": [("shipping", 2)],
    "refunded": [("shipping", 2)],
}
_CURRENCIES = (("EUR", 2, "0.9213000000"), ("GBP", 3, "0.7891000000"), ("JPY", 4, "151.2000000000"))
_PAYMENTS = (("Credit Card", '"A1-77"', "captured"), ("Cash", '""', ""), ("Bank Deposit", "null", "pending"))
_TAX = (0, 825, 1900)


def kinds(count: int) -> Iterator[str]:
    """The kind of each order of a store: each occurs in a store of sixty, one in a hundred is heavy in a big one."""
    heavy_period = max(8, min(100, count // len(HEAVY_KINDS)))
    light_period = max(2, min(12, (count - count // heavy_period) // len(LIGHT_KINDS)))
    heavy, light = cycle(HEAVY_KINDS), cycle(LIGHT_KINDS)
    others = 0
    for index in range(count):
        if index % heavy_period == heavy_period - 1:
            yield next(heavy)
            continue
        others += 1
        yield next(light) if others % light_period == 0 else "plain"


def first_fees(order_id: int) -> str:
    """The fees of an order in a new store: one in nine has one, which is not in its total."""
    return f"[{FEE.fill({'id': order_id})}]" if order_id % 9 == 4 else "[]"


@dataclass(slots=True)
class _Parts:
    """The consignments made so far, and what their lines and their shipping add up to."""

    sums: Sums = field(default_factory=Sums)
    consignments: list[Consignment] = field(default_factory=list)

    def amounts(self) -> dict[str, object]:
        """The order's fields that are sums."""
        sums = self.sums
        total_ex = sums["ex_tax"] + sums["shipping_ex_tax"] - sums["discount"]
        total_inc = sums["inc_tax"] + sums["shipping_inc_tax"] - sums["discount"]
        kinds = [each.kind for each in self.consignments]
        is_digital = bool(kinds) and set(kinds) <= {"downloads", "gift_certificates"}
        return {
            "subtotal_ex_tax": money(sums["ex_tax"]),
            "subtotal_inc_tax": money(sums["inc_tax"]),
            "subtotal_tax": money(sums["inc_tax"] - sums["ex_tax"]),
            "shipping_ex_tax": money(sums["shipping_ex_tax"]),
            "shipping_inc_tax": money(sums["shipping_inc_tax"]),
            "shipping_tax": money(sums["shipping_inc_tax"] - sums["shipping_ex_tax"]),
            "total_ex_tax": money(total_ex),
            "total_inc_tax": money(total_inc),
            "total_tax": money(total_inc - total_ex),
            "items_shipped": sums["shipped"],
            "order_is_digital": "true" if is_digital else "false",
            "coupon_discount": money(sums["discount"]),
            "shipping_address_count": kinds.count("shipping"),
        }


class OrderMaker:
    """Makes one order after another; keeps the counters that ids come from."""

    def __init__(
        self,
        dice: Dice,
        api_root: str,
        people: Sequence[Person],
        odd_people: Sequence[Person],
        sellable: Callable[[str], Sellable],
    ) -> None:
        self._dice = dice
        self._api_root = api_root
        self._people = people
        self._odd_people = odd_people
        self.lines = LineMaker(dice, sellable)
        self._next_consignment = 50

    def make(self, order_id: int, created: int, modified: int, kind: str = "plain", count: int | None = None) -> Order:
        """An order with its lines; `count` of them in one shipping consignment, or as the kind has it."""
        roll = self._dice.roll
        plan = {**HEAVY_KINDS, **LIGHT_KINDS}.get(kind)
        if plan is None:
            plan = [("shipping", 1 + roll(4) if count is None else count)]
        person = self._dice.pick(self._odd_people if kind == "odd_person" else self._people)
        status_id = self._status(kind)
        draft = Draft(order_id, kind, status_id, _TAX[roll(3)])
        parts, lines = _Parts(), list[Line]()
        for consignment_kind, number_of_lines in plan:
            lines += self._consignment(parts, draft, consignment_kind, number_of_lines, person)
        if kind == "embedded_missing":
            for consignment in parts.consignments:
                consignment.lines = []
        return Order(
            order_id,
            created,
            modified,
            status_id,
            kind == "archived",
            self._base(draft, created, modified, person, parts),
            lines,
            parts.consignments,
        )

    def _base(self, draft: Draft, created: int, modified: int, person: Person, parts: _Parts) -> str:
        order_id, kind, status_id = draft.order_id, draft.kind, draft.status_id
        return ORDER.fill(
            {
                "id": order_id,
                "date_created": f'"{rfc2822(created)}"',
                "date_modified": f'"{rfc2822(modified)}"',
                "date_shipped": f'"{rfc2822(modified)}"' if status_id in (2, 10) else '""',
                "status_id": status_id,
                "status": f'"{words.STATUS_NAMES[status_id]}"',
                **parts.amounts(),
                "items_total": parts.sums["quantity"] + 2 * (kind == "miscounted"),
                **self._payment(status_id),
                **self._currencies(order_id, kind),
                **self._buyer(kind, person),
                **self._remarks(),
                "is_deleted": "true" if kind == "archived" else "false",
                **self._source(order_id, kind),
                "is_tax_inclusive_pricing": "true" if order_id % 7 == 0 else "false",
                "products": self._link(order_id, "products"),
                # The links spell it without the underscore that the documented path has.
                "shipping_addresses": self._link(order_id, "shippingaddresses"),
                "coupons": self._link(order_id, "coupons"),
            }
        )

    def _payment(self, status_id: int) -> dict[str, object]:
        method, provider, status = ("", '""', "") if status_id == 0 else self._dice.pick(_PAYMENTS)
        return {"payment_method": f'"{method}"', "payment_provider_id": provider, "payment_status": f'"{status}"'}

    def _currencies(self, order_id: int, kind: str) -> dict[str, object]:
        code, currency_id, rate = ("USD", 1, "1.0000000000")
        if kind == "foreign_currency":
            code, currency_id, rate = self._dice.pick(_CURRENCIES)
        # Half of the foreign ones are only shown in the currency, half are charged in it.
        charged = kind == "foreign_currency" and order_id % 2 == 0
        return {
            "currency_id": currency_id,
            "currency_code": f'"{code}"',
            "currency_exchange_rate": '"1.0000000000"' if charged else f'"{rate}"',
            "default_currency_id": currency_id if charged else 1,
            "default_currency_code": f'"{code}"' if charged else '"USD"',
            "store_default_currency_code": '"USD"' if order_id % 5 else '""',
            "transactional_exchange_rate": f'"{rate}"' if charged else '"1.0000000000"',
        }

    def _buyer(self, kind: str, person: Person) -> dict[str, object]:
        return {
            "customer_id": 0 if kind == "guest" else person.customer_id,
            "ip_address": f'"198.51.100.{self._dice.roll(250)}"',
            "geoip_country": person.address["country"],
            "geoip_country_iso2": person.address["country_iso2"],
            "billing_address": person.billing_address,
            "customer_locale": '"en"',
        }

    def _remarks(self) -> dict[str, object]:
        return {
            "staff_notes": '"Call first <b>please</b>"' if self._dice.roll(20) == 0 else '""',
            "customer_message": '"Bitte klingeln \\ud83d\\udd14"' if self._dice.roll(20) == 0 else '""',
        }

    def _source(self, order_id: int, kind: str) -> dict[str, object]:
        """Where the order was made."""
        return {
            "cart_id": f'"{self._dice.roll(1 << 32):08x}-0000-4000-8000-{order_id:012x}"',
            "order_source": '"manual"' if kind == "custom_items" else '"www"',
            "channel_id": 1 + (self._dice.roll(12) == 0),
            "external_order_id": f'"EXT-{order_id}"' if self._dice.roll(10) == 0 else '""',
        }

    def add_line(self, order: Order) -> Line:
        """One more line for an order, of its first consignment's kind and not yet in it."""
        draft = Draft(order.id, "plain", order.status_id, 0)
        if not order.consignments:
            return self.lines.make(draft, "shipping", 0, 0, 0)[0]
        first = order.consignments[0]
        return self.lines.make(draft, first.kind, loads(first.head).get("id", 0), 0, 0)[0]

    def _consignment(self, parts: _Parts, draft: Draft, kind: str, number_of_lines: int, person: Person) -> list[Line]:
        self._next_consignment += 1 + (self._dice.roll(9) == 0)
        consignment_id = self._next_consignment
        sums, lines = Sums(), list[Line]()
        for index in range(number_of_lines):
            line, adds = self.lines.make(draft, kind, consignment_id, index, lines[0].id if lines else 0)
            lines.append(line)
            sums.update(adds)
        parts.sums.update(sums)
        if kind == "shipping":
            counts = {"id": consignment_id, "items_total": sums["quantity"], "items_shipped": sums["shipped"]}
            head = SHIPPING.fill({**person.address, **counts, **self._shipping(parts.sums, draft, consignment_id)})
        elif kind == "pickups":
            head = PICKUP.fill({"id": consignment_id})
        else:
            head = RECIPIENT.fill({"email": person.address["email"]})
        parts.consignments.append(Consignment(kind, head, lines))
        return list(lines)

    def _shipping(self, sums: Sums, draft: Draft, consignment_id: int) -> dict[str, object]:
        """How it is shipped; the cost is added to the order's."""
        cost = self._dice.pick((0, 500, 995))
        cost_inc = cost + cost * draft.tax // 10000
        sums.update(shipping_ex_tax=cost, shipping_inc_tax=cost_inc)
        return {
            "shipping_method": '"Free Shipping"' if cost == 0 else '"Parcel"',
            "cost_ex_tax": number(cost),
            "cost_inc_tax": number(cost_inc),
            "cost_tax": number(cost_inc - cost),
            "shipping_quotes": self._link(draft.order_id, f"consignments/shipping/{consignment_id}/shipping_quotes"),
        }

    def _link(self, order_id: int, resource: str) -> str:
        path = f"/orders/{order_id}/{resource}"
        return f'{{"url":"{self._api_root}{path}","resource":"{path}"}}'

    def _status(self, kind: str) -> int:
        fixed = {"incomplete": 0, "refunded": 4, "pickup": 8, "archived": 5}
        if kind in fixed:
            return fixed[kind]
        return self._dice.pick((2, 10, 10, 11, 11, 11, 9, 7, 3, 1, 5, 12, 13, 14, 6))
