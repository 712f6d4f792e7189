"""Documents and batches as the host's ``post_accounting`` gets them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row

from ...accounting.document import Document, Line
from ...accounting.postings import AccountingBatch, AccountingDocument, AccountingLine


def posting_line(line: Line) -> AccountingLine:
    """A line whose amount is known."""
    assert line.amount is not None
    return AccountingLine(
        role=line.role,
        side=line.side,
        amount=line.amount,
        nominal_code_id=line.nominal_code_id,
        tax_amount=line.tax_amount,
        order_line_id=line.order_line_id,
        host_product_id=line.host_product_id,
        quantity=line.quantity,
        detail=line.detail,
        is_estimated=line.cost_source == "estimate",
        derivation=line.derivation,
    )


def posting_document(document: Document) -> AccountingDocument:
    """A document that is stored."""
    assert document.number is not None
    return AccountingDocument(
        number=document.number,
        kind=document.kind,
        date=document.date,
        currency_code=document.currency_code,
        order_id=document.order_id,
        lines=tuple(map(posting_line, document.lines)),
        memo_lines=document.memo_lines,
        refund_id=document.refund_id,
        return_reference=document.return_reference,
        adjusts_number=document.adjusts_number,
        customer_id=document.customer_id,
        exchange_rate=document.exchange_rate,
        payment_reference=document.payment_reference,
    )


def posting_batch(row: Row[Any], lines: Iterable[Line], documents: Iterable[Document]) -> AccountingBatch:
    """A batch that is closed: its row, its lines and its documents."""
    return AccountingBatch(
        number=row.number,
        kind=row.kind,
        period_type=row.period_type,
        batch_period=row.batch_period,
        date=row.date,
        currency_code=row.currency_code,
        lines=tuple(map(posting_line, lines)),
        documents=tuple(map(posting_document, documents)),
    )
