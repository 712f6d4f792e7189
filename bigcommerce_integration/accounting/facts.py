"""What documents are made from: the stored order, refunds, returns, settings and costs, as plain values.

Moments are naive UTC, as they are stored; ``Settings.zone`` makes days of them. Amounts are in the order's currency
(``default_currency_code``), as the store sent them.

They are structs of msgspec, as many are made: a frozen dataclass takes ten times as long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Any

from msgspec import Struct

Costs = Mapping[tuple[date, Any], tuple[Decimal, str]]
"""The host's cost of one piece and its currency, by the day of the movement and the product; absent: not known."""


class Taxed(Struct, frozen=True, gc=False):
    """An amount without tax, with tax, and the tax in it."""

    ex_tax: Decimal
    inc_tax: Decimal
    tax: Decimal


class OrderLine(Struct, frozen=True, gc=False):
    """A line of an order. ``parent_id`` is the line that it is a part of, as in a bundle.

    ``host_product_id`` is what its variant is linked to, None if nothing.
    """

    id: int
    parent_id: int | None
    type: str | None
    host_product_id: Any
    quantity: int
    quantity_shipped: int
    quantity_refunded: int
    total: Taxed
    discounted_total_inc_tax: Decimal
    cost_price_ex_tax: Decimal | None


class Order(Struct, frozen=True, gc=False):
    """A stored order. ``fees`` is the sum of its fees. ``host_hold`` is the host's reason to hold its documents."""

    id: int
    status_id: int | None
    is_sale: bool
    # Archived, or gone from the store.
    is_gone: bool
    customer_id: int | None
    external_order_id: str | None
    payment_method: str | None
    payment_provider_id: str | None
    currency_code: str | None
    store_default_currency_code: str | None
    exchange_rate: Decimal | None
    is_tax_inclusive_pricing: bool
    total: Taxed
    subtotal: Taxed
    shipping: Taxed
    handling: Taxed
    wrapping: Taxed
    fees: Taxed
    discount_amount: Decimal
    coupon_discount: Decimal
    store_credit_amount: Decimal
    gift_certificate_amount: Decimal
    date_created: datetime | None
    date_modified: datetime | None
    date_shipped: datetime | None
    lines: tuple[OrderLine, ...]
    host_hold: str | None = None


class RefundItem(Struct, frozen=True, gc=False):
    """What of an order was refunded: ``type`` and ``item_id`` as in BigCommerce's refund items (orders.v3.yml)."""

    type: str | None
    item_id: int | None
    quantity: int | None
    requested_amount: Decimal | None


class RefundPayment(Struct, frozen=True, gc=False):
    """A payment of a refund."""

    provider_id: str | None
    amount: Decimal
    is_declined: bool


class Refund(Struct, frozen=True, gc=False):
    """A stored refund."""

    id: int
    created: datetime
    total_amount: Decimal
    total_tax: Decimal
    items: tuple[RefundItem, ...]
    payments: tuple[RefundPayment, ...]


class GoodsReturn(Struct, frozen=True, gc=False):
    """Goods that came back, as the host has reported them: pieces by the id of the order's line."""

    reference: str
    received_at: date
    quantities: Mapping[int, int]


class Settings(Struct, frozen=True, gc=False):
    """What the instance and the host have decided.

    ``today`` is the day, in the store's ``zone``, on which the order was read. ``starts`` is the first day of each kind
    of document. ``invoices_from`` and ``credits_from``: documents of an earlier day stay disabled although the flag is
    on; None is no such day.
    """

    zone: tzinfo
    today: date
    starts: Mapping[str, date]
    syncs_invoices: bool = True
    syncs_credits: bool = True
    invoices_from: date | None = None
    credits_from: date | None = None
    marketplace_percentage: Decimal | None = None
    payment_percentage: Decimal | None = None
    refund_returns_goods: bool = False


class Facts(Struct, frozen=True, gc=False):
    """All that the documents of one order are made from, but for what is booked already."""

    order: Order
    refunds: Sequence[Refund]
    returns: Sequence[GoodsReturn]
    settings: Settings
    costs: Costs
