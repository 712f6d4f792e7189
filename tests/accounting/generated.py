"""Orders whose numbers are consistent, as a store would make them, and what happens to them afterwards.

All is drawn from a ``Random``, so that hypothesis, a benchmark or an engine under test can use it alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from random import Random

from bigcommerce_integration.accounting.basis.amounts import digits_of
from bigcommerce_integration.accounting.facts import (
    Costs,
    GoodsReturn,
    Order,
    OrderLine,
    Refund,
    RefundItem,
    RefundPayment,
    Settings,
    Taxed,
)

CURRENCIES = ("USD", "EUR", "JPY", "KWD", "HUF")
RATES = (Decimal(), Decimal("0.07"), Decimal("0.0825"), Decimal("0.2"))
AWAITING_FULFILLMENT, PARTIALLY_SHIPPED, SHIPPED, COMPLETED, CANCELLED = 11, 3, 2, 10, 5
PARTIALLY_REFUNDED, REFUNDED = 14, 4
PRODUCTS = range(900, 930)
FIRST_DAY = date(2026, 3, 2)
_FOUR = Decimal("0.0001")
_ZERO = Decimal()


def host_cost(product: int) -> tuple[Decimal, str] | None:
    """What one piece costs by the host: of every fifth product it does not know, of some in another currency."""
    if product % 5 == 0:
        return None
    return Decimal(product % 37) / 7 + 1, "EUR" if product % 11 == 0 else "USD"


def host_costs(days: int = 60) -> Costs:
    """The costs of all products on the days from the first on; they never change."""
    known = {product: host_cost(product) for product in PRODUCTS}
    return {
        (FIRST_DAY + timedelta(day), product): cost
        for day in range(-2, days)
        for product, cost in known.items()
        if cost is not None
    }


@dataclass
class LineDraft:
    """A line; ``discount`` is what it carries."""

    id: int
    price: Decimal
    rate: Decimal
    quantity: int
    product: int | None
    kind: str = "physical"
    parent_id: int | None = None
    discount: Decimal = _ZERO
    cost_price: Decimal | None = None
    shipped: int = 0
    refunded: int = 0

    def facts(self, *, inclusive: bool) -> OrderLine:
        whole = self.price * self.quantity
        paid = whole - self.discount
        if inclusive:
            tax = (paid * self.rate / (1 + self.rate)).quantize(_FOUR)
            total, discounted = Taxed(whole - tax, whole, tax), paid
        else:
            tax = (paid * self.rate).quantize(_FOUR)
            total, discounted = Taxed(whole, whole + tax, tax), paid + tax
        return OrderLine(
            id=self.id,
            parent_id=self.parent_id,
            type=self.kind,
            host_product_id=self.product,
            quantity=self.quantity,
            quantity_shipped=self.shipped,
            quantity_refunded=self.refunded,
            total=total,
            discounted_total_inc_tax=discounted,
            cost_price_ex_tax=self.cost_price,
        )


@dataclass
class OrderDraft:
    """An order that can be edited, shipped and refunded; ``facts`` is what the mirror would have of it.

    ``charges`` are amounts and rates of shipping, handling, wrapping and fees; ``loose_discount`` is one on shipping,
    that no line carries.
    """

    random: Random
    id: int
    currency: str
    inclusive: bool
    lines: list[LineDraft]
    charges: dict[str, tuple[Decimal, Decimal]]
    fees_in_total: bool
    loose_discount: Decimal
    now: datetime
    coupon: bool = False
    status: int = AWAITING_FULFILLMENT
    is_gone: bool = False
    date_shipped: datetime | None = None
    payment_method: str = "Card"
    tender: Decimal = _ZERO
    last_line: int = 0
    # Whether its refunds bring goods back.
    restocks: bool = False
    refunds: list[Refund] = field(default_factory=list)
    returns: list[GoodsReturn] = field(default_factory=list)

    def facts(self) -> Order:
        """The order, with totals that fit its parts; only the total is rounded to the currency's minor unit."""
        lines = tuple(line.facts(inclusive=self.inclusive) for line in self.lines)
        charges = {name: self._taxed(*given) for name, given in self.charges.items()}
        charges["shipping"] = self._taxed(*self.charges["shipping"], self.loose_discount)
        carried = sum((line.discount for line in self.lines), _ZERO)
        discounts = carried + self.loose_discount
        subtotal = _sum([line.total for line in lines])
        counted = [each for name, each in charges.items() if name != "fees" or self.fees_in_total]
        whole = _sum([subtotal, *counted])
        total = self._rounded(whole.inc_tax - discounts)
        tax = self._rounded(whole.tax)
        return Order(
            id=self.id,
            status_id=self.status,
            is_sale=self.status != CANCELLED and not self.is_gone,
            is_gone=self.is_gone,
            customer_id=self.id % 7,
            external_order_id=None,
            payment_method=self.payment_method,
            payment_provider_id=None,
            currency_code=self.currency,
            store_default_currency_code="USD",
            exchange_rate=Decimal(1) if self.currency == "USD" else Decimal("1.25"),
            is_tax_inclusive_pricing=self.inclusive,
            total=Taxed(total - tax, total, tax),
            subtotal=subtotal,
            **charges,
            discount_amount=_ZERO if self.coupon else discounts,
            coupon_discount=discounts if self.coupon else _ZERO,
            store_credit_amount=min(self.tender, max(total, _ZERO)),
            gift_certificate_amount=_ZERO,
            date_created=datetime(2026, 3, 1, 12),
            date_modified=self.now,
            date_shipped=self.date_shipped,
            lines=lines,
        )

    def _taxed(self, amount: Decimal, rate: Decimal, discount: Decimal = _ZERO) -> Taxed:
        """As a store shows it: before the discount, but with the tax of what is left."""
        if self.inclusive:
            tax = ((amount - discount) * rate / (1 + rate)).quantize(_FOUR)
            return Taxed(amount - tax, amount, tax)
        tax = ((amount - discount) * rate).quantize(_FOUR)
        return Taxed(amount, amount + tax, tax)

    def _rounded(self, amount: Decimal) -> Decimal:
        return amount.quantize(Decimal(1).scaleb(-digits_of(self.currency)), ROUND_HALF_EVEN)

    def refundable(self) -> Decimal:
        """What was not refunded yet."""
        return self.facts().total.inc_tax - sum((each.total_amount for each in self.refunds), _ZERO)

    # What may happen to it.

    def edit_price(self) -> None:
        line = self.random.choice(self.lines)
        if line.parent_id is None:
            line.price = _price(self.random, self.currency)
            line.discount = _ZERO

    def edit_quantity(self) -> None:
        line = self.random.choice(self.lines)
        if line.parent_id is not None or line.id in {each.parent_id for each in self.lines}:
            return
        line.quantity = max(1, line.shipped, line.refunded, line.quantity + self.random.choice((-2, -1, 1, 2)))
        line.discount = _ZERO

    def edit_discount(self) -> None:
        self.loose_discount = self._rounded(self.charges["shipping"][0] * self.random.randint(0, 10) / 10)

    def edit_payment(self) -> None:
        self.payment_method = self.random.choice(("Card", "Cash", "PayPal"))

    def add_line(self) -> None:
        # The id of a line is never used again.
        self.last_line = max(self.last_line, *(each.id for each in self.lines)) + 1
        self.lines.append(line_draft(self.random, self.last_line, self.currency))

    def remove_line(self) -> None:
        if len(self.lines) > 1:
            gone = self.random.choice(self.lines)
            self.last_line = max(self.last_line, *(each.id for each in self.lines))
            self.lines = [each for each in self.lines if gone.id not in (each.id, each.parent_id)] or self.lines

    def ship_part(self) -> None:
        if self.date_shipped is None and self.status in (AWAITING_FULFILLMENT, PARTIALLY_SHIPPED):
            for line in self.lines:
                if line.kind == "physical" and self.random.random() < 0.5:
                    line.shipped = self.random.randint(line.shipped, line.quantity)
                    self.status = PARTIALLY_SHIPPED

    def unship_part(self) -> None:
        if self.date_shipped is None and self.status == PARTIALLY_SHIPPED:
            for line in self.lines:
                line.shipped = self.random.randint(0, line.shipped)

    def ship(self) -> None:
        """All of it, with shipments or by its status alone, and with or without its date."""
        if self.status in (AWAITING_FULFILLMENT, PARTIALLY_SHIPPED):
            self.status = self.random.choice((SHIPPED, COMPLETED))
            self.date_shipped = self.now if self.status == SHIPPED or self.random.random() < 0.5 else None
            if self.random.random() < 0.5:
                for line in self.lines:
                    line.shipped = max(line.quantity - line.refunded, line.shipped)

    def cancel(self) -> None:
        if self.status in (SHIPPED, COMPLETED):
            self.status = CANCELLED

    def resume(self) -> None:
        if self.status == CANCELLED:
            self.status = SHIPPED if self.date_shipped is not None else COMPLETED

    def refund(self) -> None:
        """Of a line's pieces and maybe of shipping, at most of what is left, by one or two providers."""
        order = self.facts()
        left = self.refundable()
        line = self.random.choice(self.lines)
        quantity = self.random.randint(0, max(line.quantity - line.refunded, 0))
        unit = order.lines[self.lines.index(line)].discounted_total_inc_tax / line.quantity
        shipping = self._rounded(order.shipping.ex_tax * self.random.choice((0, 0, 1)))
        total = min(left, self._rounded(max(unit, _ZERO) * quantity) + shipping)
        if total <= 0:
            return
        line.refunded += quantity
        tax = self._rounded((total - shipping) * line.rate / (1 + line.rate))
        items = [RefundItem("PRODUCT", line.id, quantity, self.random.choice((None, total)))] if quantity else []
        if shipping or not items:
            items.append(RefundItem("SHIPPING", 1, None, self.random.choice((None, shipping, shipping))))
        first = self._rounded(total * self.random.choice((0, 1, 1)) / 2)
        shares = (("card", total - first), ("storecredit", first))
        self.refunds.append(
            Refund(
                id=len(self.refunds) + 1,
                created=self.now,
                total_amount=total,
                total_tax=tax,
                items=tuple(items),
                payments=tuple(RefundPayment(name, amount, False) for name, amount in shares if amount),
            )
        )
        if self.date_shipped is not None:
            self.status = REFUNDED if total == left else PARTIALLY_REFUNDED

    def take_back(self) -> None:
        """Pieces of a line that left."""
        line = self.random.choice(self.lines)
        back = sum(each.quantities.get(line.id, 0) for each in self.returns)
        out = line.quantity - line.refunded if self.date_shipped is not None else line.shipped
        if out > back and line.kind == "physical":
            pieces = self.random.randint(1, out - back)
            self.returns.append(GoodsReturn(f"R-{len(self.returns)}", self.now.date(), {line.id: pieces}))


