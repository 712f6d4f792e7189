"""Documents as rows, and back; the lines of documents and batches are the JSON text of a column."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import partial
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from ..accounting.document import Document, Line
from ..accounting.postings import AccountingMemo
from ..models import Tables
from ..models.product_key import Key, key_answer

_AMOUNTS = ("amount", "tax_amount")
# Columns that are attributes of a document, by its own names for them.
_SAME = (
    "kind",
    "status",
    "date",
    "currency_code",
    "total",
    "return_reference",
    "adjusts_number",
    "customer_id",
    "external_order_id",
    "store_default_currency_code",
    "payment_reference",
    "number",
    "message",
    "released_version",
)
_RENAMED = {
    "order_id": "bigcommerce_order_id",
    "refund_id": "bigcommerce_refund_id",
    "exchange_rate": "store_default_to_transactional_exchange_rate",
}
ReadKey = Callable[[Any], Key]
"""Makes the host's key of what JSON carries: ``ProductKey.read`` with the dialect."""


def key_reader(session: Session, tables: Tables) -> ReadKey:
    """What makes keys of JSON by the type that keys of the host have."""
    return partial(tables.product_key.read, dialect=session.get_bind().dialect)


def document_of(row: Row[Any], read_key: ReadKey) -> Document:
    """The document of a whole row."""
    given = row._mapping
    return Document(
        **{name: given[name] for name in _SAME},
        **{name: given[column] for name, column in _RENAMED.items()},
        reasons=tuple(given["reasons"].split()),
        lines=lines_of(given["lines"], read_key),
        memo_lines=memo_lines_of(given["memo_lines"]),
    )


def document_values(document: Document) -> dict[str, Any]:
    """The columns of a document, but for those that are not its own: its instance, batch, posting and change number."""
    return {
        **{name: getattr(document, name) for name in _SAME},
        **{column: getattr(document, name) for name, column in _RENAMED.items()},
        "reasons": " ".join(document.reasons),
        "lines": lines_text(document.lines),
        "memo_lines": memo_lines_text(document.memo_lines),
    }


def lines_text(lines: Iterable[Line]) -> str:
    """The lines in their order; what is None or empty is left out. ASCII alone."""
    return json.dumps([_given(line) for line in lines], separators=(",", ":"))


def lines_of(text: str, read_key: ReadKey) -> tuple[Line, ...]:
    """The lines that ``lines_text`` wrote."""
    return tuple(_line(each, read_key) for each in json.loads(text))


def memo_lines_text(memo_lines: Iterable[AccountingMemo]) -> str | None:
    """The memo lines; None without any."""
    made = [{"kind": each.kind, "percentage": str(each.percentage), "amount": str(each.amount)} for each in memo_lines]
    return json.dumps(made, separators=(",", ":")) if made else None


def memo_lines_of(text: str | None) -> tuple[AccountingMemo, ...]:
    """The memo lines that ``memo_lines_text`` wrote."""
    return tuple(
        AccountingMemo(each["kind"], Decimal(each["percentage"]), Decimal(each["amount"]))
        for each in json.loads(text or "[]")
    )


def _given(line: Line) -> dict[str, Any]:
    """Name by name, as there are many lines."""
    values: dict[str, Any] = {"role": line.role, "side": line.side}
    if line.amount is not None:
        values["amount"] = str(line.amount)
    if line.tax_amount is not None:
        values["tax_amount"] = str(line.tax_amount)
    if line.host_product_id is not None:
        values["host_product_id"] = key_answer(line.host_product_id)
    for name, value in (
        ("order_line_id", line.order_line_id),
        ("quantity", line.quantity),
        ("detail", line.detail),
        ("cost_source", line.cost_source),
        ("derivation", line.derivation or None),
        ("nominal_code_id", line.nominal_code_id),
        ("quantity_shipped", line.quantity_shipped),
    ):
        if value is not None:
            values[name] = value
    return values


def _line(given: dict[str, Any], read_key: ReadKey) -> Line:
    values = dict(given)
    for name in _AMOUNTS:
        values[name] = Decimal(given[name]) if name in given else None
    if "host_product_id" in given:
        values["host_product_id"] = read_key(given["host_product_id"])
    return Line(**values)
