"""The pages of accounting: what awaits, documents, batches, and what a person decides."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker

from bigcommerce_integration import SQLAlchemyHost
from bigcommerce_integration.accounting.document import Line

from ..host_app import HostApp
from ..web import accounted
from ..web.accounted import AccountingHost, add_batch, add_documents, begin, document, goods, make_documents
from ..web.mirrored import NOON, Mirrored, connected
from .browsing import Browser, add_pages
from .test_records import may_not, rows_of

HELD = document(
    status="held", reasons=("total_mismatch",), message="The parts add up to 70.00, and the total is 69.84."
)


@pytest.fixture
def booked(host_app: HostApp, broker: StubBroker, sqlite_url: str) -> Any:
    """A connected store of a host that has books, in an app with the pages."""
    app = host_app.create_app(sqlite_url, broker=broker, host=host_app.host(AccountingHost))
    host_app.create_rows(app)
    add_pages(app)
    yield connected(app, host_app)
    host_app.dispose(app)


@pytest.fixture
def clerk(booked: Mirrored) -> Browser:
    return Browser(booked.app)


def path(booked: Mirrored, rest: str = "") -> str:
    return f"/{booked.instance_id}/accounting{rest}"


def test_the_overview_says_what_awaits_and_why(booked: Mirrored, clerk: Browser) -> None:
    add_documents(booked, [document(), HELD, document(status="failed", message="The period is closed.")])
    page = clerk.get(path(booked))
    for words in ("Held", "Not taken", "The parts of the order do not add up to its total.", "69.84 USD"):
        assert words in page.text
    assert page.links["Invoice"].endswith("/accounting/documents?kind=sales_order_invoice&status=failed")
    assert "No documents were made yet." in page.text
    (row, *_) = rows_of(clerk, path(booked, ".csv"))
    assert (row["status"], row["count"]) == ("held", "1")


def test_the_overview_compares_a_month(booked: Mirrored, clerk: Browser) -> None:
    for number, total in ((218, "69.84"), (219, "80.00")):
        booked.add(
            "orders", {"bigcommerce_id": number, "total_inc_tax": Decimal(total), "default_currency_code": "USD"}
        )
    add_documents(booked, [document(), document(order_id=219)])
    page = clerk.get(path(booked, "?month=2026-03"))
    assert "149.84" in page.text
    assert "Order 219" in page.links
    assert "80.00 USD, invoiced 69.84 USD" in page.text
    assert "No order was invoiced in this month." in clerk.get(path(booked, "?month=2026-04")).text
    clerk.get(path(booked, "?month=x"), status=422)


def test_documents_are_listed_newest_first_by_filters(booked: Mirrored, clerk: Browser) -> None:
    add_documents(booked, [document(), HELD, goods(status="pending")])
    listed = [name for name in clerk.get(path(booked, "/documents")).links if name.startswith(("Goods", "Invoice"))]
    assert listed == ["Goods out 3", "Invoice 2", "Invoice 1"]
    page = clerk.get(path(booked, "/documents?status=held"))
    assert "The parts add up to 70.00, and the total is 69.84." in page.text
    assert "Invoice 1" not in page.links
    assert len(rows_of(clerk, path(booked, "/documents.csv?status=held"))) == 4
    clerk.get(path(booked, "/documents?status=lost"), status=422)


def test_a_document_shows_its_lines_and_both_sums(booked: Mirrored, clerk: Browser) -> None:
    add_documents(booked, [document()])
    page = clerk.get(path(booked, "/documents/1"))
    for words in (
        "Your books have it as J-1.",
        "discounted_total_inc_tax - total_tax",
        "Sum 69.84 USD 69.84 USD",
        "your system decides",
    ):
        assert words in page.text
    assert page.links["218"].endswith("/orders/218")
    clerk.get(path(booked, "/documents/2"), status=404)


def test_a_refund_leads_to_its_credit_and_back(
    booked: Mirrored, clerk: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    booked.add("orders", {"bigcommerce_id": 218, "default_currency_code": "USD"})
    booked.add("refunds", {"bigcommerce_id": 7, "bigcommerce_order_id": 218}, {"bigcommerce_id": 8})
    add_documents(booked, [document(), document(kind="sales_credit", refund_id=7, status="held", message="Why.")])
    for rest in ("/refunds", "/orders/218"):
        page = clerk.get(f"/{booked.instance_id}{rest}")
        assert page.links["Credit 2"] == f"/big-commerce{path(booked, '/documents/2')}"
    assert "no document" in clerk.get(f"/{booked.instance_id}/refunds").text
    back = clerk.get(path(booked, "/documents/2")).links["7"]
    assert 'id="bc-refund-7"' in clerk.get(back).answer.text
    assert "Credit 2 of 2 Mar 2026: Why. It stays out" in clerk.get("/find?q=7").text
    may_not(monkeypatch, "read_accounting")
    assert "Credit" not in clerk.get(f"/{booked.instance_id}/refunds").text
    assert "Credit" not in clerk.get("/find?q=7").text


def test_a_held_document_is_released_as_it_was_seen(booked: Mirrored, clerk: Browser) -> None:
    begin(booked)
    accounted.add_order(booked)
    number = make_documents(booked)
    page = clerk.get(path(booked, f"/documents/{number}"))
    assert "less its discounts, are 70.0000, but its total_inc_tax is 69.8400." in page.text
    assert "It stays out of your books until somebody releases it." in page.text
    form = page.form("/release")
    released = clerk.follow(clerk.send(form))
    assert "It is released. A worker hands it over to your books." in released.text
    assert "Released an accounting document, by ada" in clerk.get(f"/{booked.instance_id}").text
    # A second press, or a page that is old.
    assert "only one that is held" in clerk.send(form, status=409).text


def test_what_was_changed_since_is_not_released(booked: Mirrored, clerk: Browser) -> None:
    begin(booked)
    add_documents(booked, [HELD])
    form = clerk.get(path(booked, "/documents/1")).form("/release")
    table = booked.tables.accounting_documents
    booked.execute(table.update().values(date=date(2026, 3, 5)))
    page = clerk.send(form, status=409)
    assert "nothing was released. Look at it as it is now." in page.text
    assert booked.rows("accounting_documents")[0]["status"] == "held"


def test_what_the_books_did_not_take_is_handed_over_again(booked: Mirrored, clerk: Browser) -> None:
    begin(booked)
    add_documents(booked, [document(status="failed", message="The period is closed")], tries=14)
    page = clerk.get(path(booked, "/documents/1"))
    assert "Your books did not take it: The period is closed." in page.text
    page = clerk.follow(clerk.send(page.form("/retry")))
    assert "A worker hands it over again." in page.text
    add_batch(booked, 1, status="failed", message="No such code.")
    page = clerk.get(path(booked, "/batches/1"))
    assert "Batch 1 of 2026-03 was not taken: No such code." in page.text
    clerk.follow(clerk.send(page.form("/retry")))
    assert [row["status"] for row in booked.rows("accounting_batches")] == ["pending"]


def test_a_posting_that_is_tried_says_what_the_books_said(booked: Mirrored, clerk: Browser) -> None:
    soon = datetime(2026, 3, 2, 14, 5)
    add_documents(booked, [document(status="pending", message="Locked")], tries=2, next_try_at=soon)
    text = clerk.get(path(booked, "/documents/1")).text
    assert "Your books have not taken it yet: Locked. It was tried 2 times, and again at 2 Mar 2026 14:05 UTC." in text


def test_batches_show_their_lines_and_lead_to_their_documents(booked: Mirrored, clerk: Browser) -> None:
    add_documents(booked, [goods(status="pending")], batch_number=add_batch(booked, 1), is_late=True)
    add_batch(booked, 2, status="posted", host_reference="J-9", batch_period="2026-02")
    page = clerk.get(path(booked, "/batches"))
    assert [name for name in page.links if name.startswith("Batch ")] == ["Batch 2", "Batch 1"]
    open_page = clerk.get(path(booked, "/batches/1"))
    assert "it is handed over once the orders of the whole period were read" in open_page.text
    assert "Goods out 1" in clerk.get(open_page.links["Documents of this period"]).links
    assert "40.00 USD" in clerk.get(path(booked, "/batches/2")).text
    document_page = clerk.get(path(booked, "/documents/1"))
    assert "late: the batch of its own period was closed" in document_page.text
    assert document_page.links["batch 1"].endswith("/batches/1")


def test_a_cost_that_is_missing_is_no_sum(booked: Mirrored, clerk: Browser) -> None:
    lines = (Line("cogs", "debit", None, cost_source="missing"), Line("inventory", "credit", None))
    add_documents(booked, [goods(status="waiting", reasons=("cost_missing",), lines=lines, total=None)])
    page = clerk.get(path(booked, "/documents/1"))
    assert "The cost of the goods is not known yet." in page.text
    assert "Sum – –" in page.text


def test_what_may_forbids_is_not_shown(booked: Mirrored, clerk: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    add_order(booked)
    add_documents(booked, [HELD])
    may_not(monkeypatch, "post_accounting", "read_orders", "export")
    page = clerk.get(path(booked, "/documents/1"))
    assert not page.forms or all("/release" not in form.action for form in page.forms)
    assert "218" not in page.links
    assert "Download as CSV" not in clerk.get(path(booked)).links
    clerk.client.post(f"/big-commerce{path(booked, '/documents/1/release')}")
    assert booked.rows("accounting_documents")[0]["status"] == "held"
    may_not(monkeypatch, "read_accounting")
    clerk.get(path(booked), status=403)
    assert "Accounting" not in clerk.get(f"/{booked.instance_id}").links
    assert "In your books" not in clerk.get(f"/{booked.instance_id}/orders/218").text


def test_a_host_without_books_has_no_tab(listed: Mirrored, reader: Browser) -> None:
    listed.add("orders", {"bigcommerce_id": 218})
    assert "Accounting" not in reader.get(f"/{listed.instance_id}").links
    assert "In your books" not in reader.get(f"/{listed.instance_id}/orders/218").text
    assert "Your system takes no accounting documents" in reader.get(f"/{listed.instance_id}/accounting").text


def add_order(booked: Mirrored, **columns: Any) -> None:
    shipped = {"status_id": 2, "date_shipped": datetime(2026, 3, 2, 12), "date_modified": NOON}
    booked.add("orders", {"bigcommerce_id": 218, "default_currency_code": "USD"} | shipped | columns)


def test_an_order_shows_its_documents(booked: Mirrored, clerk: Browser) -> None:
    add_order(booked)
    add_documents(booked, [HELD, goods(status="pending")])
    page = clerk.get(f"/{booked.instance_id}/orders/218")
    assert {"Invoice 1", "Goods out 2"} <= set(page.links)
    assert "The parts add up to 70.00, and the total is 69.84." in page.text


@pytest.mark.parametrize(
    ("columns", "ledger", "reason"),
    [
        ({}, None, "no documents were made for this store yet"),
        ({"status_id": 11}, {}, "Its status is Awaiting Fulfillment."),
        ({"status_id": 5, "is_sale": False}, {}, "it is no sale: its status is Cancelled."),
        ({"is_deleted": True, "is_sale": False}, {}, "the store has archived it"),
        (
            {"date_shipped": datetime(2026, 2, 27)},
            {},
            "it was shipped 27 Feb 2026, and documents are made from 1 Mar 2026",
        ),
        ({"status_id": 4, "date_shipped": None}, {}, "Its status is Refunded."),
        ({}, {"orders_read": 0}, "its documents are made when a worker has time"),
        ({}, {}, "there is no amount in it"),
    ],
)
def test_an_order_without_documents_says_why(
    booked: Mirrored, clerk: Browser, columns: dict[str, Any], ledger: dict[str, Any] | None, reason: str
) -> None:
    add_order(booked, **columns)
    if ledger is not None:
        begin(booked, **{"started_on": date(2026, 3, 1), "orders_read": 1} | ledger)
    assert reason in clerk.get(f"/{booked.instance_id}/orders/218").text


def test_the_first_day_is_the_hosts(booked: Mirrored, clerk: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    add_order(booked)
    begin(booked, orders_read=1)
    monkeypatch.setattr(SQLAlchemyHost, "accounting_start", lambda *_: date(2026, 4, 1), raising=False)
    assert "documents are made from 1 Apr 2026 on" in clerk.get(f"/{booked.instance_id}/orders/218").text


def test_a_flag_is_switched_on_from_a_day_on(booked: Mirrored, clerk: Browser) -> None:
    begin(booked)
    booked.execute(booked.tables.instances.update().values(sync_sales_credit_to_accounting=False))
    address = f"/{booked.instance_id}/settings"
    refused = clerk.send(clerk.get(address).form("accounting_from"), status=422, accounting_from="2026-03-05")
    assert "Is given only where a flag of the accounting is switched on." in refused.text
    form = clerk.get(address).form("accounting_from")
    assert form.fields["accounting_from"] == ""
    form.fields["integration_settings.sync_sales_credit_to_accounting"] = "on"
    clerk.follow(clerk.send(form, accounting_from="2026-03-05"))
    assert booked.rows("accounting")[0]["credits_from"] == date(2026, 3, 5)
    assert booked.rows("instances")[0]["sync_sales_credit_to_accounting"] is True
