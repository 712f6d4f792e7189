"""The orders and the refund of BigCommerce's own description of its API."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from bigcommerce_integration.accounting.facts import Order, Taxed

from .making import SHIPPED, item, line, made, money, order, payment, refund, said, summed, taxed

ORDERS = Path(__file__).parents[3] / "shared" / "bigcommerce-openapi" / "orders.v2.oas2.yml"
FEW_ROLES = [("receivable", "debit"), ("sales", "credit"), ("shipping_revenue", "credit"), ("tax", "credit")]


@pytest.fixture(scope="module")
def examples() -> dict[int, dict[str, Any]]:
    if not ORDERS.exists():
        pytest.skip(f"{ORDERS.name}, the description of BigCommerce's API, is not on this machine")
    responses = yaml.load(ORDERS.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))["components"][
        "responses"
    ]
    found = [
        *responses["orderCollection_Resp"]["content"]["application/json"]["examples"]["response"]["value"],
        *(each["value"] for each in responses["order_Resp"]["content"]["application/json"]["examples"].values()),
    ]
    return {each["id"]: each for each in found}


def read(example: dict[str, Any]) -> Order:
    """An example as it is stored, but shipped."""

    def of(group: str) -> Taxed:
        return Taxed(*(Decimal(str(example[f"{group}_{each}"])) for each in ("ex_tax", "inc_tax", "tax")))

    fees = [
        Taxed(
            Decimal(str(each.get("cost_ex_tax", each.get("cost_exc_tax")))),
            Decimal(str(each["cost_inc_tax"])),
            Decimal(str(each["cost_tax"])),
        )
        for each in example.get("fees", [])
    ]
    return replace(
        order(),
        id=example["id"],
        status_id=SHIPPED,
        payment_method=example["payment_method"],
        currency_code=example["default_currency_code"],
        store_default_currency_code=example["store_default_currency_code"],
        exchange_rate=Decimal(example["store_default_to_transactional_exchange_rate"]),
        is_tax_inclusive_pricing=example["is_tax_inclusive_pricing"],
        total=of("total"),
        subtotal=of("subtotal"),
        shipping=of("shipping_cost"),
        handling=of("handling_cost"),
        wrapping=of("wrapping_cost"),
        fees=summed(fees),
        discount_amount=Decimal(example["discount_amount"]),
        coupon_discount=Decimal(example["coupon_discount"]),
        date_shipped=datetime(2026, 3, 2, 12),
    )


def test_order_218_goes_through_without_its_fees(examples):
    [invoice] = made(read(examples[218]))
    assert (invoice.status, invoice.reasons, invoice.date) == ("pending", (), date(2026, 3, 2))
    assert said(invoice) == [
        ("receivable", "debit", "69.84"),
        ("sales", "credit", "53.44"),
        ("shipping_revenue", "credit", "11.09"),
        ("tax", "credit", "5.31"),
    ]
    assert [each.tax_amount for each in invoice.lines] == [None, Decimal("4.40"), Decimal("0.91"), None]
    assert (invoice.lines[0].detail, invoice.total) == ("Cash", Decimal("69.84"))


def test_order_218_with_its_line_goes_through(examples):
    # Its four pieces as the API would give them, with both discounts on the line.
    one = line(
        11,
        quantity=4,
        total=Taxed(Decimal("62.6793"), Decimal("67.8400"), Decimal("4.4000")),
        discounted_total_inc_tax=Decimal("57.8400"),
    )
    invoice, _ = made(replace(read(examples[218]), lines=(one,)))
    assert invoice.status == "pending"
    assert said(invoice)[1:] == [
        ("sales", "credit", "53.44"),
        ("shipping_revenue", "credit", "11.09"),
        ("tax", "credit", "5.31"),
    ]
    [sales] = [each for each in invoice.lines if each.role == "sales"]
    assert (sales.order_line_id, sales.quantity, sales.tax_amount) == (11, 4, Decimal("4.40"))
    assert (sales.host_product_id, sales.derivation) == (911, "discounted_total_inc_tax - total_tax")


def test_order_247_goes_through(examples):
    [invoice] = made(read(examples[247]))
    assert invoice.status == "pending"
    assert said(invoice) == [
        ("receivable", "debit", "1008.74"),
        ("sales", "credit", "924.47"),
        ("shipping_revenue", "credit", "7.39"),
        ("tax", "credit", "76.88"),
    ]


def test_order_100_is_held(examples):
    [invoice] = made(read(examples[100]))
    assert (invoice.status, invoice.reasons) == ("held", ("tax_mismatch",))
    assert "25.6300" in invoice.message
    assert "0.0000" in invoice.message


def test_refund_of_a_product_and_shipping():
    # As "Multiple Items" of orders.v3.yml: the amount of a PRODUCT is not asked for, that of SHIPPING is 10.
    shop = order(line(ex_tax=100), shipping=taxed(15))
    given = refund(
        20, 0, item("PRODUCT", 75, 1), item("SHIPPING", 79, None, "10"), payments=(payment(20, "storecredit"),)
    )
    _, credit = money(made(shop, [given]))
    assert said(credit) == [
        ("shipping_refund", "debit", "10.00"),
        ("sales_returns_allowances", "debit", "10.00"),
        ("receivable", "credit", "20.00"),
    ]
    assert credit.lines[-1].detail == "storecredit"
