"""From rows of orders to documents, and to the journal of the host."""

from __future__ import annotations

from datetime import date
from decimal import Decimal


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
