"""A held document is released in the version that a person has seen, and in no other."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from sqlalchemy import update

from bigcommerce_integration.accounting.version import version
from bigcommerce_integration.app_state import state_of
from bigcommerce_integration.books.release import release
from bigcommerce_integration.books.rules import Books
from bigcommerce_integration.books.stored import document_of
from bigcommerce_integration.errors import Conflict, HostRefused, NotFound, VersionMismatch

from .kit import Shelf


def released(shelf: Shelf, number: int, *, seen: str | None = None) -> str:
    """The status that the document has then."""
    books = Books(state_of(shelf.app).config, shelf.tables, shelf.host)
    return str(
        shelf.run(lambda session: release(session, books, shelf.instance_id, number, version=seen, by="7")).status
    )


def seen(shelf: Shelf, number: int) -> str:
    """Its version."""
    table = shelf.tables.accounting_documents
    wanted = table.select().where(table.c.number == number)
    return str(shelf.run(lambda session: version(document_of(session.execute(wanted).one(), int))))


def with_held_invoice(shelf: Shelf) -> Shelf:
    """Of an order whose total is none of the sums of its parts."""
    shelf.sell(100, (2, "20.00"), total_inc_tax=Decimal("77.0000"))
    shelf.keep()
    assert [row["status"] for row in shelf.documents()] == ["held", "posted"]
    return shelf


@pytest.fixture
def held(books: Shelf) -> Shelf:
    return with_held_invoice(books)


def test_release_of_the_seen_version_hands_it_over(any_books):
    held = with_held_invoice(any_books)
    assert released(held, 1, seen=seen(held, 1)) == "pending"
    held.keep()
    invoice, _ = held.documents()
    assert (invoice["status"], invoice["reasons"].split()[0]) == ("posted", "total_mismatch")
    (entry,) = [each for each in held.rows("history") if each["action"] == "release"]
    assert (entry["done_by"], json.loads(entry["changes"])["document"]) == ("7", 1)


def test_release_of_another_version_is_refused(held):
    before = seen(held, 1)
    held.sell(100, (2, "20.00"), total_inc_tax=Decimal("78.0000"))
    held.keep()
    with pytest.raises(VersionMismatch):
        released(held, 1, seen=before)
    assert [row["status"] for row in held.documents()] == ["held", "posted"]


def test_release_of_an_order_that_changed_unseen_is_refused(held):
    """The order's row is newer than its document."""
    before = seen(held, 1)
    held.edit(100, total_inc_tax=Decimal("78.0000"))
    with pytest.raises(VersionMismatch):
        released(held, 1, seen=before)
    assert held.documents()[0]["released_version"] is None
    assert not [each for each in held.rows("history") if each["action"] == "release"]


def test_later_edit_holds_it_anew(held):
    held.host.fails = lambda posting: RuntimeError("no")
    released(held, 1, seen=seen(held, 1))
    held.sell(100, (2, "20.00"), total_inc_tax=Decimal("78.0000"))
    held.keep()
    assert held.documents()[0]["status"] == "held"


def test_release_of_an_invoice_lets_its_goods_go(books):
    books.sell(100, (2, "20.00"))
    books.keep()
    books.edit(100, status_id=5, is_sale=False)
    books.keep()
    reversal, goods = books.documents(status="held")
    assert (reversal["kind"], goods["kind"]) == ("sales_order_invoice", "sales_order_fulfillment")
    released(books, reversal["number"])
    books.keep()
    assert {row["status"] for row in books.documents()} == {"posted"}
    for kind in ("sales_order_invoice", "sales_order_fulfillment"):
        of_kind = [json.loads(row["lines"]) for row in books.documents(kind=kind)]
        sums = {"debit": Decimal(), "credit": Decimal()}
        for line in (line for lines in of_kind for line in lines if line["role"] in ("receivable", "cogs")):
            sums[line["side"]] += Decimal(line["amount"])
        assert sums["debit"] == sums["credit"]


def test_release_under_a_flag_that_is_off_is_disabled(held):
    held.set(sync_sales_order_invoices_to_accounting=False)
    held.execute(update(held.tables.accounting).values(renew_from=1))
    held.keep()
    invoice, _ = held.documents()
    assert invoice["status"] == "disabled"
    with pytest.raises(Conflict, match="is disabled"):
        released(held, 1)


def test_release_of_what_is_not_held_is_refused(held):
    with pytest.raises(Conflict, match="is posted"):
        released(held, 2)
    with pytest.raises(NotFound):
        released(held, 3)


def test_host_that_raises_leaves_it_held(held):
    def raising(*given):
        raise LookupError("no codes")

    held.host.nominal_code = raising
    with pytest.raises(HostRefused):
        released(held, 1)
    assert held.documents()[0]["status"] == "held"
