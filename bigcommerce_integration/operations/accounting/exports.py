"""Documents with their lines, and the figures by kind and reason, as CSV."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from ...accounting.document import Line
from ...books.stored import lines_of
from ...models.product_key import key_answer
from ...spreadsheets.cells import guarded
from ..context import RequestContext
from ..exports.file import Export, cell, export
from ..lists.paging import every_page
from .documents import SHOWN, read_key_of, shown_columns, wanted
from .summary import awaiting

_A_PAGE = 500
_RENAMED = {"order_line_id": "bigcommerce_order_line_id"}
_LINE = Line.__struct_fields__
_SUMMARY = ("kind", "status", "reasons", "is_batched", "currency_code", "count", "total", "since", "sentence")


def export_documents(context: RequestContext, query: Mapping[str, Any]) -> Export:
    """The file of the documents that the list has for ``query``, a row for each line; see ``exports.file.export``."""
    columns = [*shown_columns(context), context.state.tables.accounting_documents.c.lines]
    header = (*SHOWN, "line", *(_RENAMED.get(name, name) for name in _LINE))
    pages = every_page(context.session, wanted(context, query), columns, _A_PAGE)
    rows = (_rows(context, columns[:-1], page) for page in pages)
    return export(context, "accounting-documents", header, rows, query)


def _rows(context: RequestContext, columns: Sequence[Any], page: Iterable[Row[Any]]) -> Iterator[list[str | int]]:
    read_key = read_key_of(context)
    for row in page:
        own = [cell(column, _day(row._mapping[column.name])) for column in columns]
        for place, line in enumerate(lines_of(row.lines, read_key), start=1):
            yield [*own, place, *(_cell(getattr(line, name)) for name in _LINE)]


def _day(value: Any) -> Any:
    """A day as text; a moment is a day too, and has its own way to be one."""
    return value.isoformat() if hasattr(value, "isoformat") and not hasattr(value, "hour") else value


def _cell(value: Any) -> str | int:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:.4f}"
    plain = key_answer(value)
    return plain if isinstance(plain, int) else guarded(str(plain))


def export_summary(context: RequestContext) -> Export:
    """The file of what is not posted, by kind and why; see ``exports.file.export``."""
    rows = (
        [
            each.kind,
            each.status,
            " ".join(each.reasons),
            "true" if each.is_batched else "false",
            guarded(each.currency_code),
            each.count,
            "" if each.total is None else f"{each.total:.4f}",
            each.since.isoformat(),
            each.sentence,
        ]
        for each in awaiting(context)
    )
    return export(context, "accounting-summary", _SUMMARY, [rows], {})
