"""Goods go into one batch for each kind, period and currency, which closes once and is handed over once."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bigcommerce_integration import AccountingBatch
from bigcommerce_integration.books.handover import MOST_TRIES
from bigcommerce_integration.books.ledger import zone_of
from bigcommerce_integration.books.making.batches import end_of, period_of

from .kit import NOON, Shelf
from .test_handover import asked_again, tried_again
from .test_returns import given_back

DAILY = {"batch_period_sales_order_fulfillments": "daily"}
MONTHLY = {"batch_period_sales_order_fulfillments": "monthly"}
AFTER = NOON + timedelta(days=2)
FULFILLMENT = "sales_order_fulfillment"


def batches(shelf: Shelf) -> list[dict[str, Any]]:
    return sorted(shelf.rows("accounting_batches"), key=lambda row: row["number"])


def closed(shelf: Shelf) -> None:
    """The orders are refreshed from past the period's end, and the books kept."""
    shelf.refreshed(began=AFTER)
    shelf.keep()


@pytest.mark.ci
def test_batch_closes_once_orders_were_read_past_its_end(any_books):
    any_books.set(**DAILY)
    any_books.sell(100, (2, "20.00"))
    any_books.sell(101, (1, "30.00"))
    any_books.keep()
    (batch,) = batches(any_books)
    assert (batch["status"], batch["batch_period"], batch["date"]) == ("open", "2026-03-02", date(2026, 3, 2))
    assert (batch["document_count"], batch["late_count"]) == (2, 0)
    assert any_books.journal() == ["AccountingDocument 1", "AccountingDocument 3"]
    # The day ended at 5 o'clock UTC, and the store may show an edit late.
    any_books.refreshed(began=datetime(2026, 3, 3, 5, 4))
    any_books.keep()
    assert batches(any_books)[0]["status"] == "open"
    any_books.refreshed(began=datetime(2026, 3, 3, 5, 5))
    any_books.keep()
    (batch,) = batches(any_books)
    assert (batch["status"], batch["host_reference"], batch["open_key"]) == ("posted", "J-3", None)
    assert any_books.journal()[2:] == ["AccountingBatch 1"]
    posting = any_books.host.posted[-1]
    assert isinstance(posting, AccountingBatch)
    assert {(line.role, line.side): line.amount for line in posting.lines} == {
        ("cogs", "debit"): Decimal("35.00"),
        ("inventory", "credit"): Decimal("35.00"),
    }
    assert [each.number for each in posting.documents] == [2, 4]
    goods = any_books.documents(kind=FULFILLMENT)
    assert {(row["status"], row["host_reference"]) for row in goods} == {("posted", "J-3")}


def test_sum_of_a_batch_is_that_of_its_documents(books):
    books.set(**DAILY)
    for order_id in range(100, 110):
        books.sell(order_id, (order_id % 3 + 1, "19.99"), (1, "0.01"))
    books.keep()
    closed(books)
    (batch,) = batches(books)
    documents = books.documents(batch_number=1)
    assert len(documents) == batch["document_count"] == 10
    in_batch = {(line["role"], line["side"]): Decimal(line["amount"]) for line in json.loads(batch["lines"])}
    total = sum(row["total"] for row in documents)
    assert in_batch == {("cogs", "debit"): total, ("inventory", "credit"): total}


def test_month_is_one_batch(books):
    books.set(**MONTHLY)
    books.sell(100, (2, "20.00"))
    books.sell(101, (1, "30.00"), date_shipped=datetime(2026, 3, 31, 12))
    books.sell(102, (1, "30.00"), date_shipped=datetime(2026, 4, 1, 12))
    books.keep()
    assert [(row["batch_period"], row["date"], row["document_count"]) for row in batches(books)] == [
        ("2026-03", date(2026, 3, 31), 2),
        ("2026-04", date(2026, 4, 30), 1),
    ]


def test_currencies_are_never_mixed(books):
    books.set(**DAILY)
    books.sell(100, (2, "20.00"))
    books.sell(101, (2, "20.00"), default_currency_code="EUR", store_default_currency_code="EUR")
    books.keep()
    assert [(row["currency_code"], row["document_count"]) for row in batches(books)] == [("USD", 1), ("EUR", 1)]


def test_late_document_goes_into_the_next_open_batch(books):
    books.set(**DAILY)
    books.sell(100, (2, "20.00"))
    books.keep()
    closed(books)
    books.sell(101, (1, "30.00"))
    books.keep()
    late = batches(books)[1]
    assert (late["status"], late["document_count"], late["late_count"]) == ("open", 1, 1)
    assert late["date"] > date(2026, 3, 2)
    (document,) = books.documents(batch_number=late["number"])
    assert (document["date"], document["is_late"]) == (date(2026, 3, 2), True)


def test_late_document_prefers_an_older_batch_that_is_open(books):
    books.set(**DAILY)
    books.sell(100, (2, "20.00"))
    books.sell(101, (2, "20.00"), date_shipped=AFTER)
    books.keep()
    books.refreshed(began=NOON + timedelta(days=1))
    books.keep()
    assert [row["status"] for row in batches(books)] == ["posted", "open"]
    books.sell(102, (1, "30.00"))
    books.keep()
    assert [(row["batch_period"], row["late_count"]) for row in batches(books)] == [
        ("2026-03-02", 0),
        ("2026-03-04", 1),
    ]


