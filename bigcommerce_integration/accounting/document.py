"""A document of an order: as it is stored, or as it shall be."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Literal

from msgspec import Struct

from .postings import AccountingMemo

Kind = Literal["sales_order_invoice", "sales_credit", "sales_order_fulfillment", "customer_return"]
INVOICE: Kind = "sales_order_invoice"
CREDIT: Kind = "sales_credit"
FULFILLMENT: Kind = "sales_order_fulfillment"
RETURN: Kind = "customer_return"
MONEY: tuple[Kind, ...] = (INVOICE, CREDIT)
GOODS: tuple[Kind, ...] = (FULFILLMENT, RETURN)
KINDS: tuple[Kind, ...] = (*MONEY, *GOODS)

Status = Literal["pending", "waiting", "held", "disabled", "posted", "failed"]
STATUSES: tuple[Status, ...] = ("pending", "waiting", "held", "disabled", "posted", "failed")

Role = Literal[
    "sales",
    "cogs",
    "shipping_revenue",
    "shipping_refund",
    "sales_returns_allowances",
    "receivable",
    "tax",
    "inventory",
    "rounding",
    "gift_certificates",
    "store_credit",
]
Side = Literal["debit", "credit"]
CostSource = Literal["host", "estimate", "missing"]

HELD_REASONS = (
    "unknown_currency",
    "total_mismatch",
    "tax_mismatch",
    "minor_unit",
    "lines_mismatch",
    "payments_mismatch",
    "tax_adjustment_unclear",
    "credits_exceed_invoice",
    "edited_and_refunded",
    "cancelled_without_refund",
    "host",
)
WAITING_REASONS = ("order_not_invoiced", "cost_missing")
DISABLED_REASONS = ("flag_off",)
REASONS = (*HELD_REASONS, *WAITING_REASONS, *DISABLED_REASONS)


class Line(Struct, frozen=True, gc=False, omit_defaults=True):
    """One side of a booking. ``amount`` is None only where the cost of goods is missing.

    ``nominal_code_id`` is no part of what the pure functions decide: it is filled in when the document is stored.
    ``quantity_shipped``, of goods, is what the order's line said when this was made, so that a later fall is seen.
    """

    role: Role
    side: Side
    amount: Decimal | None = None
    tax_amount: Decimal | None = None
    order_line_id: int | None = None
    host_product_id: Any = None
    quantity: int | None = None
    detail: str | None = None
    cost_source: CostSource | None = None
    derivation: str = ""
    nominal_code_id: int | None = None
    quantity_shipped: int | None = None


class Document(Struct, frozen=True, gc=False):
    """``number`` is None until it is stored. ``message`` says in a sentence, with the sum, why it is held.

    ``released_version`` is the version (see ``version``) that a person has released: its held reasons hold it no
    longer, but any other version of it is held anew. ``total`` is what the API shows as such, with its sign.
    """

    kind: Kind
    status: Status
    reasons: tuple[str, ...]
    date: date
    currency_code: str
    order_id: int
    lines: tuple[Line, ...]
    total: Decimal | None
    memo_lines: tuple[AccountingMemo, ...] = ()
    refund_id: int | None = None
    return_reference: str | None = None
    adjusts_number: int | None = None
    customer_id: int | None = None
    external_order_id: str | None = None
    store_default_currency_code: str | None = None
    exchange_rate: Decimal | None = None
    payment_reference: str | None = None
    number: int | None = None
    message: str | None = None
    released_version: str | None = None

    @property
    def is_posted(self) -> bool:
        """Whether the host has it, so that it does not change any more."""
        return self.status == "posted"
