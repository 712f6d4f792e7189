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
from .orders.people import people_of
from .products import maker as product_maker
from .products.maker import ProductMaker
from .refunds.maker import RefundMaker, first_refunds

T = TypeVar("T")

SPAN_S = 400 * DAY_S  # ordinary records are dated within this time before now
ANCIENT_S = 2200 * DAY_S


class UnknownRecord(LookupError):
    """A control call or an edit named a record that the store does not have."""


class Records(dict[int, T]):
    """The records of one sort by their ids; to ask for one, or to delete one, that is not there is UnknownRecord."""

    def __init__(self, what: str, last: int = 0) -> None:
        super().__init__()
        self._what = what
        self.ids: list[int] = []  # in order
        self.last = last  # the highest id that was ever given

    def __missing__(self, record_id: int) -> T:
        raise UnknownRecord(f"no {self._what} {record_id}")

    def __setitem__(self, record_id: int, record: T) -> None:
        if record_id not in self:
            insort(self.ids, record_id)
        super().__setitem__(record_id, record)
        self.last = max(self.last, record_id)

    def __delitem__(self, record_id: int) -> None:
        self[record_id]
        super().__delitem__(record_id)
        del self.ids[bisect_left(self.ids, record_id)]


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
        self.products = Records[Product]("product", last=76)
        self.variants = Records[Variant]("variant")
        self.orders = Records[Order]("order", last=99)
        self.refunds = Records[Refund]("refund", last=10)
        self.product_ids, self.variant_ids = self.products.ids, self.variants.ids
        self.order_ids, self.refund_ids = self.orders.ids, self.refunds.ids
        # Texts sent in place of a product's or an order's own, where it comes with all that it holds; half a surrogate
        # pair (U+DC80 to U+DCFF) is sent as the byte that it stands for.
        self.spoilt_products: dict[int, str] = {}
        self.spoilt_orders: dict[int, str] = {}
        self._awkward = awkward
        self._dice = Dice(seed)
        self._gone_ids: list[int] = []
        self._ancient_ids: list[int] = []
        self._sellables: dict[int, list[Sellable]] = {}
        self._fill(products, orders, now or datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0))

    def _fill(self, products: int, orders: int, now: datetime) -> None:
        people = people_of(self._dice, self.seed)
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

    def put_product(self, product: Product) -> None:
        """Take a product and its variants in."""
        self.products[product.id] = product
        for variant in product.variants:
            self.variants[variant.id] = variant

    def changed(self, product_id: int) -> None:
        """Forget what new order lines would be made of for this product."""
        self._sellables.pop(product_id, None)

    def _fill_products(self, count: int, now: int) -> None:
        kinds = product_maker.kinds(count) if self._awkward else repeat("plain", count)
        for index, kind in enumerate(kinds):
            product_id = self._next_id(self.products.last, self._gone_ids)
            created, modified = self._dates(index, count, now, kind)
            if kind == "ancient":
                self._ancient_ids.append(product_id)
            self.put_product(self.product_maker.make(product_id, created, modified, kind))

    def _fill_orders(self, count: int, now: int) -> None:
        kinds = order_maker.kinds(count) if self._awkward else repeat("plain", count)
        for index, kind in enumerate(kinds):
            order_id = self._next_id(self.orders.last)
            created, modified = self._dates(index, count, now, kind)
            order = self.order_maker.make(order_id, created, modified, kind)
            if self._awkward:
                order.fees = order_maker.first_fees(order_id)
            self.orders[order_id] = order

    def _fill_refunds(self, now: int) -> None:
        for refund in first_refunds(list(self.orders.values()), now, self.refund_maker, awkward=self._awkward):
            self.refunds[refund.id] = refund

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
            gone = self._gone_ids or [self.products.last + 1000]
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
