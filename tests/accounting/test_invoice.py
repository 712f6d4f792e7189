"""The invoice of an order: its parts, and why it is held."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from bigcommerce_integration.accounting.facts import Taxed

from .making import (
    AWAITING_FULFILLMENT,
    CANCELLED,
    COMPLETED,
    NOTHING,
    PARTIALLY_REFUNDED,
    REFUNDED,
    SHIPPED,
    line,
    made,
    money,
    of,
    order,
    said,
    taxed,
)

DISPUTED = 13


def invoice_of(*lines, **changed):
    [invoice] = of(made(order(*lines, **changed)), "sales_order_invoice")
    return invoice


@pytest.mark.parametrize("status", [SHIPPED, COMPLETED])
def test_a_shipped_or_completed_order_is_invoiced(status):
    assert invoice_of(line(), status_id=status, date_shipped=None).status == "pending"


@pytest.mark.parametrize("status", [REFUNDED, DISPUTED, PARTIALLY_REFUNDED])
def test_a_refunded_order_is_invoiced_if_shipped(status):
    assert invoice_of(line(), status_id=status).status == "pending"
    assert money(made(order(line(), status_id=status, date_shipped=None))) == []


@pytest.mark.parametrize("status", [0, 1, 3, CANCELLED, 6, 7, 8, 9, AWAITING_FULFILLMENT, 12, None])
def test_no_other_status_is_invoiced(status):
    is_sale = status not in (0, CANCELLED, 6, None)
    assert money(made(order(line(), status_id=status, is_sale=is_sale))) == []


def test_it_is_dated_when_it_was_shipped_in_the_stores_zone():
    late = datetime(2026, 3, 2, 23, 30)
    [invoice, *_] = made(order(line(), date_shipped=late), zone=ZoneInfo("Europe/Berlin"))
    assert invoice.date == date(2026, 3, 3)
    assert invoice_of(line(), date_shipped=None, date_modified=datetime(2026, 3, 7)).date == date(2026, 3, 7)


def test_each_line_is_a_sale_with_its_tax_beside_it():
    invoice = invoice_of(line(1, 100, 20), line(2, 50, 3.5), shipping=taxed(10, 2), handling=taxed(1, "0.2"))
    assert said(invoice) == [
        ("receivable", "debit", "186.70"),
        ("sales", "credit", "100.00"),
        ("sales", "credit", "50.00"),
        ("shipping_revenue", "credit", "11.00"),
        ("tax", "credit", "25.70"),
    ]
    assert [each.tax_amount for each in invoice.lines] == [None, Decimal(20), Decimal("3.5"), Decimal("2.2"), None]
    assert [(each.order_line_id, each.quantity, each.host_product_id) for each in invoice.lines[1:3]] == [
        (1, 2, 901),
        (2, 2, 902),
    ]


def test_prices_with_tax_give_shipping_less_its_tax():
    # The amounts without tax are estimates there.
    shipping = Taxed(Decimal("9.99"), Decimal("12.00"), Decimal("2.00"))
    one = line(1, 100, 20)
    total = Taxed(Decimal(110), Decimal(132), Decimal(22))
    invoice = invoice_of(one, shipping=shipping, is_tax_inclusive_pricing=True, total=total)
    assert (said(invoice)[2], invoice.reasons) == (("shipping_revenue", "credit", "10.00"), ())


def test_wrapping_and_fees_are_sales_without_a_line():
    invoice = invoice_of(line(), wrapping=taxed(5, 1), fees=taxed(3))
    sales = [(each.detail, str(each.amount), each.tax_amount) for each in invoice.lines if each.role == "sales"]
    assert sales == [(None, "100.00", Decimal("0.00")), ("wrapping", "5.00", Decimal("1.00")), ("fees", "3.00", 0)]
    assert (invoice.status, invoice.total) == ("pending", Decimal(109))


def test_fees_outside_the_total_are_no_sales():
    invoice = invoice_of(line(), fees=taxed(3), total=taxed(100))
    assert said(invoice) == [("receivable", "debit", "100.00"), ("sales", "credit", "100.00")]
    assert invoice.status == "pending"


def test_a_discount_of_no_line_comes_off_shipping_first():
    invoice = invoice_of(line(1, 30), line(2, 60), shipping=taxed(10), coupon_discount=Decimal(13))
    assert said(invoice)[1:] == [("sales", "credit", "29.00"), ("sales", "credit", "58.00")]
    invoice = invoice_of(line(1, 30), shipping=taxed(10), discount_amount=Decimal(4))
    assert said(invoice)[1:] == [("sales", "credit", "30.00"), ("shipping_revenue", "credit", "6.00")]


def test_a_discount_that_lines_carry_is_not_taken_twice():
    one = line(1, 30, discounted_total_inc_tax=Decimal(25))
    invoice = invoice_of(one, shipping=taxed(10), coupon_discount=Decimal(5))
    assert said(invoice)[1:] == [("sales", "credit", "25.00"), ("shipping_revenue", "credit", "10.00")]


def test_a_discount_on_lines_and_shipping_is_told_apart():
    # 20 % on prices without tax: 10 off the line, and the tax of what is left; 5 off shipping.
    one = line(1, total=Taxed(Decimal(100), Decimal(120), Decimal(18)), discounted_total_inc_tax=Decimal(108))
    total = Taxed(Decimal(95), Decimal(115), Decimal(20))
    subtotal = Taxed(Decimal(100), Decimal(120), Decimal(18))
    shipping = Taxed(Decimal(10), Decimal(12), Decimal(2))
    invoice = invoice_of(
        one, shipping=shipping, subtotal=subtotal, total=total, discount_amount=Decimal(10), coupon_discount=Decimal(5)
    )
    assert said(invoice)[1:3] == [("sales", "credit", "90.00"), ("shipping_revenue", "credit", "5.00")]
    assert invoice.reasons == ()


def test_what_rounding_leaves_is_a_line_of_its_own():
    lines = [line(at, "0.335") for at in (1, 2, 3)]
    invoice = invoice_of(*lines, total=taxed("1.00"))
    assert said(invoice)[1:] == [("sales", "credit", "0.34")] * 3 + [("rounding", "debit", "0.02")]
    assert invoice.status == "pending"


def test_lines_that_do_not_make_the_net_are_held():
    invoice = invoice_of(line(1, 90), subtotal=taxed(100), total=taxed(100))
    assert (invoice.status, invoice.reasons) == ("held", ("lines_mismatch",))
    assert "90.00" in invoice.message
    assert "100.00" in invoice.message
    assert said(invoice)[-1] == ("rounding", "credit", "10.00")


def test_the_tolerance_is_a_unit_a_line_and_three():
    assert invoice_of(line(), total=taxed("100.04")).reasons == ()
    assert invoice_of(line(), total=taxed("100.05")).reasons == ("total_mismatch", "lines_mismatch")
    assert invoice_of(line(1, 1000), currency_code="JPY", total=taxed("1004")).reasons == ()
    assert invoice_of(line(1, 100), currency_code="KWD", total=taxed("100.005")).reasons != ()


def test_a_total_that_fits_without_tax_alone_goes_through():
    # The parts with tax are off, but those without, and the total's own three, fit.
    subtotal = Taxed(Decimal(100), Decimal(121), Decimal(20))
    assert invoice_of(line(1, 100, 20), subtotal=subtotal).reasons == ()


@pytest.mark.parametrize("part", ["subtotal", "shipping", "handling", "wrapping", "fees"])
@pytest.mark.parametrize("side", ["ex_tax", "inc_tax"])
def test_every_part_counts_with_tax_and_without(part, side):
    # Each part is 7 with a tax of 1; the other side is off, so that this one alone can fit.
    parts = dict.fromkeys(("shipping", "handling", "wrapping", "fees"), taxed(6, 1))
    right = order(line(1, 6, 1), **parts)
    off = {"ex_tax": {"inc_tax": Decimal(90)}, "inc_tax": {"ex_tax": Decimal(90)}}[side]
    fits = replace(right, subtotal=replace(right.subtotal, **off))
    assert "total_mismatch" not in made(fits)[0].reasons
    wrong = replace(getattr(fits, part), **{side: Decimal(60)})
    assert "total_mismatch" in made(replace(fits, **{part: wrong}))[0].reasons
    taxed_otherwise = replace(getattr(fits, part), tax=Decimal(5))
    assert "tax_mismatch" in made(replace(fits, **{part: taxed_otherwise}))[0].reasons


def test_a_total_that_does_not_add_up_is_held():
    invoice = invoice_of(line(1, 100, 20), subtotal=taxed(90, 20))
    assert (invoice.status, invoice.reasons) == ("held", ("total_mismatch",))
    assert "110" in invoice.message
    assert "120" in invoice.message


def test_a_tax_that_the_parts_do_not_have_is_held():
    assert invoice_of(line(1, 100, 20), total=Taxed(Decimal(120), Decimal(120), NOTHING.tax)).reasons == (
        "tax_mismatch",
        "lines_mismatch",
    )


def test_a_total_finer_than_its_currency_is_held():
    assert invoice_of(line(1, "10.5"), currency_code="JPY").reasons == ("minor_unit",)
    assert invoice_of(line(1, "10.005")).reasons == ("minor_unit",)
    assert invoice_of(line(1, "10.005"), currency_code="KWD").reasons == ()


@pytest.mark.parametrize("code", [None, "", "XXX", "QQQ"])
def test_an_order_without_a_usable_currency_is_held(code):
    invoice = invoice_of(line(), currency_code=code)
    assert (invoice.status, invoice.reasons, invoice.currency_code) == ("held", ("unknown_currency",), code or "")


def test_the_host_may_hold_an_order():
    invoice = invoice_of(line(), host_hold="It pays an invoice of the B2B add-on.")
    assert (invoice.status, invoice.reasons) == ("held", ("host",))
    assert invoice.message == "It pays an invoice of the B2B add-on."


def test_a_sold_gift_certificate_is_owed_and_no_sale():
    invoice = invoice_of(line(1, 40, type="giftcertificate", host_product_id=None), line(2, 10, 1))
    assert said(invoice)[1:3] == [("gift_certificates", "credit", "40.00"), ("sales", "credit", "10.00")]
    assert invoice.lines[1].tax_amount is None


def test_store_credit_and_certificates_pay_a_part():
    paid = {"store_credit_amount": Decimal(30), "gift_certificate_amount": Decimal(20)}
    assert said(invoice_of(line(), **paid)) == [
        ("receivable", "debit", "50.00"),
        ("store_credit", "debit", "30.00"),
        ("gift_certificates", "debit", "20.00"),
        ("sales", "credit", "100.00"),
    ]


def test_a_total_that_does_not_add_up_is_all_receivable():
    invoice = invoice_of(line(), total=taxed(70), store_credit_amount=Decimal(30))
    assert said(invoice)[0] == ("receivable", "debit", "70.00")
    assert invoice.status == "held"


def test_a_negative_line_changes_sides():
    invoice = invoice_of(line(1, 100, 20), line(2, -10, -2))
    assert said(invoice)[2] == ("sales", "debit", "10.00")
    assert (invoice.lines[2].tax_amount, invoice.total) == (Decimal("2.00"), Decimal(108))


def test_an_order_of_nothing_has_no_invoice():
    free = line(1, 100, discounted_total_inc_tax=Decimal())
    assert money(made(order(free, discount_amount=Decimal(100)))) == []


def test_an_order_without_lines_is_one_sale():
    whole = {"subtotal": taxed(100, 20), "total": taxed(95, 21), "discount_amount": Decimal(10)}
    invoice = invoice_of(shipping=taxed(5, 1), **whole)
    assert said(invoice)[1:3] == [("sales", "credit", "90.00"), ("shipping_revenue", "credit", "5.00")]
    assert invoice.lines[1].tax_amount == Decimal(20)


def test_it_carries_what_the_host_needs_of_the_order():
    changed = {"payment_provider_id": "P-7", "external_order_id": "E-1", "exchange_rate": Decimal("1.25")}
    invoice = invoice_of(line(), currency_code="EUR", **changed)
    assert (invoice.payment_reference, invoice.external_order_id, invoice.exchange_rate) == (
        "P-7",
        "E-1",
        Decimal("1.25"),
    )
    assert (invoice.order_id, invoice.customer_id, invoice.store_default_currency_code) == (218, 11, "USD")


def test_no_decimals_are_lost_in_yen():
    [invoice, *_] = made(replace(order(line(1, 1000, 100)), currency_code="JPY"))
    assert said(invoice) == [
        ("receivable", "debit", "1100"),
        ("sales", "credit", "1000"),
        ("tax", "credit", "100"),
    ]
