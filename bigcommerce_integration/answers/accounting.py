"""Accounting documents, batches and their figures as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row

from ..accounting.document import Line
from ..models.product_key import key_answer
from ..operations.accounting.batches import BatchView
from ..operations.accounting.documents import SHOWN, DocumentView
from ..operations.accounting.summary import Awaiting
from ..operations.accounting.tie_out import TieOut
from .text import plain, shown

_BATCH = ("number", "kind", "period_type", "batch_period", "date", "currency_code", "status", "document_count")


def document_row_answer(row: Row[Any]) -> dict[str, Any]:
    """A document as a list has it, without its lines."""
    rate = row.store_default_to_transactional_exchange_rate
    return shown(row, *SHOWN) | {
        "reasons": row.reasons.split(),
        "store_default_to_transactional_exchange_rate": None if rate is None else f"{rate:.10f}",
    }


def document_answer(view: DocumentView) -> dict[str, Any]:
    """The same with its lines."""
    return document_row_answer(view.row) | {
        "lines": [_line_answer(line) for line in view.lines],
        # The percentage as "10", not "1E+1".
        "memo_lines": [
            shown(memo, "kind", "amount") | {"percentage": f"{memo.percentage.normalize():f}"}
            for memo in view.memo_lines
        ],
    }


def batch_answer(view: BatchView) -> dict[str, Any]:
    """A batch with its lines."""
    return {
        **shown(view.row, *_BATCH, "late_count", "host_reference", "posted_at", "message"),
        "lines": [shown(line, "role", "side", "amount", "nominal_code_id") for line in view.lines],
    }


def summary_answer(found: Sequence[Awaiting], *, is_complete: bool | None) -> dict[str, Any]:
    """What is not posted yet, and whether documents were made of all that is stored."""
    return {
        "is_complete": is_complete,
        "awaiting": [
            shown(each, "kind", "status", "is_batched", "currency_code", "count", "total", "since", "sentence")
            | {"reasons": list(each.reasons)}
            for each in found
        ],
    }


def tie_out_answer(first_day: date, found: Sequence[TieOut]) -> dict[str, Any]:
    """A month's sums, by currency."""
    return {
        "month": f"{first_day:%Y-%m}",
        "currencies": [
            {
                "currency_code": each.currency_code,
                "order_count": each.orders,
                **shown(each, "total", "difference"),
                **{status: plain(total) for status, total in each.by_status.items()},
                "differing_orders": [
                    {"bigcommerce_order_id": one.order_id, "total": plain(one.order_total), **shown(one, "invoiced")}
                    for one in each.differing
                ],
            }
            for each in found
        ],
    }


def return_answer(row: Mapping[str, Any], quantities: Mapping[int, int]) -> dict[str, Any]:
    """Goods that came back, as they were reported."""
    names = ("reference", "bigcommerce_order_id", "received_at", "created_by", "created_at")
    lines = [{"line_id": line_id, "quantity": quantity} for line_id, quantity in sorted(quantities.items())]
    return {**{name: plain(row[name]) for name in names}, "lines": lines}


def _line_answer(line: Line) -> dict[str, Any]:
    return {
        **shown(line, "role", "side", "amount", "nominal_code_id", "tax_amount", "quantity", "detail"),
        **shown(line, "cost_source", "derivation"),
        "bigcommerce_order_line_id": line.order_line_id,
        "host_product_id": key_answer(line.host_product_id),
    }
