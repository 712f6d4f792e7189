"""From rows of orders to documents, and to the journal of the host."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import insert, update

from bigcommerce_integration.books import keeping
from bigcommerce_integration.models import db_now

from .kit import NOON, Shelf

LATER = NOON + timedelta(days=3)


def posted(shelf: Shelf, kind: str) -> list[Decimal]:
    """The totals of this kind that the host has."""
    return [row["total"] for row in shelf.documents(kind=kind, status="posted")]


def test_shipped_order_becomes_an_invoice_in_the_journal(any_books):
    any_books.sell(100, (2, "20.00"), (1, "5.00"))
    any_books.keep()
    invoice, goods = any_books.documents()
    assert (invoice["kind"], invoice["status"], invoice["date"]) == ("sales_order_invoice", "posted", date(2026, 3, 2))
    assert (invoice["total"], invoice["payment_reference"]) == (Decimal("60.5000"), "ch_1")
    assert (goods["kind"], goods["status"], goods["total"]) == ("sales_order_fulfillment", "posted", Decimal("22.5000"))
    assert any_books.journal() == ["AccountingDocument 1", "AccountingDocument 2"]
    assert [each["host_reference"] for each in (invoice, goods)] == ["J-1", "J-2"]
    assert all(each["posted_at"] is not None for each in (invoice, goods))
    any_books.keep()
    assert len(any_books.journal()) == 2


def test_edit_after_posting_makes_an_adjusting_document(any_books):
    any_books.sell(100, (2, "20.00"))
    any_books.keep()
    any_books.sell(100, (3, "20.00"), observed_at=LATER)
    any_books.keep()
    adjusting = any_books.documents()[2:]
    assert [(row["kind"], row["adjusts_number"], row["total"]) for row in adjusting] == [
        ("sales_order_invoice", 1, Decimal("22.0000")),
        ("sales_order_fulfillment", None, Decimal("10.0000")),
    ]
    assert {row["date"] for row in adjusting} == {LATER.date()}
    assert [row["status"] for row in any_books.documents()] == ["posted"] * 4


def test_edit_before_posting_changes_the_document(books):
    books.host.fails = lambda posting: RuntimeError("the books are closed")
    books.sell(100, (2, "20.00"))
    books.keep()
    books.sell(100, (3, "20.00"))
    books.keep()
    invoice, *goods = books.documents()
    assert (invoice["number"], invoice["total"], invoice["tries"]) == (1, Decimal("77.0000"), 1)
    assert sum(row["total"] for row in goods) == Decimal("30.0000")
    assert books.journal() == []


def test_cancelled_before_posting_is_withdrawn(books):
    books.host.fails = lambda posting: RuntimeError("the books are closed")
    books.sell(100, (2, "20.00"))
    books.keep()
    books.edit(100, status_id=5, is_sale=False)
    books.keep()
    assert books.documents() == []


def test_cancelled_after_posting_is_a_held_reversal(books):
    books.sell(100, (2, "20.00"))
    books.keep()
    books.edit(100, status_id=5, is_sale=False)
    books.keep()
    reversals = books.documents(status="held")
    assert {row["kind"]: row["reasons"] for row in reversals} == {
        "sales_order_invoice": "cancelled_without_refund",
        "sales_order_fulfillment": "cancelled_without_refund",
    }
    assert len(books.journal()) == 2


def test_refund_becomes_a_credit_once_it_is_read(any_books):
    any_books.sell(100, (2, "20.00"))
    any_books.keep()
    any_books.refund(7, 100, "22.00", "2.00", quantity=1, line_id=1000)
    any_books.keep()
    (credit,) = any_books.documents(kind="sales_credit")
    assert (credit["status"], credit["total"], credit["bigcommerce_refund_id"]) == ("posted", Decimal("22.0000"), 7)
    assert posted(any_books, "sales_order_invoice") == [Decimal("55.0000")]


def test_refund_of_an_order_that_is_not_stored_waits_for_it(books):
    books.refund(7, 100, "22.00", "2.00", quantity=1, line_id=1000)
    books.keep()
    assert books.documents() == []
    books.sell(100, (2, "20.00"))
    books.keep()
    assert posted(books, "sales_credit") == [Decimal("22.0000")]


def test_nothing_is_made_while_orders_or_refunds_are_read(books):
    refreshes, books_of = books.tables.refreshes, books.instance_id
    books.sell(100, (2, "20.00"))
    for resource in ("orders", "refunds"):
        opened = {"resource": resource, "mode": "incremental", "status": "processing", "created_at": db_now()}
        books.execute(insert(refreshes).values(instance_id=books_of, open_key=f"{books_of}:{resource}", **opened))
        books.keep()
        assert books.documents() == []
        books.end_refreshes()
    books.keep()
    assert len(books.documents()) == 2


def test_nothing_is_made_of_what_was_before_the_start(books):
    books.sell(100, (2, "20.00"), date_shipped=datetime(2025, 12, 31), date_modified=datetime(2025, 12, 31))
    books.keep()
    assert books.documents() == []


def test_first_run_of_a_store_begins_today(books):
    books.execute(books.tables.accounting.delete())
    books.sell(100, (2, "20.00"))
    books.sell(101, (2, "20.00"), date_shipped=datetime(2999, 1, 1))
    books.keep()
    assert {row["bigcommerce_order_id"] for row in books.documents()} == {101}
    (ledger,) = books.rows("accounting")
    assert abs(ledger["started_on"] - date.today()) <= timedelta(days=1)


def test_start_is_the_host_s_where_it_says_one(books):
    books.host.accounting_start = lambda session, instance, kind: (
        date(2026, 3, 3) if kind == "sales_order_invoice" else None
    )
    books.sell(100, (2, "20.00"))
    books.keep()
    assert [row["kind"] for row in books.documents()] == ["sales_order_fulfillment"]


def test_day_is_that_of_the_store_s_zone(books):
    books.sell(100, (2, "20.00"), date_shipped=datetime(2026, 3, 2, 3))
    books.keep()
    assert {row["date"] for row in books.documents()} == {date(2026, 3, 1)}


def test_order_without_fees_in_its_payload_is_read_again_first(books):
    books.execute(update(books.tables.accounting).values(without_fees_up_to=1))
    link = {"fees": {"url": "https://api.bigcommerce.com/fees", "resource": "/orders/100/fees"}}
    books.sell(100, (2, "20.00"), payload=link)
    books.keep()
    assert books.documents() == []
    (refresh,) = [row for row in books.rows("refreshes") if row["mode"] == "ids"]
    assert (refresh["resource"], json.loads(refresh["parameters"])) == ("orders", {"ids": [100]})
    books.keep()
    assert len([row for row in books.rows("refreshes") if row["mode"] == "ids"]) == 1
    # It was read again, and the store knows of no fees.
    books.sell(100, (2, "20.00"), payload=link)
    books.keep()
    assert len(books.documents()) == 2


def test_fee_is_a_sale_of_its_own(books):
    fee = {"cost_ex_tax": "4.0000", "cost_inc_tax": "4.4000", "cost_tax": "0.4000"}
    more = {"total_ex_tax": Decimal(54), "total_inc_tax": Decimal("59.4"), "total_tax": Decimal("5.4")}
    books.sell(100, (2, "20.00"), payload={"fees": [fee]}, **more)
    books.keep()
    (invoice,) = books.documents(kind="sales_order_invoice")
    lines = [line for line in json.loads(invoice["lines"]) if line["role"] == "sales"]
    assert [(line["amount"], line.get("detail")) for line in lines] == [("40.00", None), ("4.00", "fees")]


def test_payload_that_only_python_reads_says_who_paid(books):
    books.sell(100, (2, "20.00"), payload={"weight": float("nan")})
    books.sell(101, (2, "20.00"), payload={"weight": 1.5})
    books.keep()
    invoices = books.documents(kind="sales_order_invoice")
    assert [row["payment_reference"] for row in invoices] == ["ch_1", "ch_1"]
    assert len({row["lines"] for row in invoices}) == 2
    assert all('"detail":"Card"' in row["lines"] for row in invoices)


def test_more_orders_than_a_part_are_all_made(books, monkeypatch):
    monkeypatch.setattr(keeping, "ORDERS_A_PART", 3)
    for order_id in range(100, 110):
        books.sell(order_id, (1, "20.00"))
    books.keep()
    assert [row["number"] for row in books.documents()] == list(range(1, 21))
    assert sorted(row["change_number"] for row in books.documents())[-1] == books.rows("accounting")[0]["change_number"]


# -- costs ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def costed(books: Shelf) -> Shelf:
    """The first two variants are linked to the host's products, and no line has a cost price."""
    (mug, cup) = books.add_host_products("MUG", "CUP")
    books.add("variants", {"bigcommerce_id": 1, "host_product_id": mug}, {"bigcommerce_id": 2, "host_product_id": cup})
    books.host.costs = {mug: (Decimal("7.5"), "USD")}
    return books


