"""Documents as rows, and back; the lines of documents and batches are the JSON text of a column."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import partial
from types import NoneType
from typing import Any

from msgspec.json import Decoder, encode
from msgspec.structs import asdict, replace
from sqlalchemy import Row
from sqlalchemy.orm import Session

from ..accounting.document import Document, Line
from ..accounting.postings import AccountingMemo
from ..models import Tables
from ..models.product_key import Key, key_answer

_LINES = Decoder(tuple[Line, ...])
# Types of keys that JSON carries as they are.
_PLAIN = (NoneType, int, str)
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
    values = asdict(document)
    values.update(
        {column: values.pop(name) for name, column in _RENAMED.items()},
        reasons=" ".join(document.reasons),
        lines=lines_text(document.lines),
        memo_lines=memo_lines_text(document.memo_lines),
    )
    return values


def lines_text(lines: Iterable[Line]) -> str:
    """The lines in their order; what is None or empty is left out. ASCII alone."""
    text = encode([line if type(line.host_product_id) in _PLAIN else _with_plain_key(line) for line in lines]).decode()
    return text if text.isascii() else json.dumps(json.loads(text), separators=(",", ":"))


def lines_of(text: str, read_key: ReadKey) -> tuple[Line, ...]:
    """The lines that ``lines_text`` wrote."""
    return tuple(
        line if line.host_product_id is None else replace(line, host_product_id=read_key(line.host_product_id))
        for line in _LINES.decode(text)
    )


def _with_plain_key(line: Line) -> Line:
    return replace(line, host_product_id=key_answer(line.host_product_id))


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
