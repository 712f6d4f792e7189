"""The credit of a refund."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from msgspec.structs import replace

from bigcommerce_integration.accounting.facts import RefundItem

from .making import (
    AWAITING_FULFILLMENT,
    item,
    line,
    made,
    of,
    order,
    payment,
    refund,
    said,
    stored,
    taxed,
)

SHOP = order(line(1, 100, 20), shipping=taxed(10, 2))


def credit_of(*refunds, shop=SHOP, **changed):
    [*_, credit] = of(made(shop, refunds, **changed), "sales_credit")
    return credit


def test_a_refund_is_a_credit_of_its_day():
    credit = credit_of(refund(60, 10))
    assert said(credit) == [
        ("sales_returns_allowances", "debit", "50.00"),
        ("tax", "debit", "10.00"),
        ("receivable", "credit", "60.00"),
    ]
    assert (credit.date, credit.refund_id, credit.total, credit.status) == (date(2026, 3, 5), 1, Decimal(60), "pending")


def test_each_provider_has_a_line():
    payments = (payment(20, "card"), payment(30, "storecredit"), payment(10, "card"))
    credit = credit_of(refund(60, 10, payments=payments))
    assert [(each.detail, str(each.amount)) for each in credit.lines[2:]] == [
        ("card", "30.00"),
        ("storecredit", "30.00"),
    ]


def test_shipping_and_handling_are_taken_as_requested():
    items = item("SHIPPING", amount=8), item("HANDLING", amount=2), item("PRODUCT")
    assert said(credit_of(refund(60, 10, *items)))[:2] == [
        ("shipping_refund", "debit", "10.00"),
        ("sales_returns_allowances", "debit", "40.00"),
    ]


def test_prices_with_tax_give_shipping_less_its_tax():
    shop = replace(SHOP, is_tax_inclusive_pricing=True)
    assert said(credit_of(refund(60, 10, item("SHIPPING", amount=12)), shop=shop))[0] == (
        "shipping_refund",
        "debit",
        "10.00",
    )


def test_shipping_is_never_above_the_net():
    assert said(credit_of(refund(12, 4, item("SHIPPING", amount=12))))[:2] == [
        ("shipping_refund", "debit", "8.00"),
        ("tax", "debit", "4.00"),
    ]


def test_shipping_of_an_unknown_amount_makes_all_returns():
    items = item("SHIPPING", amount=None), item("HANDLING", amount=2)
    assert said(credit_of(refund(60, 10, *items)))[0] == ("sales_returns_allowances", "debit", "50.00")


def test_an_adjustment_of_tax_is_all_tax():
    credit = credit_of(replace(refund(3, 3), items=()))
    assert said(credit) == [("tax", "debit", "3.00"), ("receivable", "credit", "3.00")]
    assert credit.status == "pending"


def test_no_items_and_more_than_tax_is_held():
    credit = credit_of(replace(refund(5, 3), items=()))
    assert (credit.status, credit.reasons) == ("held", ("tax_adjustment_unclear",))


def test_tax_below_zero_changes_sides():
    assert said(credit_of(refund(60, -2)))[:2] == [
        ("sales_returns_allowances", "debit", "62.00"),
        ("tax", "credit", "2.00"),
    ]


def test_payments_that_do_not_make_the_refund_are_held():
    for payments in ((), (payment(50),), (payment(30), payment(30, "gift", declined=True))):
        credit = credit_of(refund(60, 10, payments=payments))
        assert (credit.status, credit.reasons) == ("held", ("payments_mismatch",))
        assert [(each.detail, each.amount) for each in credit.lines if each.role == "receivable"] == [
            (None, Decimal(60))
        ]


def test_refunds_above_the_invoice_are_held():
    first, second = refund(100, 0), refund(50, 0, id=2)
    credits = of(made(SHOP, (second, first)), "sales_credit")
    assert [(each.refund_id, each.status, each.reasons) for each in credits] == [
        (1, "pending", ()),
        (2, "held", ("credits_exceed_invoice",)),
    ]
    assert "18.00" in credits[1].message


def test_a_refund_of_nothing_or_declined_is_none():
    declined = refund(60, 10, payments=(payment(60, declined=True),))
    assert of(made(SHOP, (refund(0), declined)), "sales_credit") == []


def test_it_waits_for_the_invoice():
    waiting = credit_of(refund(60, 10), shop=replace(SHOP, status_id=AWAITING_FULFILLMENT))
    assert (waiting.status, waiting.reasons) == ("waiting", ("order_not_invoiced",))
    held = replace(SHOP, host_hold="No.")
    assert credit_of(refund(60, 10), shop=held).status == "waiting"


def test_it_is_not_dated_before_the_invoice():
    early = refund(60, 10, created=datetime(2026, 3, 1, 12))
    unshipped = replace(SHOP, status_id=AWAITING_FULFILLMENT, date_shipped=None)
    waiting = stored(made(unshipped, (early,)))
    assert (waiting[0].status, waiting[0].date) == ("waiting", date(2026, 3, 1))
    credit = credit_of(early, booked=waiting)
    assert (credit.status, credit.date, credit.number) == ("pending", date(2026, 3, 2), waiting[0].number)


def test_a_disabled_invoice_does_not_hold_it():
    assert credit_of(refund(60, 10), syncs_invoices=False).status == "pending"


def test_a_refund_finer_than_its_currency_is_held():
    assert credit_of(refund("10.005", 0)).reasons == ("minor_unit",)


def test_the_host_holds_the_credit_too():
    booked = stored(made(SHOP))
    credit = credit_of(refund(60, 10), shop=replace(SHOP, host_hold="Not this one."), booked=booked)
    assert (credit.status, credit.reasons) == ("held", ("host",))


def test_declined_after_hand_over_it_is_taken_back():
    booked = stored(made(SHOP, (refund(60, 10),)))
    declined = refund(60, 10, payments=(payment(60, declined=True),))
    credit = credit_of(declined, booked=booked)
    assert said(credit) == [
        ("sales_returns_allowances", "credit", "50.00"),
        ("tax", "credit", "10.00"),
        ("receivable", "debit", "60.00"),
    ]
    assert (credit.status, credit.total, credit.date) == ("pending", Decimal(-60), date(2026, 3, 10))
    assert credit.adjusts_number == booked[1].number


def test_partly_declined_after_hand_over_that_part_is_held():
    booked = stored(made(SHOP, (refund(60, 10, payments=(payment(40), payment(20, "paypal"))),)))
    declined = refund(60, 10, payments=(payment(40), payment(20, "paypal", declined=True)))
    credit = credit_of(declined, booked=booked)
    assert (credit.status, credit.reasons, credit.total) == ("held", ("payments_mismatch",), Decimal(-20))
    assert said(credit) == [
        ("sales_returns_allowances", "credit", "16.67"),
        ("tax", "credit", "3.33"),
        ("receivable", "debit", "20.00"),
    ]
    assert credit.lines[-1].detail == "paypal"
    after = stored([replace(credit, number=9, status="pending")], posted=True)
    assert of(made(SHOP, (declined,), [*booked, *after]), "sales_credit") == []


def test_declined_before_hand_over_it_is_withdrawn():
    booked = stored(made(SHOP, (refund(60, 10),)), posted=False)
    declined = refund(60, 10, payments=(payment(60, declined=True),))
    assert of(made(SHOP, (declined,), booked), "sales_credit") == []


def test_one_released_as_one_sum_stays_as_it_is():
    mismatch = refund(60, 10, payments=(payment(30), payment(30, "gift", declined=True)))
    held = stored(made(SHOP, (mismatch,)))
    booked = [replace(each, status="posted") for each in held]
    assert of(made(SHOP, (mismatch,), booked), "sales_credit") == []


def test_one_above_the_invoice_released_as_one_sum_stays():
    above = refund(150, 0)
    [held] = of(made(SHOP, (above,)), "sales_credit")
    assert (held.reasons, held.lines[-1].detail) == (("credits_exceed_invoice",), None)
    booked = [replace(each, status="posted") for each in stored(made(SHOP, (above,)))]
    assert of(made(SHOP, (above,), booked), "sales_credit") == []


def test_items_of_unknown_types_are_returns():
    assert said(credit_of(refund(60, 10, RefundItem("FEE", 7, None, Decimal(5)))))[0] == (
        "sales_returns_allowances",
        "debit",
        "50.00",
    )
