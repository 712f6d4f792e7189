"""Refunds, with what was refunded and by which payments (bigcommerce/docs, reference/orders.v3.yml).

They are the only source of what was given back: ``refunded_amount`` of an order and ``refund_amount`` of a line are
always 0 (bigcommerce/docs, reference/orders.v2.oas2.yml). They are only ever added, at the end of the list; but the
payment of one that is there may be declined later, as it is made afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from ..errors import BadRecord, WrongShape
from .base import After, Child, Columns, DateFilter, Field, Identity, Kind, Mode, Notes, Pages, Resource, Sent, Span
from .orders import ORDERS
from .person_data import keep_refund


def _required_order(columns: Columns, notes: Notes) -> None:  # noqa: ARG001
    if columns["bigcommerce_order_id"] is None:
        raise WrongShape("It does not say which order it belongs to.")


def _list(name: str) -> Callable[[Sent], tuple[Sequence[Any], bool]]:
    """What finds the list of this name, which is empty or whole; without one it is not known what was given back."""

    def found(record: Sent) -> tuple[Sequence[Any], bool]:
        value = record.value.get(name) if isinstance(record.value, dict) else None
        if not isinstance(value, list):
            raise BadRecord(f"{name} is not a list")
        return value, True

    return found


def _dates(mode: Mode, span: Span) -> DateFilter:
    """Never made before the start date: the order of such a one was made before it too."""
    if mode == "ids":
        return DateFilter()
    first = max(span.first, span.since, span.changed_since or span.since)
    return DateFilter(created_since=first, created_until=span.end)


REFUND_ITEMS = Child(
    name="refund_items",
    noun="an item",
    shown_as="items",
    owner="bigcommerce_refund_id",
    identity=Identity.POSITION,
    records=_list("items"),
    fields=(
        Field(
            "item_type",
            Kind.CODE,
            "`PRODUCT`, `GIFT_WRAPPING`, `SHIPPING`, `HANDLING`, `ORDER`, `FEE` or `TAX`.",
            vital=True,
            example="PRODUCT",
        ),
        Field(
            "item_id",
            Kind.INTEGER,
            "The order's line of `PRODUCT` and `GIFT_WRAPPING`, its shipping address of `SHIPPING` and `HANDLING`, the "
            "order itself of `ORDER`, the fee or the order of `FEE`.",
            vital=True,
            example=11,
        ),
        Field("quantity", Kind.INTEGER, "How many pieces were refunded; of `PRODUCT` alone.", vital=True, example=1),
        Field(
            "requested_amount",
            Kind.MONEY,
            "The amount that was asked for; null where BigCommerce worked it out.",
            vital=True,
            example="10.0000",
        ),
    ),
    keeps_removed=False,
    is_personal=False,
)

REFUND_PAYMENTS = Child(
    name="refund_payments",
    noun="a payment",
    shown_as="payments",
    owner="bigcommerce_refund_id",
    identity=Identity.POSITION,
    records=_list("payments"),
    fields=(
        Field("payment_id", Kind.INTEGER, "Its number in the store.", source="id", example=13),
        Field("provider_id", Kind.CODE, "By which it was paid back.", vital=True, example="storecredit"),
        Field("amount", Kind.MONEY, "How much was paid back.", vital=True, example="20.0000"),
        Field("offline", Kind.BOOLEAN, "Whether it was paid outside of the store.", vital=True, example=False),
        Field(
            "is_declined",
            Kind.BOOLEAN,
            "Whether the provider declined it, so that nothing was paid back by it.",
            vital=True,
            example=False,
        ),
    ),
    keeps_removed=False,
    is_personal=False,
)

REFUNDS = Resource(
    name="refunds",
    noun="refund",
    description="Refunds of orders; every amount is in the order's `default_currency_code`.",
    scope=ORDERS.scope,
    required=False,
    since="0.3.0",
    path="v3/orders/payment_actions/refunds",
    reader=Pages(grows_at_end=True),
    derive=_required_order,
    fields=(
        Field(
            "bigcommerce_order_id",
            Kind.INTEGER,
            "The order that it belongs to, which need not be stored.",
            source="order_id",
            vital=True,
            required=True,
            indexed=True,
            example=218,
        ),
        Field(
            "date_created",
            Kind.MOMENT,
            "When it was made in the store.",
            source="created",
            vital=True,
            indexed=True,
            example="2026-02-01T12:00:00.000000Z",
        ),
        Field("user_id", Kind.INTEGER, "Who made it, of the store's own users; 0 is nobody."),
        Field("total_amount", Kind.MONEY, "What was given back, with tax.", vital=True, example="20.0000"),
        Field("total_tax", Kind.MONEY, "The tax in it; it may be negative.", vital=True, example="0.0000"),
        Field(
            "uses_merchant_override_values",
            Kind.BOOLEAN,
            "Whether a person set the amount and the tax, instead of BigCommerce.",
            example=False,
        ),
    ),
    created="date_created",
    children=(REFUND_ITEMS, REFUND_PAYMENTS),
    begins=After(ORDERS.name),
    dates=_dates,
    # A payment is made after its refund, and may be declined.
    sweep=timedelta(days=60),
    # Of payments, if they come: with them whoever has them could charge the shopper again.
    never_stored=frozenset({"provider_instrument_token", "provider_customer_id", "payment_instrument_token"}),
    # Texts that staff and payment providers write, which do not say whom they are about.
    keep=keep_refund,
    permission="read_orders",
    payload_permission="read_person_data",
)
