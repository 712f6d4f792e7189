"""Accounting documents, batches and their figures as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from ..accounting.document import Line
from ..accounting.postings import AccountingMemo
from ..models.product_key import key_answer
from ..models.types import moment_text
from ..operations.accounting.batches import BatchView
from ..operations.accounting.documents import SHOWN, DocumentView
from ..operations.accounting.summary import Awaiting
from ..operations.accounting.tie_out import TieOut
from .text import encodable

_TEXTS = ("return_reference", "payment_reference", "external_order_id", "host_reference", "message")


def document_row_answer(row: Row[Any]) -> dict[str, Any]:
    """A document as a list has it, without its lines."""
    given = row._mapping
    return {
        **{name: given[name] for name in SHOWN},
        **{name: _text(given[name]) for name in _TEXTS},
        "reasons": given["reasons"].split(),
        "date": given["date"].isoformat(),
        "store_default_to_transactional_exchange_rate": _decimal(
            given["store_default_to_transactional_exchange_rate"], 10
        ),
        "total": _decimal(given["total"], 4),
        "posted_at": moment_text(given["posted_at"]),
    }


def document_answer(view: DocumentView) -> dict[str, Any]:
    """The same with its lines."""
    return document_row_answer(view.row) | {
        "lines": [_line_answer(line) for line in view.lines],
        "memo_lines": [_memo_answer(memo) for memo in view.memo_lines],
    }


def batch_answer(view: BatchView) -> dict[str, Any]:
    """A batch with its lines."""
    given = view.row._mapping
    return {
        **{name: given[name] for name in ("number", "kind", "period_type", "batch_period")},
        "date": given["date"].isoformat(),
        **{name: given[name] for name in ("currency_code", "status", "document_count", "late_count")},
        "host_reference": _text(given["host_reference"]),
        "posted_at": moment_text(given["posted_at"]),
        "message": _text(given["message"]),
        "lines": [
            {
                "role": line.role,
                "side": line.side,
                "amount": _decimal(line.amount, 4),
                "nominal_code_id": line.nominal_code_id,
            }
            for line in view.lines
        ],
    }


def summary_answer(found: Sequence[Awaiting], *, is_complete: bool | None) -> dict[str, Any]:
    """What is not posted yet, and whether documents were made of all that is stored."""
    return {
        "is_complete": is_complete,
        "awaiting": [
            {
                "kind": each.kind,
                "status": each.status,
                "reasons": list(each.reasons),
                "is_batched": each.is_batched,
                "currency_code": each.currency_code,
                "count": each.count,
                "total": _decimal(each.total, 4),
                "since": each.since.isoformat(),
                "sentence": each.sentence,
            }
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
                "total": _decimal(each.total, 4),
                **{status: _decimal(total, 4) for status, total in each.by_status.items()},
                "difference": _decimal(each.difference, 4),
                "differing_orders": [
                    {
                        "bigcommerce_order_id": one.order_id,
                        "total": _decimal(one.order_total, 4),
                        "invoiced": _decimal(one.invoiced, 4),
                    }
                    for one in each.differing
                ],
            }
            for each in found
        ],
    }


def return_answer(row: Mapping[str, Any], quantities: Mapping[int, int]) -> dict[str, Any]:
    """Goods that came back, as they were reported."""
    return {
        "reference": encodable(row["reference"]),
        "bigcommerce_order_id": row["bigcommerce_order_id"],
        "received_at": row["received_at"].isoformat(),
        "lines": [{"line_id": line_id, "quantity": quantity} for line_id, quantity in sorted(quantities.items())],
        "created_by": _text(row["created_by"]),
        "created_at": moment_text(row["created_at"]),
    }


def _line_answer(line: Line) -> dict[str, Any]:
    return {
        "role": line.role,
        "side": line.side,
        "amount": _decimal(line.amount, 4),
        "nominal_code_id": line.nominal_code_id,
        "tax_amount": _decimal(line.tax_amount, 4),
        "bigcommerce_order_line_id": line.order_line_id,
        "host_product_id": key_answer(line.host_product_id),
        "quantity": line.quantity,
        "detail": _text(line.detail),
        "cost_source": line.cost_source,
        "derivation": line.derivation,
    }


def _memo_answer(memo: AccountingMemo) -> dict[str, Any]:
    # "10", not "1E+1".
    percentage = f"{memo.percentage.normalize():f}"
    return {"kind": memo.kind, "percentage": percentage, "amount": _decimal(memo.amount, 4)}


def _decimal(value: Decimal | None, places: int) -> str | None:
    return None if value is None else f"{value:.{places}f}"


def _text(value: str | None) -> str | None:
    return None if value is None else encodable(value)
