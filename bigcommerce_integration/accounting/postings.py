"""What the host's ``post_accounting`` gets: documents, and batches of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal


@dataclass(frozen=True)
class AccountingMemo:
    """A cost that is estimated by a percentage of the instance: for reports, outside the balance."""

    kind: Literal["marketplace_cost", "payment_cost"]
    percentage: Decimal
    amount: Decimal


@dataclass(frozen=True)
class AccountingLine:
    """One side of a booking: ``amount`` is above 0 (goods: 0 or more), in the document's currency, to its minor unit.

    ``nominal_code_id`` is None where the host maps the role itself. ``tax_amount`` is the tax that belongs to a line of
    sales or shipping. ``detail`` is a payment method, a payment provider, ``wrapping`` or ``fees``. ``is_estimated``:
    the cost is the store's own cost price. ``derivation`` says in words of the API where the amount comes from.
    """

    role: str
    side: Literal["debit", "credit"]
    amount: Decimal
    nominal_code_id: int | None
    tax_amount: Decimal | None = None
    order_line_id: int | None = None
    host_product_id: Any = None
    quantity: int | None = None
    detail: str | None = None
    is_estimated: bool = False
    derivation: str = ""


@dataclass(frozen=True)
class AccountingDocument:
    """One document whose debits equal its credits. ``number`` is unique within the instance.

    ``order_id``, ``refund_id`` and ``customer_id`` are BigCommerce's. ``date`` is a day in the store's time zone.
    ``exchange_rate`` is from the store's default currency to that of the document.
    """

    number: int
    kind: str
    date: date
    currency_code: str
    order_id: int
    lines: tuple[AccountingLine, ...]
    memo_lines: tuple[AccountingMemo, ...] = ()
    refund_id: int | None = None
    return_reference: str | None = None
    adjusts_number: int | None = None
    customer_id: int | None = None
    exchange_rate: Decimal | None = None
    payment_reference: str | None = None


@dataclass(frozen=True)
class AccountingBatch:
    """Goods documents of one kind, period and currency, as one posting; its lines are summed by role and code."""

    number: int
    kind: str
    period_type: str
    batch_period: str
    date: date
    currency_code: str
    lines: tuple[AccountingLine, ...]
    documents: tuple[AccountingDocument, ...]