def test_changed_period_holds_for_the_next_batch(books):
    books.set(**MONTHLY)
    books.sell(100, (2, "20.00"))
    books.keep()
    books.set(**DAILY)
    books.sell(101, (1, "30.00"))
    books.sell(102, (1, "30.00"), date_shipped=datetime(2026, 4, 1, 12))
    books.keep()
    assert [(row["period_type"], row["batch_period"], row["document_count"]) for row in batches(books)] == [
        ("monthly", "2026-03", 2),
        ("daily", "2026-04-01", 1),
    ]


def test_without_a_period_each_is_handed_over_alone(books):
    books.set(batch_period_sales_order_fulfillments="none")
    books.sell(100, (2, "20.00"))
    books.keep()
    assert batches(books) == []
    assert books.journal() == ["AccountingDocument 1", "AccountingDocument 2"]


def test_host_s_default_counts_where_the_setting_is_null(books):
    books.host.default_batch_period = lambda kind: "daily" if kind == FULFILLMENT else None
    books.sell(100, (2, "20.00"))
    books.keep()
    assert [row["period_type"] for row in batches(books)] == ["daily"]
    books.set(batch_period_sales_order_fulfillments="none")
    books.sell(101, (2, "20.00"), date_shipped=AFTER)
    books.keep()
    assert len(batches(books)) == 1


def test_document_in_an_open_batch_follows_its_order(books):
    books.set(**DAILY)
    books.sell(100, (2, "20.00"))
    books.sell(101, (2, "20.00"))
    books.keep()
    invoices = books.tables.accounting_documents
    books.execute(invoices.delete().where(invoices.c.kind == "sales_order_invoice"))
    books.edit(100, status_id=5, is_sale=False)
    books.keep()
    (batch,) = batches(books)
    assert batch["document_count"] == len(books.documents(batch_number=1)) == 1


def test_batch_that_became_empty_goes(books):
    books.set(**DAILY)
    books.host.fails = lambda posting: RuntimeError("no")
    books.sell(100, (2, "20.00"))
    books.keep()
    books.edit(100, status_id=5, is_sale=False)
    books.keep()
    assert batches(books)[0]["document_count"] == 0
    closed(books)
    assert batches(books) == []


def test_document_in_a_closed_batch_does_not_change(books):
    books.set(**DAILY)
    books.sell(100, (2, "20.00"))
    books.keep()
    books.host.fails = lambda posting: RuntimeError("no")
    closed(books)
    assert batches(books)[0]["status"] == "pending"
    books.sell(100, (3, "20.00"))
    books.keep()
    first, more = books.documents(kind=FULFILLMENT)
    assert (first["batch_number"], first["total"]) == (1, Decimal("20.0000"))
    assert (more["batch_number"], more["total"]) == (2, Decimal("10.0000"))


def test_batch_fails_with_its_documents_until_retried(books):
    books.set(**DAILY)
    books.sell(100, (2, "20.00"))
    books.keep()
    books.host.fails = lambda posting: RuntimeError("no")
    closed(books)
    tried_again(books, MOST_TRIES - 1)
    assert [row["status"] for row in batches(books)] == ["failed"]
    assert [row["status"] for row in books.documents(kind=FULFILLMENT)] == ["failed"]
    books.host.fails = lambda posting: None
    asked_again(books, batch=1)
    books.keep()
    assert [row["status"] for row in batches(books)] == ["posted"]
    assert [row["status"] for row in books.documents()] == ["posted", "posted"]
    assert books.journal() == ["AccountingDocument 1", "AccountingBatch 1"]


def test_returns_have_own_batches_that_close_with_the_day(books):
    books.set(batch_period_customer_returns="daily")
    books.sell(100, (2, "20.00"))
    books.keep()
    given_back(books, 100, {1000: 1})
    books.keep()
    assert [(row["kind"], row["status"]) for row in batches(books)] == [("customer_return", "posted")]
    (document,) = books.documents(kind="customer_return")
    assert (document["return_reference"], document["total"], document["status"]) == (
        "R-1",
        Decimal("10.0000"),
        "posted",
    )
    assert books.journal()[2:] == ["AccountingBatch 1"]


@pytest.mark.parametrize(
    ("kind", "day", "name", "last"),
    [
        ("daily", date(2026, 2, 28), "2026-02-28", date(2026, 2, 28)),
        ("monthly", date(2026, 2, 1), "2026-02", date(2026, 2, 28)),
        ("monthly", date(2028, 2, 29), "2028-02", date(2028, 2, 29)),
        ("monthly", date(2026, 12, 31), "2026-12", date(2026, 12, 31)),
    ],
)
def test_period_has_its_last_day(kind, day, name, last):
    assert (period_of(kind, day).name, period_of(kind, day).last_day) == (name, last)


def test_day_ends_with_the_store_s_midnight(books):
    books.set(store_timezone="Pacific/Auckland")
    (row,) = books.rows("instances")

    class Instance:
        store_timezone = row["store_timezone"]

    assert end_of(date(2026, 3, 2), zone_of(Instance)) == datetime(2026, 3, 2, 11)
