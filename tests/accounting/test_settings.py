"""Each setting that decides about documents, changed alone, and when documents begin."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
from msgspec.structs import replace

from bigcommerce_integration.accounting.batches import summed
from bigcommerce_integration.accounting.facts import GoodsReturn

from .making import (
    AWAITING_FULFILLMENT,
    BEGAN,
    CANCELLED,
    COMPLETED,
    SETTINGS,
    goods,
    item,
    line,
    made,
    money,
    of,
    order,
    refund,
    stored,
    taxed,
)
from .test_fulfillment import costs

SHOP = order(line(1, 100, 20), shipping=taxed(10, 2))
REFUND = refund(60, 10, item(quantity=1))
BEFORE = datetime(2025, 12, 30, 12)
AFTER = datetime(2026, 1, 5, 12)


def all_of(shop=SHOP, **given):
    return made(shop, **{"refunds": (REFUND,), "costs": costs(), **given})


def statuses(found):
    return [(each.kind, each.status, each.reasons) for each in found]


BASE = statuses(all_of())


def test_the_flag_of_invoices_gates_invoices_alone():
    disabled = ("sales_order_invoice", "disabled", ("flag_off",))
    assert statuses(all_of(syncs_invoices=False)) == [disabled, *BASE[1:]]


def test_the_flag_of_credits_gates_credits_alone():
    disabled = ("sales_credit", "disabled", ("flag_off",))
    assert statuses(all_of(syncs_credits=False)) == [BASE[0], disabled, *BASE[2:]]


def test_a_flag_switched_on_takes_what_is_of_that_day_on():
    booked = stored(all_of(syncs_invoices=False, syncs_credits=False), posted=False)
    found = all_of(booked=booked, invoices_from=date(2026, 3, 2), credits_from=date(2026, 3, 6))
    assert [each.status for each in money(found)] == ["pending", "disabled"]
    assert [each.number for each in money(found)] == [1, 2]


def test_a_flag_switched_off_touches_nothing_posted():
    booked = stored(all_of())
    assert all_of(booked=booked, syncs_invoices=False, syncs_credits=False) == []


def test_a_disabled_credit_that_waits_still_gets_its_day():
    early = replace(REFUND, created=datetime(2026, 3, 1, 12))
    unshipped = replace(SHOP, status_id=AWAITING_FULFILLMENT, date_shipped=None)
    booked = stored(all_of(unshipped, refunds=(early,), syncs_credits=False))
    assert statuses(booked) == [("sales_credit", "disabled", ("order_not_invoiced", "flag_off"))]
    [credit] = of(all_of(refunds=(early,), booked=booked, syncs_credits=False), "sales_credit")
    assert (credit.date, credit.reasons) == (date(2026, 3, 2), ("flag_off",))


def test_a_gone_orders_documents_follow_the_flag():
    booked = stored(money(all_of()), posted=False)
    gone = replace(SHOP, is_gone=True, is_sale=False)
    found = all_of(gone, booked=booked, syncs_invoices=False)
    assert [each.status for each in money(found)] == ["disabled", "pending"]
    assert [each.status for each in money(all_of(gone, booked=found))] == ["pending", "pending"]


def test_the_marketplace_percentage_is_of_the_net():
    found = all_of(marketplace_percentage=Decimal("15"))
    assert statuses(found) == BASE
    invoice, credit = money(found)
    assert [(each.kind, each.percentage, str(each.amount)) for each in invoice.memo_lines] == [
        ("marketplace_cost", Decimal(15), "16.50")
    ]
    assert [str(each.amount) for each in credit.memo_lines] == ["-7.50"]
    assert all(each.memo_lines == () for each in goods(found))


def test_the_payment_percentage_is_of_the_total():
    invoice, credit = money(all_of(payment_percentage=Decimal("2.5")))
    assert [(each.kind, str(each.amount)) for each in invoice.memo_lines] == [("payment_cost", "3.30")]
    assert [str(each.amount) for each in credit.memo_lines] == ["-1.50"]
    assert [each.memo_lines for each in money(all_of(payment_percentage=Decimal()))] == [(), ()]


def test_memo_lines_of_an_adjustment_are_of_its_difference():
    percentages = {"marketplace_percentage": Decimal(10), "payment_percentage": Decimal(5)}
    booked = stored(money(all_of(refunds=(), **percentages)))
    [lower] = money(all_of(order(line(1, 50, 10), shipping=taxed(10, 2)), refunds=(), booked=booked, **percentages))
    assert [str(each.amount) for each in lower.memo_lines] == ["-5.00", "-3.00"]


def test_refunds_return_goods_where_the_host_says_so():
    [back] = of(all_of(refund_returns_goods=True), "customer_return")
    assert back.total == Decimal("2.50")
    assert of(all_of(), "customer_return") == []


def test_nothing_is_made_of_before_the_start():
    old = replace(SHOP, date_shipped=BEFORE, date_modified=BEFORE)
    back = (GoodsReturn("R", BEFORE.date(), {1: 1}),)
    assert all_of(old, refunds=(replace(REFUND, created=BEFORE),), returns=back) == []


def test_an_order_invoiced_before_the_start_has_its_credit_alone():
    old = replace(SHOP, date_shipped=BEFORE, date_modified=AFTER)
    found = all_of(old, refunds=(replace(REFUND, created=AFTER),))
    assert [(each.kind, each.status, each.date) for each in found] == [("sales_credit", "pending", AFTER.date())]


def test_a_credit_of_an_order_cancelled_after_an_old_sale():
    old = replace(SHOP, date_shipped=BEFORE, status_id=CANCELLED, is_sale=False)
    [credit] = all_of(old, refunds=(replace(REFUND, created=AFTER),))
    assert credit.status == "pending"


def test_a_refund_before_the_start_comes_with_a_later_invoice():
    early = replace(REFUND, created=BEFORE)
    assert all_of(replace(SHOP, status_id=AWAITING_FULFILLMENT, date_shipped=None), refunds=(early,)) == []
    invoice, credit = money(all_of(refunds=(early,)))
    assert (credit.status, credit.date) == ("pending", invoice.date)


def test_goods_of_before_the_start_come_when_the_order_moves():
    part = replace(order(line(1, quantity_shipped=1), status_id=3, date_shipped=None), date_modified=BEFORE)
    assert made(part, costs=costs()) == []
    [fulfillment] = made(replace(part, date_modified=AFTER), costs=costs())
    assert fulfillment.kind == "sales_order_fulfillment"


def test_a_completed_order_of_before_the_start_has_no_goods():
    old = order(line(1), status_id=COMPLETED, date_shipped=None, date_modified=BEFORE)
    assert made(old, costs=costs()) == []


@pytest.mark.parametrize("kind", list(SETTINGS.starts))
def test_each_kind_has_a_start_of_its_own(kind):
    later = {**SETTINGS.starts, kind: date(2027, 1, 1)}
    back = (GoodsReturn("R", date(2026, 3, 8), {1: 1}),)
    found = {each.kind for each in all_of(returns=back, starts=later)}
    assert found == set(SETTINGS.starts) - {kind}


def test_what_is_stored_goes_on_before_a_later_start():
    booked = stored(money(all_of()))
    found = money(all_of(order(line(1, 200, 40), shipping=taxed(10, 2)), booked=booked, starts={}))
    assert [each.adjusts_number for each in found] == [1]
    later = dict.fromkeys(SETTINGS.starts, date(2027, 1, 1))
    edited = order(line(1, 200, 40), shipping=taxed(10, 2))
    assert [each.adjusts_number for each in money(all_of(edited, booked=booked, starts=later))] == [1]
    assert date(2027, 1, 1) > BEGAN


def test_a_batch_has_a_line_by_role_and_code():
    [left] = made(order(line(1), line(2)), costs=costs())[1:]
    codes = {"cogs": 500, "inventory": 140}
    coded = replace(left, lines=tuple(replace(each, nominal_code_id=codes[each.role]) for each in left.lines))
    back = swapped(replace(coded, lines=coded.lines[:2]))
    other = replace(left, lines=left.lines[:2])
    lines = [(each.role, each.side, str(each.amount), each.nominal_code_id) for each in summed([coded, back, other])]
    assert lines == [
        ("cogs", "debit", "5.00", 500),
        ("inventory", "credit", "5.00", 140),
        ("cogs", "debit", "5.00", None),
        ("inventory", "credit", "5.00", None),
    ]
    assert summed([left, swapped(left)]) == ()


def swapped(document):
    sides = {"debit": "credit", "credit": "debit"}
    return replace(document, lines=tuple(replace(each, side=sides[each.side]) for each in document.lines))
