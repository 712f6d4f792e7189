"""The cost of goods that came back."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from msgspec.structs import replace

from bigcommerce_integration.accounting.facts import GoodsReturn

from .making import (
    AWAITING_FULFILLMENT,
    CANCELLED,
    COMPLETED,
    PARTIALLY_REFUNDED,
    item,
    line,
    made,
    of,
    order,
    payment,
    refund,
    said,
    stored,
)
from .test_fulfillment import bundle, costs, goods_of, pieces

BACK_ON = date(2026, 3, 8)


def returned(quantities, reference="R-1", on=BACK_ON):
    return GoodsReturn(reference, on, quantities)


def returns_of(shop, *returns, **given):
    return of(goods_of(shop, returns=returns, **given), "customer_return")


def test_goods_come_back_at_the_cost_that_was_booked():
    shop = order(line(1, quantity=3))
    booked = stored(goods_of(shop, costs=costs("3.335")))
    [back] = returns_of(shop, returned({1: 1}), booked=booked, costs=costs("99"))
    assert said(back) == [("cogs", "credit", "3.33"), ("inventory", "debit", "3.33")]
    assert (back.date, back.return_reference, back.total, back.status) == (BACK_ON, "R-1", Decimal("3.33"), "pending")
    booked += stored([back], 2)
    [rest] = returns_of(shop, returned({1: 1}), returned({1: 2}, "R-2"), booked=booked)
    assert (rest.return_reference, rest.total) == ("R-2", Decimal("6.67"))


def test_a_posted_return_is_not_made_again():
    shop = order(line(1))
    booked = stored(goods_of(shop, returns=(returned({1: 1}),)))
    assert [each.kind for each in booked] == ["sales_order_fulfillment", "customer_return"]
    assert goods_of(shop, returns=(returned({1: 1}),), booked=booked) == []


def test_a_return_waits_for_the_cost_of_its_goods():
    shop = order(line(1))
    waiting = stored(goods_of(shop, returns=(returned({1: 1}),), costs={}))
    assert [(each.status, each.reasons) for each in waiting] == [("waiting", ("cost_missing",))] * 2
    [back] = returns_of(shop, returned({1: 1}), booked=waiting)
    assert (back.number, back.status, back.total) == (waiting[1].number, "pending", Decimal("2.50"))


def test_more_than_was_booked_waits():
    [known, missing] = returns_of(order(line(1)), returned({1: 3}))
    assert (pieces(known), known.status) == ({1: 2}, "pending")
    assert (pieces(missing), missing.status) == ({1: 1}, "waiting")


def test_what_came_back_had_left():
    # The line is taken out of the order after a piece of it came back: the cost of the other piece falls.
    booked = stored(goods_of(order(line(1), line(2)), returns=(returned({1: 1}),)))
    [reversal] = goods_of(order(line(2)), returns=(returned({1: 1}),), booked=booked)
    assert (reversal.kind, pieces(reversal), reversal.total) == ("sales_order_fulfillment", {1: 1}, Decimal("-2.50"))


def test_the_parent_of_a_bundle_brings_its_parts_back():
    known = costs(products=(902, 903))
    [back] = returns_of(bundle(), returned({1: 1}), costs=known)
    assert pieces(back) == {2: 2, 3: 1}
    [back] = returns_of(bundle(), returned({1: 1}))
    assert pieces(back) == {1: 1, 2: 2, 3: 1}
    [back] = returns_of(bundle(), returned({1: 1, 2: 1}))
    assert pieces(back) == {1: 1, 2: 1}


def test_a_posted_return_stays_when_its_bundle_changes():
    known = costs(products=(902,))
    booked = stored(goods_of(bundle(), returns=(returned({1: 1}),), costs=known))
    assert [pieces(each) for each in booked] == [{2: 4}, {2: 2}]
    without = replace(bundle(), lines=bundle().lines[::2])
    found = goods_of(without, returns=(returned({1: 1}),), costs=known, booked=booked)
    [reversal] = [each for each in found if each.status == "pending"]
    assert (pieces(reversal), reversal.adjusts_number, reversal.total) == ({2: 2}, 1, Decimal("-5.00"))


def test_a_refund_is_no_return():
    assert returns_of(order(line(1)), refunds=(refund(50, 0, item(quantity=1)),)) == []


def test_a_refund_is_a_return_where_the_host_says_so():
    some = (refund(50, 0, item(quantity=1)),)
    [back] = returns_of(order(line(1)), refunds=some, refund_returns_goods=True)
    assert (back.refund_id, back.return_reference, back.date) == (1, None, date(2026, 3, 5))
    assert (pieces(back), back.total) == ({1: 1}, Decimal("2.50"))


def test_a_refund_of_goods_that_never_left_returns_none():
    early = refund(50, 0, item(quantity=1), created=datetime(2026, 3, 1))
    assert returns_of(order(line(1)), refunds=(early,), refund_returns_goods=True) == []
    waiting = order(line(1), status_id=AWAITING_FULFILLMENT, date_shipped=None)
    assert returns_of(waiting, refunds=(refund(50, 0, item(quantity=1)),), refund_returns_goods=True) == []


def test_a_refund_of_goods_shipped_in_part_returns_them():
    early = refund(50, 0, item(quantity=1), created=datetime(2026, 3, 1))
    [back] = returns_of(order(line(1, quantity_shipped=2)), refunds=(early,), refund_returns_goods=True)
    assert pieces(back) == {1: 1}


def test_a_declined_refund_takes_its_return_back():
    given = refund(50, 0, item(quantity=1))
    booked = stored(goods_of(order(line(1)), refunds=(given,), refund_returns_goods=True))
    declined = replace(given, payments=(payment(50, declined=True),))
    [again] = goods_of(order(line(1)), refunds=(declined,), refund_returns_goods=True, booked=booked)
    assert said(again) == [("cogs", "debit", "2.50"), ("inventory", "credit", "2.50")]
    assert (again.kind, again.adjusts_number, again.total) == ("customer_return", booked[1].number, Decimal("-2.50"))
    booked += stored([again], 9)
    assert goods_of(order(line(1)), refunds=(declined,), refund_returns_goods=True, booked=booked) == []


def test_a_refund_that_was_before_shipping_takes_its_return_back():
    # It was completed without a date, refunded, and then had a date of after the refund.
    given = refund(50, 0, item(quantity=1))
    shop = order(line(1), status_id=COMPLETED, date_shipped=None)
    booked = stored(goods_of(shop, refunds=(given,), refund_returns_goods=True))
    assert [each.kind for each in booked] == ["sales_order_fulfillment", "customer_return"]
    dated = replace(shop, date_shipped=datetime(2026, 3, 9))
    found = goods_of(dated, refunds=(given,), refund_returns_goods=True, booked=booked)
    assert [(each.kind, each.adjusts_number, pieces(each)) for each in found] == [
        ("sales_order_fulfillment", 1, {1: 1}),
        ("customer_return", 2, {1: 1}),
    ]
    booked += stored(found, 3)
    assert goods_of(dated, refunds=(given,), refund_returns_goods=True, booked=booked) == []


def test_a_refund_stays_a_return_when_the_status_says_so_alone():
    given = refund(50, 0, item(quantity=1))
    shop = order(line(1), status_id=COMPLETED, date_shipped=None)
    booked = stored(goods_of(shop))
    refunded = replace(shop, status_id=PARTIALLY_REFUNDED)
    [back] = goods_of(refunded, refunds=(given,), refund_returns_goods=True, booked=booked)
    assert (back.kind, pieces(back)) == ("customer_return", {1: 1})


def test_a_return_of_before_the_start_is_none():
    assert returns_of(order(line(1)), returned({1: 1}, on=date(2025, 12, 31))) == []


def test_returns_of_an_archived_order_are_made():
    shop = order(line(1))
    booked = stored(made(shop, costs=costs()))
    [back] = returns_of(replace(shop, is_gone=True, is_sale=False), returned({1: 2}), booked=booked)
    assert back.total == Decimal("5.00")


def test_goods_of_a_return_stay_when_the_order_is_cancelled():
    part = order(line(1, quantity_shipped=2), status_id=3, date_shipped=None)
    found = stored(goods_of(part, returns=(returned({1: 1}),)), posted=False)
    booked = [replace(each, status="posted" if each.kind == "customer_return" else each.status) for each in found]
    cancelled = replace(part, status_id=CANCELLED, is_sale=False)
    [left] = goods_of(cancelled, returns=(returned({1: 1}),), booked=booked)
    assert (left.number, pieces(left)) == (1, {1: 1})