EVENTS = (
    "edit_price",
    "edit_quantity",
    "edit_discount",
    "edit_payment",
    "add_line",
    "remove_line",
    "ship_part",
    "unship_part",
    "ship",
    "ship",
    "refund",
    "take_back",
    "cancel",
    "resume",
)


def line_draft(random: Random, id: int, currency: str) -> LineDraft:
    """A line of any kind that is no bundle: now and then one below 0, one for nothing, digital, or a certificate."""
    kind = random.choice(("physical",) * 6 + ("digital", "giftcertificate"))
    made = LineDraft(
        id=id,
        price=_price(random, currency),
        rate=random.choice(RATES),
        quantity=random.randint(1, 5),
        product=random.choice((None, *PRODUCTS)),
        kind=kind,
        cost_price=random.choice((None, _ZERO, Decimal("3.3333"))),
    )
    if kind == "giftcertificate":
        made.rate, made.product = _ZERO, None
    elif random.random() < 0.3:
        step = Decimal(1).scaleb(-digits_of(currency))
        made.discount = (made.price * made.quantity * random.choice((Decimal("0.1"), Decimal(1)))).quantize(step)
    elif random.random() < 0.05:
        made.price = -made.price
    return made


def order_draft(random: Random, id: int = 1, currency: str | None = None, *, lines: int | None = None) -> OrderDraft:
    """An order that awaits its fulfillment; with a bundle now and then."""
    currency = currency or random.choice(CURRENCIES)
    count = random.randint(1, 4) if lines is None else lines
    drafts = [line_draft(random, id * 100 + at, currency) for at in range(count)]
    if lines is None and random.random() < 0.3:
        drafts += _parts(random, drafts[0])
    step = Decimal(1).scaleb(-digits_of(currency))
    rate = random.choice(RATES)

    def charge(chance: float) -> tuple[Decimal, Decimal]:
        return (_price(random, currency) / 4).quantize(step) if random.random() < chance else _ZERO, rate

    charges = {"shipping": charge(0.7), "handling": charge(0.2), "wrapping": charge(0.1), "fees": charge(0.1)}
    made = OrderDraft(
        random=random,
        id=id,
        currency=currency,
        inclusive=random.random() < 0.5,
        lines=drafts,
        charges=charges,
        fees_in_total=random.random() < 0.5,
        loose_discount=charges["shipping"][0] if random.random() < 0.2 else _ZERO,
        now=datetime(2026, 3, 2, 12),
        coupon=random.random() < 0.5,
    )
    if random.random() < 0.1:
        made.tender = (made.facts().total.inc_tax / 3).quantize(step)
    return made