def without_cost_price(shelf: Shelf) -> None:
    shelf.execute(update(shelf.tables.order_lines).values(cost_price_ex_tax=None))


def test_host_s_costs_are_asked_once_for_a_page_and_day(costed):
    for order_id in (100, 101, 102):
        costed.sell(order_id, (2, "20.00"), (1, "5.00"))
    costed.keep()
    assert [day for day, _ in costed.host.asked] == [NOON.date()]
    assert len(costed.host.asked[0][1]) == 2


def test_missing_cost_waits_and_is_asked_again_with_a_refresh(costed):
    costed.sell(100, (2, "20.00"), (1, "5.00"))
    without_cost_price(costed)
    costed.keep()
    known, missing = costed.documents(kind="sales_order_fulfillment")
    assert (known["status"], known["total"]) == ("posted", Decimal("15.0000"))
    assert (missing["status"], missing["reasons"], missing["total"]) == ("waiting", "cost_missing", None)
    cup = costed.rows("variants")[1]["host_product_id"]
    costed.host.costs[cup] = (Decimal("2"), "USD")
    costed.keep()
    assert len(costed.documents(status="waiting")) == 1
    costed.refreshed(began=NOON)
    costed.keep()
    assert posted(costed, "sales_order_fulfillment") == [Decimal("15.0000"), Decimal("2.0000")]
    assert {row["date"] for row in costed.documents()} == {NOON.date()}


