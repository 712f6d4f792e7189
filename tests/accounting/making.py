"""Small orders, refunds and settings for the tests of documents, and short forms of what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from bigcommerce_integration.accounting.document import Document
from bigcommerce_integration.accounting.documents import documents
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

SHIPPED, COMPLETED, AWAITING_FULFILLMENT, CANCELLED, REFUNDED, PARTIALLY_REFUNDED = 2, 10, 11, 5, 4, 14
BEGAN = date(2026, 1, 1)
SHIPPED_ON = date(2026, 3, 2)
TODAY = date(2026, 3, 10)
NOON = datetime(2026, 3, 2, 12)
SETTINGS = Settings(
    zone=UTC,
    today=TODAY,
    starts=dict.fromkeys(("sales_order_invoice", "sales_credit", "sales_order_fulfillment", "customer_return"), BEGAN),
)
NOTHING = Taxed(Decimal(), Decimal(), Decimal())


def taxed(ex_tax: object, tax: object = 0) -> Taxed:
    """An amount with its tax on top."""
    ex, added = Decimal(str(ex_tax)), Decimal(str(tax))
    return Taxed(ex, ex + added, added)


def line(id: int = 1, ex_tax: object = 100, tax: object = 0, **changed: Any) -> OrderLine:
    """A line without discounts, of two pieces of product 900 + its id."""
    total = taxed(ex_tax, tax)
    made = OrderLine(
        id=id,
        parent_id=None,
        type="physical",
        host_product_id=900 + id,
        quantity=2,
        quantity_shipped=0,
        quantity_refunded=0,
        total=total,
        discounted_total_inc_tax=total.inc_tax,
        cost_price_ex_tax=None,
    )
    return replace(made, **changed)


def order(*lines: OrderLine, **changed: Any) -> Order:
    """An order in USD that was shipped, whose totals are those of its parts; what is given wins."""
    parts = {name: changed.get(name, NOTHING) for name in ("shipping", "handling", "wrapping", "fees")}
    subtotal = summed([each.total for each in lines])
    whole = summed([subtotal, *parts.values()])
    discounts = Decimal(changed.get("discount_amount", 0)) + Decimal(changed.get("coupon_discount", 0))
    made = Order(
        id=218,
        status_id=SHIPPED,
        is_sale=True,
        is_gone=False,
        customer_id=11,
        external_order_id=None,
        payment_method="Cash",
        payment_provider_id=None,
        currency_code="USD",
        store_default_currency_code="USD",
        exchange_rate=Decimal(1),
        is_tax_inclusive_pricing=False,
        total=Taxed(whole.ex_tax - discounts, whole.inc_tax - discounts, whole.tax),
        subtotal=subtotal,
        **parts,
        discount_amount=Decimal(),
        coupon_discount=Decimal(),
        store_credit_amount=Decimal(),
        gift_certificate_amount=Decimal(),
        date_created=NOON,
        date_modified=NOON,
        date_shipped=NOON,
        lines=lines,
    )
    return replace(made, **{name: value for name, value in changed.items() if name not in parts})


def summed(amounts: Sequence[Taxed]) -> Taxed:
    """Their sum."""
    return Taxed(
        sum((each.ex_tax for each in amounts), Decimal()),
        sum((each.inc_tax for each in amounts), Decimal()),
        sum((each.tax for each in amounts), Decimal()),
    )


def refund(total: object, tax: object = 0, *items: RefundItem, id: int = 1, **changed: Any) -> Refund:
    """A refund of one payment by ``card``; of line 1 where nothing is said."""
    made = Refund(
        id=id,
        created=datetime(2026, 3, 5, 12),
        total_amount=Decimal(str(total)),
        total_tax=Decimal(str(tax)),
        items=items or (item(),),
        payments=(payment(total),),
    )
    return replace(made, **changed)


def item(type: str = "PRODUCT", id: int = 1, quantity: int | None = None, amount: object = None) -> RefundItem:
    """What was refunded."""
    return RefundItem(type, id, quantity, None if amount is None else Decimal(str(amount)))


def payment(amount: object, provider: str = "card", *, declined: bool = False) -> RefundPayment:
    """A payment of a refund."""
    return RefundPayment(provider, Decimal(str(amount)), declined)


def made(
    order: Order,
    refunds: Sequence[Refund] = (),
    booked: Sequence[Document] = (),
    costs: Costs | None = None,
    returns: Sequence[GoodsReturn] = (),
    **settings: Any,
) -> list[Document]:
    """The documents, with the settings that are named changed."""
    changed = replace(SETTINGS, **settings)
    return list(documents(order, refunds, returns, changed, {} if costs is None else costs, booked))


def of(found: Sequence[Document], kind: str) -> list[Document]:
    """Those of a kind."""
    return [each for each in found if each.kind == kind]


def money(found: Sequence[Document]) -> list[Document]:
    """Invoices and credits."""
    return [each for each in found if each.kind in ("sales_order_invoice", "sales_credit")]


def goods(found: Sequence[Document]) -> list[Document]:
    """Fulfillments and returns."""
    return [each for each in found if each.kind in ("sales_order_fulfillment", "customer_return")]


def said(document: Document) -> list[tuple[str, str, str | None]]:
    """Role, side and amount of each line, as text."""
    return [(each.role, each.side, None if each.amount is None else f"{each.amount:f}") for each in document.lines]


def stored(found: Sequence[Document], first: int = 1, *, posted: bool = True) -> list[Document]:
    """The documents as they would be stored: numbered, and posted if they can be and are to be."""
    return [
        replace(each, number=each.number or at, status="posted" if posted and each.status == "pending" else each.status)
        for at, each in enumerate(found, first)
    ]
