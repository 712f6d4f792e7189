"""What becomes of documents when their order changes."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from msgspec.structs import replace

from bigcommerce_integration.accounting.version import version

from .making import (
    AWAITING_FULFILLMENT,
    CANCELLED,
    SHIPPED_ON,
    TODAY,
    item,
    line,
    made,
    money,
    order,
    payment,
    refund,
    said,
    stored,
    taxed,
)
from .test_fulfillment import costs

SHOP = order(line(1, 100, 20), line(2, 50, 10), shipping=taxed(10, 2))
HELD = order(line(1, 90), subtotal=taxed(100), total=taxed(100))


def invoiced(shop=SHOP, **given):
    return stored(money(made(shop, **given)))


def test_what_is_not_posted_is_made_anew_under_its_number():
    booked = invoiced()
    waiting = [replace(booked[0], status="pending")]
    [invoice] = money(made(order(line(1, 80, 16)), booked=waiting, today=date(2026, 4, 1)))
    assert (invoice.number, invoice.date, invoice.total, invoice.adjusts_number) == (1, SHIPPED_ON, Decimal(96), None)


def test_an_unchanged_order_changes_nothing():
    assert money(made(SHOP, booked=invoiced())) == []
    unposted = stored(made(SHOP), posted=False)
    assert made(SHOP, booked=unposted) == unposted


def test_an_edited_order_is_adjusted_by_the_differences():
    edited = order(line(1, 120, 24), line(2, 50, 10), line(3, 5, 1), shipping=taxed(10, 2))
    [adjusting] = money(made(edited, booked=invoiced()))
    assert said(adjusting) == [
        ("receivable", "debit", "30.00"),
        ("sales", "credit", "20.00"),
        ("sales", "credit", "5.00"),
        ("tax", "credit", "5.00"),
    ]
    assert [(each.order_line_id, each.tax_amount, each.quantity) for each in adjusting.lines[1:3]] == [
        (1, Decimal("4.00"), None),
        (3, Decimal("1.00"), 2),
    ]
    assert (adjusting.adjusts_number, adjusting.date, adjusting.total) == (1, TODAY, Decimal("30.00"))
    assert (adjusting.status, adjusting.number) == ("pending", None)


def test_a_lower_order_is_adjusted_on_the_other_side():
    edited = order(line(1, 100, 20), shipping=taxed(10, 2))
    [adjusting] = money(made(edited, booked=invoiced()))
    assert said(adjusting) == [
        ("receivable", "credit", "60.00"),
        ("tax", "debit", "10.00"),
        ("sales", "debit", "50.00"),
    ]
    assert (adjusting.lines[2].tax_amount, adjusting.lines[2].quantity) == (Decimal("10.00"), 2)
    assert (adjusting.total, adjusting.status) == (Decimal("-60.00"), "pending")


def test_another_payment_method_moves_what_is_owed():
    [adjusting] = money(made(replace(SHOP, payment_method="PayPal"), booked=invoiced()))
    assert [(each.side, each.detail, str(each.amount)) for each in adjusting.lines] == [
        ("debit", "PayPal", "192.00"),
        ("credit", "Cash", "192.00"),
    ]
    assert adjusting.total == 0


def test_a_third_edit_adjusts_the_first_document():
    booked = invoiced()
    booked += stored(money(made(order(line(1, 120, 24)), booked=booked)), 2)
    [adjusting] = money(made(SHOP, booked=booked))
    assert (adjusting.adjusts_number, adjusting.total) == (1, Decimal("48.00"))


def test_an_adjustment_that_is_not_posted_is_withdrawn():
    booked = invoiced()
    booked += stored(money(made(order(line(1, 120, 24)), booked=booked)), 2, posted=False)
    assert money(made(SHOP, booked=booked)) == []


def test_an_adjustment_is_not_dated_before_what_it_adjusts():
    [adjusting] = money(made(order(line(1, 120, 24)), booked=invoiced(), today=date(2026, 2, 1)))
    assert adjusting.date == SHIPPED_ON


def test_an_adjustment_keeps_its_day():
    booked = invoiced()
    booked += stored(money(made(order(line(1, 120, 24)), booked=booked)), 2, posted=False)
    [adjusting] = money(made(order(line(1, 130, 26)), booked=booked, today=date(2026, 4, 1)))
    assert (adjusting.number, adjusting.date) == (2, TODAY)


def test_a_disabled_adjustment_takes_no_edit_of_after_the_switch():
    booked = invoiced()
    off = {"syncs_invoices": False, "today": date(2026, 3, 10)}
    booked += stored(money(made(order(line(1, 120, 24)), booked=booked, **off)), 2)
    later = {"invoices_from": date(2026, 3, 12), "today": date(2026, 3, 15)}
    old, new = money(made(order(line(1, 130, 26)), booked=booked, **later))
    assert (old.number, old.status, old.total) == (2, "disabled", Decimal(-48))
    assert (new.number, new.status, new.total, new.adjusts_number) == (None, "pending", Decimal(12), 1)


def test_a_lower_total_of_a_refunded_order_is_held():
    edited = order(line(1, 100, 20), shipping=taxed(10, 2))
    [adjusting] = [each for each in money(made(edited, (refund(60, 10),), invoiced())) if each.adjusts_number]
    assert (adjusting.status, adjusting.reasons) == ("held", ("edited_and_refunded",))
    declined = refund(60, 10, payments=(payment(60, declined=True),))
    [adjusting] = money(made(edited, (declined,), invoiced()))
    assert adjusting.status == "pending"


def test_a_higher_total_of_a_refunded_order_is_not_held():
    edited = order(line(1, 300, 60), shipping=taxed(10, 2))
    found = money(made(edited, (refund(60, 10),), invoiced()))
    assert [each.status for each in found] == ["pending", "pending"]


def test_a_changed_split_of_a_refund_adjusts_its_credit():
    given = refund(12, 2, item("SHIPPING", amount=10))
    booked = stored(money(made(SHOP, (given,))))
    with_tax = replace(SHOP, is_tax_inclusive_pricing=True)
    [adjusting] = [each for each in money(made(with_tax, (given,), booked)) if each.kind == "sales_credit"]
    assert said(adjusting) == [
        ("shipping_refund", "credit", "1.67"),
        ("sales_returns_allowances", "debit", "1.67"),
    ]
    assert (adjusting.total, adjusting.adjusts_number) == (0, booked[1].number)


@pytest.mark.parametrize("gone", [{"is_gone": True, "is_sale": False}, {"status_id": None, "is_sale": False}])
def test_an_archived_order_changes_nothing(gone):
    assert made(replace(order(line(1, 1, 1)), **gone), booked=invoiced()) == []
    unposted = stored(made(SHOP), posted=False)
    assert made(replace(SHOP, **gone), booked=unposted) == unposted


def test_an_archived_order_without_an_invoice_has_none():
    assert made(replace(SHOP, is_gone=True, is_sale=False)) == []


def test_a_refund_of_an_archived_order_is_credited():
    booked = invoiced()
    [credit] = made(replace(SHOP, is_gone=True, is_sale=False), (refund(60, 10),), booked)
    assert (credit.kind, credit.status) == ("sales_credit", "pending")


@pytest.mark.parametrize("status", [0, CANCELLED, 6])
def test_the_reversal_of_a_cancelled_order_is_held(status):
    booked = invoiced()
    [reversal] = made(replace(SHOP, status_id=status, is_sale=False), booked=booked)
    assert (reversal.status, reversal.reasons) == ("held", ("cancelled_without_refund",))
    assert (reversal.total, reversal.adjusts_number) == (Decimal(-192), 1)
    booked += stored([replace(reversal, status="posted")], 2)
    assert made(replace(SHOP, status_id=status, is_sale=False), booked=booked) == []
    [again] = money(made(SHOP, booked=booked))
    assert (again.total, again.status, again.adjusts_number) == (Decimal(192), "pending", 1)


def test_a_cancelled_order_with_a_refund_stays():
    booked = invoiced()
    found = made(replace(SHOP, status_id=CANCELLED, is_sale=False), (refund(192, 32),), booked)
    assert [(each.kind, each.status) for each in found] == [("sales_credit", "pending")]


def test_a_refund_withdraws_the_reversal_that_is_held():
    cancelled = replace(SHOP, status_id=CANCELLED, is_sale=False)
    booked = stored(made(SHOP, costs=costs()))
    booked += stored(made(cancelled, booked=booked), 9)
    assert [each.status for each in booked[2:]] == ["held", "held"]
    assert [each.kind for each in made(cancelled, (refund(192, 32),), booked)] == ["sales_credit"]
    gone = replace(cancelled, is_gone=True)
    assert [each.status for each in made(gone, booked=booked)] == ["held", "held"]
    released = [*booked[:2], *(replace(each, released_version=version(each)) for each in booked[2:])]
    assert [each.status for each in made(gone, booked=released)] == ["pending", "pending"]


def test_a_cancelled_order_whose_invoice_is_not_posted_has_none():
    unposted = stored(made(SHOP), posted=False)
    assert made(replace(SHOP, status_id=CANCELLED, is_sale=False), booked=unposted) == []


def test_the_invoice_stays_when_the_status_goes_back():
    back = replace(SHOP, status_id=AWAITING_FULFILLMENT, date_shipped=None)
    assert money(made(back, booked=invoiced())) == []
    unposted = stored(money(made(SHOP)), posted=False)
    assert money(made(back, booked=unposted)) == unposted


def test_another_currency_reverses_the_old_one():
    old, new = made(replace(SHOP, currency_code="EUR"), booked=invoiced())[:2][::-1]
    assert (old.currency_code, old.total) == ("USD", Decimal(-192))
    assert (new.currency_code, new.total) == ("EUR", Decimal(192))


def test_a_release_holds_for_the_version_that_was_seen():
    [held] = stored(money(made(HELD)))
    released = replace(held, released_version=version(held))
    [invoice] = money(made(HELD, booked=[released]))
    assert (invoice.status, invoice.reasons) == ("pending", ("lines_mismatch",))
    assert invoice.message == held.message
    worse = order(line(1, 80), subtotal=taxed(100), total=taxed(100))
    [invoice] = money(made(worse, booked=[released]))
    assert (invoice.status, invoice.released_version) == ("held", released.released_version)
    [invoice] = money(made(HELD, booked=[replace(invoice)]))
    assert invoice.status == "pending"


def test_a_release_releases_no_flag_and_no_wait():
    [held] = stored(money(made(HELD)))
    [invoice] = money(made(HELD, booked=[replace(held, released_version=version(held))], syncs_invoices=False))
    assert (invoice.status, invoice.reasons) == ("disabled", ("lines_mismatch", "flag_off"))


def test_a_failed_document_fails_until_it_changes():
    failed = [replace(each, status="failed", message="Closed period.") for each in stored(money(made(SHOP)))]
    assert money(made(SHOP, booked=failed)) == failed
    [invoice] = money(made(order(line(1, 80, 16)), booked=failed))
    assert (invoice.status, invoice.message) == ("pending", None)


def test_what_the_host_said_last_is_kept_while_it_is_tried():
    tried = [replace(each, message="Try again.") for each in stored(money(made(SHOP)), posted=False)]
    assert money(made(SHOP, booked=tried)) == tried


def test_nominal_codes_make_no_adjustment():
    [invoice] = invoiced()
    coded = replace(invoice, lines=tuple(replace(each, nominal_code_id=4) for each in invoice.lines))
    assert money(made(SHOP, booked=[coded])) == []


def test_a_version_tells_what_is_booked():
    [invoice] = invoiced()
    finer = Decimal("1.00")
    lines = [replace(each, nominal_code_id=3, derivation="", amount=each.amount * finer) for each in invoice.lines]
    same = replace(invoice, number=7, status="held", message="So.", total=None, lines=tuple(lines))
    assert version(same) == version(invoice)
    assert len(version(invoice)) == 64
    first, *others = invoice.lines
    for other in (
        replace(invoice, date=date(2026, 3, 3)),
        replace(invoice, reasons=("host",)),
        replace(invoice, currency_code="EUR"),
        replace(invoice, lines=(replace(first, amount=Decimal("1.00")), *others)),
        replace(invoice, lines=(replace(first, detail="PayPal"), *others)),
    ):
        assert version(other) != version(invoice)
