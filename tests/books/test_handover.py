"""Each posting is handed over exactly once, however often the host fails, and by whichever worker."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from bigcommerce_integration import AccountingDocument
from bigcommerce_integration.books.handover import LONGEST_RETRY_S, MOST_TRIES, retry, retry_after_s
from bigcommerce_integration.errors import Conflict, NotFound
from bigcommerce_integration.models import db_now
from bigcommerce_integration.refresh.removal.purge import purge

from ..waiting import wait_until
from .kit import Shelf


def tried_again(shelf: Shelf, times: int = 1) -> None:
    """As if the back-off were over, so many times."""
    documents, batches = shelf.tables.accounting_documents, shelf.tables.accounting_batches
    for _ in range(times):
        shelf.execute(*(update(table).values(next_try_at=None) for table in (documents, batches)))
        shelf.keep()


def asked_again(shelf: Shelf, **what: int) -> None:
    shelf.run(lambda session: retry(session, shelf.tables, shelf.instance_id, **what))


@pytest.fixture
def closed(books: Shelf) -> Shelf:
    """An order's invoice and goods, which the host does not take."""
    books.host.fails = lambda posting: RuntimeError("the period is closed")
    books.sell(100, (2, "20.00"))
    books.keep()
    return books


def test_host_gets_the_document_with_its_lines(books):
    books.sell(100, (2, "20.00"))
    books.keep()
    invoice, goods = books.host.posted
    assert isinstance(invoice, AccountingDocument)
    assert (invoice.number, invoice.kind, invoice.order_id, invoice.customer_id) == (1, "sales_order_invoice", 100, 11)
    assert {(line.role, line.side): line.amount for line in invoice.lines} == {
        ("receivable", "debit"): Decimal("55.00"),
        ("sales", "credit"): Decimal("40.00"),
        ("shipping_revenue", "credit"): Decimal("10.00"),
        ("tax", "credit"): Decimal("5.00"),
    }
    assert all(line.is_estimated for line in goods.lines)


def test_what_the_host_raises_undoes_its_rows_and_is_tried_later(closed):
    assert closed.journal() == []
    invoice, goods = closed.documents()
    assert (invoice["status"], invoice["tries"]) == ("pending", 1)
    assert "The host's post_accounting refused: RuntimeError: the period is closed" in invoice["message"]
    assert goods["tries"] == 1
    closed.host.fails = lambda posting: None
    closed.keep()
    assert closed.journal() == []
    tried_again(closed)
    assert closed.journal() == ["AccountingDocument 1", "AccountingDocument 2"]
    assert [row["message"] for row in closed.documents()] == [None, None]


def test_one_that_fails_does_not_hold_up_the_others(books):
    books.host.fails = lambda posting: RuntimeError("no") if posting.number == 1 else None
    for order_id in (100, 101):
        books.sell(order_id, (2, "20.00"))
    books.keep()
    assert [row["status"] for row in books.documents()] == ["pending", "posted", "posted", "posted"]


def test_after_fourteen_tries_it_has_failed_until_retried(closed):
    tried_again(closed, MOST_TRIES - 2)
    assert {(row["status"], row["tries"]) for row in closed.documents()} == {("pending", MOST_TRIES - 1)}
    tried_again(closed)
    assert {row["status"] for row in closed.documents()} == {"failed"}
    closed.host.fails = lambda posting: None
    tried_again(closed)
    assert closed.journal() == []
    asked_again(closed, document=1)
    closed.keep()
    assert closed.journal() == ["AccountingDocument 1"]
    assert [row["status"] for row in closed.documents()] == ["posted", "failed"]


def test_retry_while_it_waits_comes_at_once(closed):
    closed.host.fails = lambda posting: None
    asked_again(closed, document=2)
    closed.keep()
    assert closed.journal() == ["AccountingDocument 2"]


@pytest.mark.parametrize(("what", "error"), [({"document": 9}, NotFound), ({"batch": 9}, NotFound)])
def test_retry_of_what_is_not_there_is_not_found(closed, what, error):
    with pytest.raises(error):
        asked_again(closed, **what)


def test_retry_of_what_is_posted_is_refused(books):
    books.sell(100, (2, "20.00"))
    books.keep()
    with pytest.raises(Conflict, match="is posted"):
        asked_again(books, document=1)


