"""The cost of goods that left."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from bigcommerce_integration.accounting.documents import prepared
from bigcommerce_integration.accounting.facts import GoodsReturn

from .making import (
    AWAITING_FULFILLMENT,
    CANCELLED,
    COMPLETED,
    PARTIALLY_REFUNDED,
    SETTINGS,
    SHIPPED_ON,
    TODAY,
    goods,
    item,
    line,
    made,
    order,
    refund,
    said,
    stored,
)

PARTLY_SHIPPED = 3
DAYS = [SHIPPED_ON - timedelta(2) + timedelta(each) for each in range(40)]


def costs(amount="2.50", code="USD", products=(901, 902, 903)):
    return {(day, product): (Decimal(amount), code) for day in DAYS for product in products}


def goods_of(shop, **given):
    return goods(made(shop, **{"costs": costs(), **given}))


def pieces(document):
    return {each.order_line_id: each.quantity for each in document.lines if each.role == "inventory"}


def test_a_shipped_order_books_the_cost_of_each_line():
    [fulfillment] = goods_of(order(line(1), line(2, quantity=3)))
    assert said(fulfillment) == [
        ("cogs", "debit", "5.00"),
        ("inventory", "credit", "5.00"),
        ("cogs", "debit", "7.50"),
        ("inventory", "credit", "7.50"),
    ]
    assert (fulfillment.kind, fulfillment.date, fulfillment.total) == (
        "sales_order_fulfillment",
        SHIPPED_ON,
        Decimal("12.50"),
    )
    [first, *_] = fulfillment.lines
    assert (first.order_line_id, first.quantity, first.host_product_id, first.cost_source) == (1, 2, 901, "host")
    assert (fulfillment.status, first.tax_amount) == ("pending", None)


def test_before_all_is_shipped_quantity_shipped_counts():
    shop = order(line(1, quantity_shipped=1), line(2), status_id=PARTLY_SHIPPED, date_shipped=None)
    [fulfillment] = goods_of(shop)
    assert (pieces(fulfillment), fulfillment.date) == ({1: 1}, TODAY)


def test_what_was_refunded_before_it_was_shipped_never_left():
    early = refund(50, 0, item(quantity=1), created=datetime(2026, 3, 1))
    late = refund(50, 0, item(quantity=1), created=datetime(2026, 3, 5), id=2)
    [fulfillment] = goods_of(order(line(1, quantity=5)), refunds=(early, late))
    assert pieces(fulfillment) == {1: 4}
    [fulfillment] = goods_of(order(line(1, quantity=5, quantity_shipped=5)), refunds=(early,))
    assert pieces(fulfillment) == {1: 5}


def test_digital_lines_count_and_gift_certificates_do_not():
    shop = order(line(1, type="digital"), line(2, type="giftcertificate"))
    [fulfillment] = goods_of(shop)
    assert pieces(fulfillment) == {1: 2}


def test_later_goods_are_dated_when_they_are_read():
    part = order(line(1, quantity_shipped=1), status_id=PARTLY_SHIPPED, date_shipped=None)
    booked = stored(goods_of(part, today=date(2026, 3, 1)))
    [later] = goods_of(order(line(1)), booked=booked)
    assert (pieces(later), later.date, later.adjusts_number, later.number) == ({1: 1}, TODAY, None, None)


def test_a_completed_order_without_a_date_is_dated_when_read():
    [fulfillment] = goods_of(order(line(), status_id=COMPLETED, date_shipped=None))
    assert fulfillment.date == TODAY


def test_held_money_does_not_hold_goods():
    [fulfillment] = goods_of(order(line(), host_hold="No."))
    assert fulfillment.status == "pending"


def test_it_is_in_the_currency_of_the_cost():
    shop = order(line(1), line(2), exchange_rate=Decimal("1.1"))
    [dollars, yen] = goods_of(shop, costs={**costs(products=(901,)), **costs("300.4", "JPY", (902,))})
    assert (dollars.currency_code, dollars.exchange_rate) == ("USD", Decimal("1.1"))
    assert (yen.currency_code, yen.exchange_rate, yen.total) == ("JPY", None, Decimal(601))


def test_a_cost_of_no_currency_is_held():
    [fulfillment] = goods_of(order(line()), costs=costs(code="XXX"))
    assert (fulfillment.status, fulfillment.reasons) == ("held", ("unknown_currency",))


def test_a_cost_of_zero_has_its_lines():
    [fulfillment] = goods_of(order(line()), costs=costs("0"))
    assert said(fulfillment) == [("cogs", "debit", "0.00"), ("inventory", "credit", "0.00")]


def test_the_orders_own_cost_price_is_an_estimate():
    [fulfillment] = goods_of(order(line(cost_price_ex_tax=Decimal("1.255"))), costs={})
    assert (fulfillment.total, fulfillment.lines[0].cost_source) == (Decimal("2.51"), "estimate")


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"currency_code": "EUR"}, "waiting"),
        ({"store_default_currency_code": ""}, "pending"),
        ({"store_default_currency_code": "", "exchange_rate": Decimal("1.2")}, "waiting"),
    ],
)
def test_an_estimate_needs_the_stores_currency(changed, status):
    [fulfillment] = goods_of(order(line(cost_price_ex_tax=Decimal(1)), **changed), costs={})
    assert fulfillment.status == status


@pytest.mark.parametrize("cost", [None, Decimal(0)])
def test_without_a_cost_it_waits(cost):
    [fulfillment] = goods_of(order(line(cost_price_ex_tax=cost)), costs={})
    assert (fulfillment.status, fulfillment.reasons, fulfillment.total) == ("waiting", ("cost_missing",), None)
    assert said(fulfillment) == [("cogs", "debit", None), ("inventory", "credit", None)]
    assert (fulfillment.lines[0].cost_source, fulfillment.currency_code) == ("missing", "USD")


def test_lines_without_a_cost_wait_apart():
    [known, missing] = goods_of(order(line(1), line(2)), costs=costs(products=(901,)))
    assert (pieces(known), known.status) == ({1: 2}, "pending")
    assert (pieces(missing), missing.status) == ({2: 2}, "waiting")


def test_a_cost_that_becomes_known_is_of_the_same_date():
    shop = order(line(1), line(2))
    booked = stored(goods_of(shop, costs={}))
    assert prepared(shop, (), (), SETTINGS, booked).costs_wanted() == {(SHIPPED_ON, 901), (SHIPPED_ON, 902)}
    [known, missing] = goods_of(shop, costs=costs(products=(901,)), booked=booked, today=TODAY + timedelta(9))
    assert (known.number, known.date, pieces(known)) == (None, SHIPPED_ON, {1: 2})
    assert (missing.number, missing.date, pieces(missing)) == (1, SHIPPED_ON, {2: 2})
    [whole] = goods_of(shop, booked=booked)
    assert (whole.number, whole.date, whole.status, pieces(whole)) == (1, SHIPPED_ON, "pending", {1: 2, 2: 2})


def test_nothing_is_asked_for_what_is_posted():
    shop = order(line(1), line(2))
    booked = stored(goods_of(shop))
    assert prepared(shop, (), (), SETTINGS, booked).costs_wanted() == frozenset()
    assert goods_of(shop, booked=booked) == []


def test_a_fall_takes_back_its_part_of_what_is_left():
    shop = order(line(1, quantity=3))
    booked = stored(goods_of(shop, costs=costs("3.335")))
    assert booked[0].total == Decimal("10.00")
    [first] = goods_of(order(line(1, quantity=2)), booked=booked)
    assert said(first) == [("cogs", "credit", "3.33"), ("inventory", "debit", "3.33")]
    assert (first.adjusts_number, first.total, first.date) == (1, Decimal("-3.33"), TODAY)
    booked += stored([first], 2)
    [rest] = goods_of(order(line(2)), booked=booked, costs={**costs()})[1:]
    assert (pieces(rest), rest.total) == ({1: 2}, Decimal("-6.67"))


def test_a_fall_shrinks_what_is_not_posted():
    booked = stored(goods_of(order(line(1, quantity=3))), posted=False)
    [fulfillment] = goods_of(order(line(1, quantity=2)), booked=booked)
    assert (fulfillment.number, pieces(fulfillment), fulfillment.total) == (1, {1: 2}, Decimal("5.00"))
    assert goods_of(order(line(2, quantity=0)), booked=booked) == []


def test_a_fall_of_a_line_taken_out_keeps_what_came_back():
    shop = order(line(1, quantity=3), line(2))
    found = stored(goods_of(shop, returns=(GoodsReturn("R", TODAY, {1: 2}),)), posted=False)
    [left, back] = goods_of(order(line(2)), returns=(GoodsReturn("R", TODAY, {1: 2}),), booked=found)
    assert (pieces(left), pieces(back), left.total) == ({1: 2, 2: 2}, {1: 2}, Decimal("10.00"))


def test_a_reversal_is_withdrawn_when_the_goods_leave_again():
    booked = stored(goods_of(order(line(1, quantity=3))))
    booked += stored(goods_of(order(line(1, quantity=2)), booked=booked), 2, posted=False)
    assert goods_of(order(line(1, quantity=3)), booked=booked) == []


def test_a_line_that_was_taken_out_counts_as_none():
    booked = stored(goods_of(order(line(1), line(2))))
    [reversal] = goods_of(order(line(1)), booked=booked)
    assert (pieces(reversal), reversal.lines[0].side) == ({2: 2}, "credit")


def test_goods_stay_when_the_status_goes_back():
    booked = stored(made(order(line(1)), costs=costs()))
    back = order(line(1), status_id=AWAITING_FULFILLMENT, date_shipped=None)
    assert made(back, booked=booked) == []


def test_goods_fall_when_quantity_shipped_falls():
    booked = stored(made(order(line(1, quantity_shipped=2)), costs=costs()))
    back = order(line(1, quantity_shipped=1), status_id=PARTLY_SHIPPED, date_shipped=None)
    [reversal] = made(back, booked=booked)
    assert pieces(reversal) == {1: 1}
    after = [*booked, *stored([reversal], 9)]
    assert made(back, booked=after) == []


def test_goods_of_a_cancelled_order_are_held_as_its_invoice():
    booked = stored(made(order(line(1)), costs=costs()))
    cancelled = order(line(1), status_id=CANCELLED, is_sale=False)
    invoice, goods_back = made(cancelled, booked=booked)
    assert (invoice.status, goods_back.status) == ("held", "held")
    assert goods_back.reasons == ("cancelled_without_refund",)
    assert (pieces(goods_back), goods_back.total) == ({1: 2}, Decimal("-5.00"))
    released = stored([replace(invoice, status="posted")], 8)
    [goods_back] = made(cancelled, booked=[*booked, *released])
    assert (goods_back.status, goods_back.reasons) == ("pending", ())


def test_goods_not_posted_stay_while_the_invoice_is_reversed():
    booked = stored(made(order(line(1)), costs=costs()), posted=False)
    booked = [replace(each, status="posted" if each.kind == "sales_order_invoice" else "pending") for each in booked]
    _, stays, reversal = made(order(line(1), status_id=CANCELLED, is_sale=False), booked=booked, costs=costs())
    assert (stays.number, stays.status, pieces(stays)) == (booked[1].number, "pending", {1: 2})
    assert (reversal.status, pieces(reversal)) == ("held", {1: 2})


def test_goods_of_a_cancelled_order_that_was_not_invoiced():
    part = order(line(1, quantity_shipped=1), status_id=PARTLY_SHIPPED, date_shipped=None)
    cancelled = replace(part, status_id=CANCELLED, is_sale=False)
    booked = goods_of(part)
    assert goods_of(cancelled, booked=stored(booked, posted=False)) == []
    [reversal] = goods_of(cancelled, booked=stored(booked))
    assert (reversal.status, reversal.reasons) == ("held", ("cancelled_without_refund",))


def test_goods_stay_when_the_order_was_cancelled_and_refunded():
    booked = stored(made(order(line(1)), costs=costs()))
    found = made(order(line(1), status_id=CANCELLED, is_sale=False), (refund(100),), booked)
    assert [each.kind for each in found] == ["sales_credit"]


def test_goods_stay_when_the_order_is_archived():
    booked = stored(made(order(line(1)), costs=costs()))
    assert made(order(is_gone=True, is_sale=False), booked=booked) == []


def test_a_cost_of_an_archived_order_still_becomes_known():
    booked = stored(goods_of(order(line(1)), costs={}))
    [fulfillment] = goods_of(order(line(1), is_gone=True, is_sale=False), booked=booked)
    assert (fulfillment.number, fulfillment.status, fulfillment.total) == (1, "pending", Decimal("5.00"))


def bundle(**costs):
    return order(
        line(1, **costs), line(2, 0, parent_id=1, quantity=4), line(3, 0, parent_id=1), status_id=PARTIALLY_REFUNDED
    )


def test_lines_of_a_bundle_with_a_host_cost_count():
    [fulfillment] = goods_of(bundle(cost_price_ex_tax=Decimal(9)), costs=costs(products=(902,)))
    assert pieces(fulfillment) == {2: 4}
    [fulfillment] = goods_of(bundle())
    assert pieces(fulfillment) == {1: 2, 2: 4, 3: 2}


def test_a_bundle_without_host_costs_is_its_parent():
    [fulfillment] = goods_of(bundle(cost_price_ex_tax=Decimal(9)), costs={})
    assert (pieces(fulfillment), fulfillment.total) == ({1: 2}, Decimal("18.00"))


def test_a_bundle_that_waits_becomes_its_parts():
    waiting = stored(goods_of(bundle(), costs={}))
    assert pieces(waiting[0]) == {1: 2, 2: 4, 3: 2}
    [fulfillment] = goods_of(bundle(), costs=costs(products=(902, 903)), booked=waiting)
    assert (fulfillment.number, fulfillment.status, pieces(fulfillment)) == (1, "pending", {2: 4, 3: 2})


def test_a_booked_estimate_of_a_bundle_is_not_booked_twice():
    shop = bundle(cost_price_ex_tax=Decimal(9))
    booked = stored(goods_of(shop, costs={}))
    assert goods_of(shop, booked=booked) == []


def test_costs_are_asked_for_all_lines_of_a_bundle():
    assert prepared(bundle(), (), (), SETTINGS, ()).costs_wanted() == {
        (SHIPPED_ON, 901),
        (SHIPPED_ON, 902),
        (SHIPPED_ON, 903),
    }
