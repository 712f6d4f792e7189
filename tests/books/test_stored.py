"""Lines of documents survive their column."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from uuid import UUID

from msgspec.structs import fields

from bigcommerce_integration.accounting.document import Document, Line
from bigcommerce_integration.accounting.postings import AccountingMemo
from bigcommerce_integration.books.stored import (
    document_of,
    document_values,
    lines_of,
    lines_text,
    memo_lines_of,
    memo_lines_text,
)

KEY = UUID("6f1c1fc4-6f0c-4a3e-9c84-0a4f2c5b8f11")


def test_lines_come_back_as_they_were_written() -> None:
    lines = (
        Line(
            "sales",
            "credit",
            Decimal("53.4400"),
            Decimal("4.40"),
            order_line_id=11,
            host_product_id=KEY,
            quantity=4,
            detail="wrapping – ü",
            derivation="discounted_total_inc_tax - total_tax",
            nominal_code_id=400,
        ),
        Line("cogs", "debit", None, cost_source="missing"),
    )
    text = lines_text(lines)
    assert text.isascii()
    assert lines_of(text, UUID) == lines
    assert [str(line.amount) for line in lines_of(text, UUID)] == ["53.4400", "None"]


def test_every_field_of_a_line_is_kept() -> None:
    line = Line("cogs", "debit", Decimal("1.00"), Decimal("0.10"), 11, 900, 4, "fees", "host", "a * b", 400, 3)
    assert all(getattr(line, each.name) != each.default for each in fields(Line))
    assert lines_of(lines_text([line]), int) == (line,)


def test_memo_lines_come_back_and_none_are_null() -> None:
    memos = (AccountingMemo("payment_cost", Decimal("2.5"), Decimal("1.75")),)
    assert memo_lines_of(memo_lines_text(memos)) == memos
    assert memo_lines_text(()) is None
    assert memo_lines_of(None) == ()


def test_a_document_comes_back_from_its_columns() -> None:
    document = Document(
        kind="sales_credit",
        status="held",
        reasons=("payments_mismatch", "credits_exceed_invoice"),
        date=date(2026, 3, 2),
        currency_code="USD",
        order_id=218,
        lines=(Line("receivable", "credit", Decimal("69.8400")),),
        total=Decimal("69.8400"),
        memo_lines=(AccountingMemo("payment_cost", Decimal("2.5"), Decimal("-1.75")),),
        refund_id=7,
        adjusts_number=41,
        customer_id=0,
        external_order_id="",
        store_default_currency_code="EUR",
        exchange_rate=Decimal("1.0900000000"),
        payment_reference="ch_1",
        number=42,
        message="The payments of the refund are 60.00, and it is of 69.84.",
        released_version="a" * 64,
    )
    row = SimpleNamespace(_mapping=document_values(document) | {"instance_id": 1})
    assert document_of(row, int) == document  # type: ignore[arg-type]
