"""What a store holds, and how it is filled: the same seed gives the same records."""

from bisect import bisect_left, insort
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import repeat
from threading import RLock
from typing import Any, TypeVar

from .base import Dice, Order, Product, Refund, Variant
from .jsontext import dumps, loads
from .moments import DAY_S
from .orders import maker as order_maker
from .orders.lines import Sellable
from .orders.maker import OrderMaker
from .orders.people import make_odd_people, make_people
from .products import maker as product_maker
from .products.maker import ProductMaker
from .refunds.maker import RefundMaker, first_refunds

T = TypeVar("T")

SPAN_S = 400 * DAY_S  # ordinary records are dated within this time before now
ANCIENT_S = 2200 * DAY_S


class UnknownRecord(LookupError):
    """A control call or an edit named a record that the store does not have."""


class StoreState:
    """The records and the lock around them; the edits are in the subclasses."""

    def __init__(
        self,
        products: int,
        orders: int,
        seed: int,
        *,
        store_hash: str,
        now: datetime | None,
        awkward: bool,
        clock: Callable[[], float],
    ) -> None:
        self.lock = RLock()
        self.store_hash = store_hash
        self.clock = clock
        self.clock_offset_s = 0.0
        self.seed = seed
        # Links in records point nowhere: a client that follows them has made a mistake.
        self.api_root = f"https://api.sandbox.invalid/stores/{store_hash}/v2"
        self.products: dict[int, Product] = {}
        self.variants: dict[int, Variant] = {}
        self.orders: dict[int, Order] = {}
        self.refunds: dict[int, Refund] = {}
        # Texts sent in place of a product's or an order's own, where it comes with all that it holds; half a surrogate
        # pair (U+DC80 to U+DCFF) is sent as the byte that it stands for.
        self.spoilt_products: dict[int, str] = {}
        self.spoilt_orders: dict[int, str] = {}
        self.product_ids: list[int] = []
        self.variant_ids: list[int] = []
        self.order_ids: list[int] = []
        self.refund_ids: list[int] = []
        self.last_product_id, self.last_order_id, self.last_refund_id = 76, 99, 10
        self._awkward = awkward
        self._dice = Dice(seed)
        self._gone_ids: list[int] = []
        self._ancient_ids: list[int] = []
        self._sellables: dict[int, list[Sellable]] = {}
        self._fill(products, orders, now or datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0))

    def _fill(self, products: int, orders: int, now: datetime) -> None:
        people = make_people(self._dice, 120), make_odd_people(self._dice)
        self.product_maker = ProductMaker(self._dice, f"https://cdn.example.com/s-{self.store_hash}")
        self.order_maker = OrderMaker(self._dice, self.api_root, *people, self._sellable)
        # Dice of their own: the products and orders of a seed stay as they were.
        self.refund_maker = RefundMaker(Dice(self.seed))
        base = int(now.timestamp())
        self._fill_products(products, base)
        self._fill_orders(orders, base)
        self._fill_refunds(base)

    @property
    def now(self) -> float:
        """The store's own clock, unix seconds."""
        return self.clock() + self.clock_offset_s

    def product(self, product_id: int) -> Product:
        """The product; raises UnknownRecord."""
        return _known(self.products, product_id, "product")

    def variant(self, variant_id: int) -> Variant:
        """The variant; raises UnknownRecord."""
        return _known(self.variants, variant_id, "variant")

    def order(self, order_id: int) -> Order:
        """The order; raises UnknownRecord."""
        return _known(self.orders, order_id, "order")

    def refund(self, refund_id: int) -> Refund:
        """The refund; raises UnknownRecord."""
        return _known(self.refunds, refund_id, "refund")

    def put_product(self, product: Product) -> None:
        """Take a product and its variants in."""
        self.products[product.id] = product
        _insert(self.product_ids, product.id)
        for variant in product.variants:
            self.put_variant(variant)
        self.last_product_id = max(self.last_product_id, product.id)

    def put_variant(self, variant: Variant) -> None:
        """Take a variant in that its product already holds."""
        self.variants[variant.id] = variant
        _insert(self.variant_ids, variant.id)

    def put_order(self, order: Order) -> None:
        """Take an order in."""
        self.orders[order.id] = order
        _insert(self.order_ids, order.id)
        self.last_order_id = max(self.last_order_id, order.id)

    def put_refund(self, refund: Refund) -> None:
        """Take a refund in."""
        self.refunds[refund.id] = refund
        _insert(self.refund_ids, refund.id)
        self.last_refund_id = max(self.last_refund_id, refund.id)

    def changed(self, product_id: int) -> None:
        """Forget what new order lines would be made of for this product."""
        self._sellables.pop(product_id, None)

    def _fill_products(self, count: int, now: int) -> None:
        kinds = product_maker.kinds(count) if self._awkward else repeat("plain", count)
        for index, kind in enumerate(kinds):
            product_id = self._next_id(self.last_product_id, self._gone_ids)
            created, modified = self._dates(index, count, now, kind)
            if kind == "ancient":
                self._ancient_ids.append(product_id)
            self.put_product(self.product_maker.make(product_id, created, modified, kind))

    def _fill_orders(self, count: int, now: int) -> None:
        kinds = order_maker.kinds(count) if self._awkward else repeat("plain", count)
        for index, kind in enumerate(kinds):
            order_id = self._next_id(self.last_order_id)
            created, modified = self._dates(index, count, now, kind)
            order = self.order_maker.make(order_id, created, modified, kind)
            if self._awkward:
                order.fees = order_maker.first_fees(order_id)
            self.put_order(order)

    def _fill_refunds(self, now: int) -> None:
        for refund in first_refunds(list(self.orders.values()), now, self.refund_maker, awkward=self._awkward):
            self.put_refund(refund)

    def _next_id(self, last: int, gone: list[int] | None = None) -> int:
        """The next id; one in eight leaves a gap, as deleted records do."""
        gap = self._dice.roll(9) if self._dice.random() < 0.125 else 0
        if gone is not None:
            gone.extend(range(last + 1, last + 1 + gap))
        return last + 1 + gap

    def _dates(self, index: int, count: int, now: int, kind: str) -> tuple[int, int]:
        """Created in the order of ids; modified up to ten days later, or at any time since."""
        dice = self._dice
        created = now - SPAN_S + int(SPAN_S * (index + dice.random()) / count)
        reach = now - created if dice.random() < 0.3 else min(10 * DAY_S, now - created)
        modified = created + dice.roll(reach)
        if kind == "ancient":
            created = now - ANCIENT_S + dice.roll(DAY_S)
            return created, created + 3600
        return created - 300 * DAY_S * (kind == "back_dated"), modified

    def _sellable(self, which: str) -> Sellable:
        """Something for an order line: of any product, the oldest, or one that is gone."""
        if which == "gone" or not self.product_ids:
            gone = self._gone_ids or [self.last_product_id + 1000]
            product_id = self._dice.pick(gone)
            return Sellable(product_id, 9_000_000 + product_id, '"Discontinued dish"', f'"GONE-{product_id}"', 1999)
        ids = self._ancient_ids if which == "oldest" and self._ancient_ids else self.product_ids
        product_id = self._dice.pick(ids)
        if product_id not in self.products:
            product_id = self.product_ids[0]
        if product_id not in self._sellables:
            self._sellables[product_id] = _sellables(self.products[product_id])
        return self._dice.pick(self._sellables[product_id])


