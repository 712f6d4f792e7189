"""Each of the eleven settings of the accounting, changed alone by PATCH, does what it says."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bigcommerce_integration.models.instances import SETTINGS

from ..host_app import NOMINAL_CODE_IDS
from .kit import NOON, Shelf
from .test_returns import given_back

CODES = {
    "sales_nominal_code_id": ("sales_order_invoice", "sales"),
    "shipping_revenue_nominal_code_id": ("sales_order_invoice", "shipping_revenue"),
    "cogs_nominal_code_id": ("sales_order_fulfillment", "cogs"),
    "sales_returns_allowances_nominal_code_id": ("sales_credit", "sales_returns_allowances"),
    "shipping_refund_nominal_code_id": ("sales_credit", "shipping_refund"),
}
FLAGS = {
    "sync_sales_order_invoices_to_accounting": "sales_order_invoice",
    "sync_sales_credit_to_accounting": "sales_credit",
}
PERCENTAGES = {
    "proforma_marketplace_cost_percentage": "marketplace_cost",
    "proforma_payment_cost_percentage": "payment_cost",
}
PERIODS = {
    "batch_period_sales_order_fulfillments": "sales_order_fulfillment",
    "batch_period_customer_returns": "customer_return",
}


def test_these_are_all_settings_of_the_accounting():
    others = {"store_hash", "start_date", "store_id", "auto_link_products", "auto_create_products"}
    assert set(SETTINGS) - others == {*CODES, *FLAGS, *PERCENTAGES, *PERIODS}
    assert len({*CODES, *FLAGS, *PERCENTAGES, *PERIODS}) == 11


@pytest.fixture
def unposted(books: Shelf) -> Shelf:
    """A shipped order of which goods and shipping were refunded and came back; the host takes nothing yet."""
    books.host.fails = lambda posting: RuntimeError("not yet")
    books.sell(100, (2, "20.00"))
    books.refund(7, 100, "33.00", "3.00", quantity=1, line_id=1000, shipping="10.00")
    books.keep()
    given_back(books, 100, {1000: 1})
    books.keep()
    assert [row["kind"] for row in books.documents()] == [
        "sales_order_invoice",
        "sales_credit",
        "sales_order_fulfillment",
        "customer_return",
    ]
    return books


def patched(shelf: Shelf, status: int = 200, /, *, accounting_from: str | None = None, **settings: Any) -> Any:
    """The answer to a change of these settings; the books are kept then."""
    body: dict[str, Any] = {"integration_settings": settings} if settings else {}
    if accounting_from is not None:
        body["accounting_from"] = accounting_from
    answer = shelf.client.patch(f"/api/big-commerce/{shelf.instance_id}", json=body)
    assert answer.status_code == status, answer.json
    shelf.keep()
    return answer.json


def contents(shelf: Shelf) -> dict[str, Any]:
    """What there is of each document, by number."""
    names = ("kind", "status", "date", "lines", "memo_lines", "total", "batch_number")
    return {row["number"]: {name: row[name] for name in names} for row in shelf.documents()}


def differing(before: dict[str, Any], after: dict[str, Any]) -> set[tuple[str, str]]:
    """Kind and column of what differs."""
    assert before.keys() == after.keys()
    pairs = [(row, after[number]) for number, row in before.items()]
    return {(row["kind"], name) for row, then in pairs for name, value in row.items() if then[name] != value}


def codes_of(row: dict[str, Any]) -> dict[str, int | None]:
    return {line["role"]: line.get("nominal_code_id") for line in json.loads(row["lines"])}


@pytest.mark.parametrize("setting", CODES)
def test_nominal_code_stands_on_the_lines_of_its_role(unposted, setting):
    kind, role = CODES[setting]
    before = contents(unposted)
    patched(unposted, **{setting: NOMINAL_CODE_IDS[0]})
    after = contents(unposted)
    # What came back takes the cost back.
    kinds = {kind, "customer_return"} if role == "cogs" else {kind}
    assert differing(before, after) == {(each, "lines") for each in kinds}
    for row in after.values():
        if row["kind"] in kinds:
            assert {r for r, code in codes_of(row).items() if code is not None} == {role}
            assert codes_of(row)[role] == NOMINAL_CODE_IDS[0]


def test_host_s_own_nominal_code_comes_first(unposted):
    unposted.host.nominal_code = lambda session, instance, role, line: 900 if role == "tax" else None
    patched(unposted, sales_nominal_code_id=NOMINAL_CODE_IDS[0])
    (invoice,) = unposted.documents(kind="sales_order_invoice")
    codes = {role: code for role, code in codes_of(invoice).items() if code is not None}
    assert codes == {"sales": NOMINAL_CODE_IDS[0], "tax": 900}


@pytest.mark.parametrize("setting", FLAGS)
def test_flag_that_is_off_disables_its_kind(unposted, setting):
    before = contents(unposted)
    patched(unposted, **{setting: False})
    assert differing(before, contents(unposted)) == {(FLAGS[setting], "status")}
    (row,) = unposted.documents(kind=FLAGS[setting])
    assert (row["status"], row["reasons"]) == ("disabled", "flag_off")


def test_flag_that_is_on_again_takes_what_is_of_today(unposted):
    patched(unposted, sync_sales_order_invoices_to_accounting=False)
    unposted.sell(101, (1, "20.00"), date_shipped=datetime.now(UTC).replace(tzinfo=None))
    patched(unposted, sync_sales_order_invoices_to_accounting=True)
    invoices = unposted.documents(kind="sales_order_invoice")
    assert [(row["bigcommerce_order_id"], row["status"]) for row in invoices] == [(100, "disabled"), (101, "pending")]
    (ledger,) = unposted.rows("accounting")
    now = datetime.now(ZoneInfo("America/New_York"))
    assert ledger["invoices_from"] in (now.date(), (now - timedelta(minutes=5)).date())


@pytest.mark.parametrize(("first", "status"), [("2026-03-02", "pending"), ("2026-03-03", "disabled")])
def test_flag_takes_what_is_of_the_given_day_on(unposted, first, status):
    patched(unposted, sync_sales_order_invoices_to_accounting=False)
    patched(unposted, sync_sales_order_invoices_to_accounting=True, accounting_from=first)
    assert [row["status"] for row in unposted.documents(kind="sales_order_invoice")] == [status]
    last = max(unposted.rows("history"), key=lambda row: row["id"])
    assert json.loads(last["changes"])["accounting_from"] == first


def test_first_day_without_a_flag_is_refused(unposted):
    for settings in ({}, {"sync_sales_credit_to_accounting": True}, {"sales_nominal_code_id": None}):
        found = patched(unposted, 422, accounting_from="2026-03-02", **settings)
        assert list(found["errors"]) == ["accounting_from"]
    assert "accounting_from" not in unposted.client.get(f"/api/big-commerce/{unposted.instance_id}").json["data"]


def test_flag_touches_nothing_that_is_posted(books):
    books.sell(100, (2, "20.00"))
    books.keep()
    before = contents(books)
    patched(books, sync_sales_order_invoices_to_accounting=False)
    assert contents(books) == before
    books.sell(100, (3, "20.00"))
    books.keep()
    assert [row["status"] for row in books.documents(kind="sales_order_invoice")] == ["posted", "disabled"]


@pytest.mark.parametrize("setting", PERCENTAGES)
def test_percentage_adds_a_memo_of_its_kind(unposted, setting):
    before = contents(unposted)
    patched(unposted, **{setting: 2.5})
    after = contents(unposted)
    assert differing(before, after) == {("sales_order_invoice", "memo_lines"), ("sales_credit", "memo_lines")}
    for row in after.values():
        for memo in json.loads(row["memo_lines"] or "[]"):
            assert (memo["kind"], memo["percentage"]) == (PERCENTAGES[setting], "2.5")
    (invoice,) = unposted.documents(kind="sales_order_invoice")
    # Of the marketplace without tax, of the payment with it.
    amount = "1.25" if setting == "proforma_marketplace_cost_percentage" else "1.38"
    assert Decimal(json.loads(invoice["memo_lines"])[0]["amount"]) == Decimal(amount)


@pytest.mark.parametrize("setting", PERIODS)
def test_period_gathers_what_comes_next_of_its_kind(unposted, setting):
    before = contents(unposted)
    patched(unposted, **{setting: "daily"})
    assert contents(unposted) == before
    unposted.sell(101, (2, "20.00"))
    unposted.keep()
    given_back(unposted, 101, {1010: 1}, reference="R-2")
    unposted.keep()
    batched = {row["kind"] for row in unposted.documents(bigcommerce_order_id=101) if row["batch_number"] is not None}
    assert batched == {PERIODS[setting]}


def test_another_setting_makes_nothing_anew(unposted):
    patched(unposted, start_date="2024-02-01", batch_period_customer_returns="monthly")
    assert unposted.rows("accounting")[0]["renew_from"] is None
    before = {row["number"]: row["change_number"] for row in unposted.documents()}
    patched(unposted, sales_nominal_code_id=NOMINAL_CODE_IDS[0])
    after = {row["number"]: row["change_number"] for row in unposted.documents()}
    assert [number for number, change in after.items() if change != before[number]] == [1]


def test_days_of_the_flags_are_kept_apart(unposted):
    both = {"sync_sales_order_invoices_to_accounting": False, "sync_sales_credit_to_accounting": False}
    patched(unposted, **both)
    patched(unposted, sync_sales_credit_to_accounting=True, accounting_from="2026-03-02")
    (ledger,) = unposted.rows("accounting")
    assert (ledger["invoices_from"], ledger["credits_from"]) == (None, date(2026, 3, 2))
    assert NOON.date() == date(2026, 3, 2)
