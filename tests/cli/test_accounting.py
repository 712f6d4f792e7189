"""``flask bigcommerce accounting``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal

import pytest
from click.testing import Result
from dramatiq.brokers.stub import StubBroker

from ..host_app import HostApp
from ..web.accounted import (
    AccountingHost,
    add_batch,
    add_documents,
    add_order,
    begin,
    document,
    goods,
    make_documents,
)
from ..web.mirrored import Mirrored, connected
from .conftest import run_in


@pytest.fixture
def booked(host_app: HostApp, broker: StubBroker, sqlite_url: str) -> Iterator[Mirrored]:
    """A store of a host that has books; accounting has run for it."""
    app = host_app.create_app(sqlite_url, broker=broker, host=host_app.host(AccountingHost))
    host_app.create_rows(app)
    mirrored = connected(app, host_app)
    begin(mirrored)
    yield mirrored
    host_app.dispose(app)


def run(booked: Mirrored, *words: str, **options: str) -> Result:
    return run_in(booked.app, "accounting", str(booked.instance_id), *words, **options)


def test_the_summary_says_what_awaits(booked: Mirrored) -> None:
    assert "Nothing awaits" in run(booked, "summary").stdout
    add_documents(booked, [document(), document(status="held", reasons=("tax_mismatch",))])
    done = run(booked, "summary")
    assert "The taxes of the parts of the order do not add up to its tax." in done.stdout
    assert (done.exit_code, run(booked, "summary", "--strict").exit_code) == (0, 3)


def test_json_is_what_the_api_answers(booked: Mirrored) -> None:
    add_documents(booked, [document(), goods(status="pending")], batch_number=add_batch(booked, 1))
    for words, path in (
        (("summary",), "accounting-summary"),
        (("show", "2"), "accounting-documents/2"),
        (("show", "1", "--batch"), "accounting-batches/1"),
        (("tie-out", "2026-03"), "accounting-tie-out?month=2026-03"),
    ):
        assert json.loads(run(booked, *words, "--json").stdout)["data"] == booked.ask(path).json["data"], words
    listed = json.loads(run(booked, "list", "--json").stdout)["data"]
    assert listed == booked.get("accounting-documents")["data"][::-1]
    assert json.loads(run(booked, "batches", "--json").stdout)["data"] == booked.get("accounting-batches")["data"]


def test_documents_are_listed_by_filters(booked: Mirrored) -> None:
    add_documents(booked, [document(), document(order_id=219), goods(status="pending")])
    heads, row = run(booked, "list", "--order", "219").stdout.splitlines()
    assert heads.split() == ["NUMBER", "DATE", "KIND", "STATUS", "WHY", "ORDER", "TOTAL", "CURRENCY", "BATCH"]
    assert row.split()[:4] == ["2", "2026-03-02", "sales_order_invoice", "posted"]
    assert "There are no such documents." in run(booked, "list", "--status", "held").stdout
    assert run(booked, "list", "--kind", "lost").exit_code == 2


def test_a_document_and_a_batch_are_shown(booked: Mirrored) -> None:
    add_documents(booked, [document(), goods(status="pending")])
    add_batch(booked, 1, status="posted", host_reference="J-9")
    shown = run(booked, "show", "1").stdout
    assert "Document 1: sales_order_invoice of order 218" in shown
    assert "discounted_total_inc_tax - total_tax" in shown
    assert "is in your books as J-9" in run(booked, "show", "1", "--batch").stdout
    done = run(booked, "show", "9")
    assert (done.exit_code, "no such accounting document" in done.stderr) == (1, True)


def test_a_month_that_does_not_tie_out_ends_with_three(booked: Mirrored) -> None:
    assert run(booked, "tie-out", "2026-03").exit_code == 0
    booked.add("orders", {"bigcommerce_id": 218, "total_inc_tax": Decimal(80), "default_currency_code": "USD"})
    add_documents(booked, [document()])
    done = run(booked, "tie-out", "2026-03")
    assert done.exit_code == 3
    assert "Order 218 is of 80.0000 USD, and its invoices of 69.8400." in done.stdout
    assert run(booked, "tie-out", "March").exit_code == 2


def test_a_release_shows_the_document_and_asks(booked: Mirrored) -> None:
    add_order(booked)
    number = str(make_documents(booked))
    assert run(booked, "release", number, input="n\n").exit_code == 1
    assert booked.rows("accounting_documents", number=int(number))[0]["status"] == "held"
    done = run(booked, "release", number, input="y\n")
    assert done.exit_code == 0, done.output
    assert "are 70.0000, but its total_inc_tax is 69.8400." in done.stdout
    assert booked.rows("accounting_documents", number=int(number))[0]["status"] == "pending"
    assert booked.get("history")["data"][0]["done_by"].startswith("cli:")


def test_a_release_of_another_version_is_refused(booked: Mirrored) -> None:
    add_order(booked)
    number = str(make_documents(booked))
    done = run(booked, "release", number, "--version", "0" * 64)
    assert (done.exit_code, "was changed since you read it" in done.stderr) == (1, True)


def test_what_the_books_did_not_take_is_tried_again(booked: Mirrored) -> None:
    add_documents(booked, [document(status="failed", message="Closed")], tries=14)
    add_batch(booked, 1, status="failed", tries=14)
    assert "A worker hands it over next." in run(booked, "retry", "1").stdout
    assert "Batch 1 of 2026-03 is closed." in run(booked, "retry", "1", "--batch").stdout
    assert run(booked, "retry", "1").exit_code == 1


def test_the_doctor_names_what_is_held_and_the_command(booked: Mirrored) -> None:
    add_documents(booked, [document(status="held", reasons=("host",), message="It pays an invoice.")])
    done = run_in(booked.app, "doctor", "--check", "findings", "--json")
    (found,) = [each for each in json.loads(done.stdout)["data"] if "accounting document" in each["message"]]
    assert "1 accounting document is held and stays out of your books" in found["message"]
    assert (found["outcome"], found["remedy"]) == (
        "warning",
        f"Run `flask bigcommerce accounting {booked.instance_id} summary`.",
    )