def _sellables(product: Product) -> list[Sellable]:
    name = dumps(loads(product.base)["name"])
    found = []
    # A line of one of the first eight variants is as good as one of three hundred, and made sooner.
    for variant in product.variants[:8]:
        fields: dict[str, Any] = loads(variant.text)
        options = tuple(
            (value["option_id"], dumps(value["option_display_name"]), value["id"], dumps(value["label"]))
            for value in fields["option_values"]
        )
        price = round(fields["calculated_price"] * 100)
        found.append(Sellable(product.id, variant.id, name, dumps(fields["sku"]), price, options))
    return found or [Sellable(product.id, 0, name, '""', 100)]


def require_known(fields: dict[str, Any], values: dict[str, Any], what: str) -> None:
    """Raises ValueError for a mistyped field: it would be sent, and nobody would miss the right one."""
    unknown = fields.keys() - values.keys()
    if unknown:
        raise ValueError(f"{what} has no {', '.join(sorted(unknown))}")


def _insert(ids: list[int], new: int) -> None:
    if not ids or new > ids[-1]:
        ids.append(new)
    elif ids[bisect_left(ids, new)] != new:
        insort(ids, new)


def _known(records: dict[int, T], record_id: int, what: str) -> T:
    try:
        return records[record_id]
    except KeyError:
        raise UnknownRecord(f"no {what} {record_id}") from None