def test_variant_that_is_linked_later_brings_its_cost(costed):
    variants = costed.tables.variants
    costed.execute(update(variants).values(host_product_id=None))
    costed.sell(100, (2, "20.00"))
    without_cost_price(costed)
    costed.keep()
    assert [row["status"] for row in costed.documents(kind="sales_order_fulfillment")] == ["waiting"]
    mug = next(iter(costed.host.costs))
    costed.execute(update(variants).where(variants.c.bigcommerce_id == 1).values(host_product_id=mug))
    costed.refreshed(began=NOON)
    costed.keep()
    assert posted(costed, "sales_order_fulfillment") == [Decimal("15.0000")]


def test_documents_that_go_on_waiting_are_not_made_anew(costed, statements):
    (mug, cup) = (row["host_product_id"] for row in costed.rows("variants"))
    costed.host.costs = {}

    def asked_again(orders: range) -> list[str]:
        for order_id in orders:
            costed.sell(order_id, (2, "20.00"), (1, "5.00"))
        without_cost_price(costed)
        costed.keep()
        costed.refreshed(began=NOON)
        costed.host.asked.clear()
        statements.clear()
        costed.keep()
        assert [(day, sorted(keys)) for day, keys in costed.host.asked] == [(NOON.date(), sorted((mug, cup)))]
        return list(statements)

    few, many = asked_again(range(100, 102)), asked_again(range(102, 120))
    assert len(costed.documents(status="waiting")) == 20
    assert len(many) == len(few)
    assert not [each for each in many if "payload" in each]


def test_cost_that_became_known_makes_its_own_documents_anew(costed):
    costed.host.costs = {}
    costed.sell(100, (2, "20.00"))
    costed.sell(101, (2, "20.00"), (1, "5.00"))
    without_cost_price(costed)
    costed.keep()
    before = {row["number"]: row["change_number"] for row in costed.documents(status="waiting")}
    cup = costed.rows("variants")[1]["host_product_id"]
    costed.host.costs = {cup: (Decimal("2"), "USD")}
    costed.refreshed(began=NOON)
    costed.keep()
    assert posted(costed, "sales_order_fulfillment") == [Decimal("2.0000")]
    first, other = costed.documents(status="waiting")
    assert (first["bigcommerce_order_id"], first["change_number"]) == (100, before[first["number"]])
    assert (other["bigcommerce_order_id"], other["number"] in before) == (101, True)


# -- what the host raises, and returns ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("unit_costs", {1: 5.0}),
        ("unit_costs", [1]),
        ("nominal_code", "400"),
        ("hold", 5),
        ("accounting_start", datetime(2026, 1, 1)),
        ("default_batch_period", "weekly"),
    ],
)
def test_nonsense_of_the_host_is_named_and_tried_again(costed, method, answer):
    before = getattr(costed.host, method)
    setattr(costed.host, method, lambda *given: answer)
    costed.sell(100, (2, "20.00"))
    costed.keep()
    (ledger,) = costed.rows("accounting")
    assert f"The host's {method} returned" in ledger["message"]
    assert costed.documents() == []
    setattr(costed.host, method, before)
    costed.keep()
    assert costed.documents() == []
    costed.execute(update(costed.tables.accounting).values(next_try_at=db_now(-1)))
    costed.keep()
    assert len(costed.documents()) == 2
    assert costed.rows("accounting")[0]["message"] is None


def test_store_whose_host_fails_does_not_hold_up_another(books):
    def asked(session, instance, order):
        if instance.id == books.instance_id:
            raise LookupError("no such customer")
        return

    other = books.beside()
    books.host.hold = asked
    for each in (books, other):
        each.sell(100, (2, "20.00"))
    books.keep()
    assert [row["instance_id"] for row in books.documents()] == [other.instance_id] * 2
    (ledger,) = books.rows("accounting", instance_id=books.instance_id)
    assert "The host's hold refused: LookupError" in ledger["message"]


def test_host_s_reason_holds_the_invoice(books):
    books.host.hold = lambda session, instance, order: f"Order {order['bigcommerce_id']} pays another invoice."
    books.sell(100, (2, "20.00"))
    books.keep()
    (invoice,) = books.documents(kind="sales_order_invoice")
    assert (invoice["status"], invoice["reasons"]) == ("held", "host")
    assert "Order 100 pays another invoice." in invoice["message"]


def test_host_without_the_methods_gets_the_defaults(books):
    books.host.__class__ = type("Bare", (books.host.__class__,), {"unit_costs": None})
    books.sell(100, (2, "20.00"))
    books.keep()
    assert len(books.journal()) == 2