def test_back_off_grows_from_a_minute_to_six_hours():
    waits = [retry_after_s(tries) for tries in range(1, MOST_TRIES)]
    assert waits[0] == 60
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_RETRY_S == 6 * 3600


@pytest.mark.parametrize("said", [None, "", 5, "x" * 256, "a\0b"])
def test_what_is_no_reference_is_refused(books, said):
    books.host.post_accounting = lambda session, instance, posting: said
    books.sell(100, (2, "20.00"))
    books.keep()
    invoice, _ = books.documents()
    assert invoice["status"] == "pending"
    assert "it must return its reference" in invoice["message"]


def test_error_of_the_host_s_own_statement_is_its_failure(any_books):
    def post(session, instance, posting):
        session.execute(insert(any_books.host.journal).values(id=1, posting="first"))
        session.execute(insert(any_books.host.journal).values(id=1, posting="twice"))

    any_books.host.post_accounting = post
    any_books.sell(100, (2, "20.00"))
    any_books.keep()
    assert any_books.journal() == []
    assert {(row["status"], row["tries"]) for row in any_books.documents()} == {("pending", 1)}


def test_two_workers_at_once_hand_over_each_once(any_books):
    for order_id in range(100, 115):
        any_books.sell(order_id, (1, "20.00"))
    workers = [threading.Thread(target=any_books.keep) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    any_books.keep()
    journal = any_books.journal()
    assert len(journal) == len(set(journal)) == 30
    assert {row["status"] for row in any_books.documents()} == {"posted"}


@pytest.mark.ci
def test_order_that_changes_while_it_is_handed_over_waits(any_books):
    """The ledger is not waited for by whoever makes documents, nor the document by whoever has the ledger."""
    if any_books.engine_name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    is_called, may_go_on = threading.Event(), threading.Event()
    post = any_books.host.post_accounting

    def slowly(session, instance, posting):
        is_called.set()
        may_go_on.wait(60)
        return post(session, instance, posting)

    any_books.sell(100, (2, "20.00"))
    any_books.host.post_accounting = slowly
    first = threading.Thread(target=any_books.keep)
    first.start()
    try:
        assert is_called.wait(60)
        any_books.sell(100, (3, "20.00"))
        any_books.host.post_accounting = post
        any_books.keep()
        assert sum(row["total"] for row in any_books.documents(kind="sales_order_invoice")) == Decimal("55.0000")
    finally:
        may_go_on.set()
        first.join(60)
    wait_until(lambda: any_books.keep() or len(any_books.journal()) >= 4, 60, "the adjusting documents")
    assert sum(row["total"] for row in any_books.documents(kind="sales_order_invoice")) == Decimal("77.0000")
    assert len(any_books.journal()) == len(set(any_books.journal()))


def test_nothing_is_handed_over_while_settings_are_taken_in(books):
    books.host.fails = lambda posting: RuntimeError("no")
    books.sell(100, (2, "20.00"))
    books.keep()
    books.host.fails = lambda posting: None
    documents = books.tables.accounting_documents
    marked = update(books.tables.accounting).values(renew_from=1, next_try_at=db_now(50))
    books.execute(update(documents).values(next_try_at=None), marked)
    books.keep()
    assert books.journal() == []


def test_deleted_store_s_documents_are_not_handed_over(closed):
    closed.host.fails = lambda posting: None
    closed.set(status="deleting")
    tried_again(closed)
    assert closed.journal() == []
    assert closed.rows("accounting_documents") != []


@pytest.mark.ci
def test_store_is_not_purged_while_a_document_is_handed_over(any_books):
    if any_books.engine_name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    any_books.host.fails = lambda posting: RuntimeError("no")
    any_books.sell(100, (2, "20.00"))
    any_books.keep()
    documents = any_books.tables.accounting_documents
    any_books.set(status="deleting")
    with any_books.app.app_context(), Session(any_books.host_app.db.engine) as handing_over:
        handing_over.execute(select(documents.c.id).where(documents.c.number == 1).with_for_update())
        assert purge(any_books.engine) == 0
        assert len(any_books.documents()) == 2
        handing_over.rollback()
        wait_until(lambda: purge(any_books.engine) == 1, 60, "the end of the purge")
    assert any_books.documents() == any_books.rows("accounting") == any_books.rows("accounting_batches") == []