def _parts(random: Random, parent: LineDraft) -> Iterator[LineDraft]:
    parent.kind = "physical"
    for at in range(random.randint(1, 2)):
        yield LineDraft(
            id=parent.id + 50 + at,
            price=_ZERO,
            rate=parent.rate,
            quantity=parent.quantity * random.randint(1, 2),
            product=random.choice((None, *PRODUCTS)),
            parent_id=parent.id,
        )


def _price(random: Random, currency: str) -> Decimal:
    """To the minor unit, or finer as after a conversion."""
    digits = digits_of(currency)
    price = Decimal(random.randint(1, 20000)).scaleb(-digits)
    return price + Decimal(random.randint(0, 99)).scaleb(-digits - 2) if random.random() < 0.3 else price


def _sum(amounts: list[Taxed]) -> Taxed:
    return Taxed(
        sum((each.ex_tax for each in amounts), _ZERO),
        sum((each.inc_tax for each in amounts), _ZERO),
        sum((each.tax for each in amounts), _ZERO),
    )


def settings(today: date, first: date = FIRST_DAY) -> Settings:
    """Settings of a store in UTC that has made documents since ``first``."""
    kinds = ("sales_order_invoice", "sales_credit", "sales_order_fulfillment", "customer_return")
    return Settings(zone=UTC, today=today, starts=dict.fromkeys(kinds, first))
