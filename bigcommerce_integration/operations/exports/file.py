"""One CSV file, made on disk before a byte of it is sent: an error is an error, and never a short file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any

from sqlalchemy import Column, Numeric

from ... import history
from ...models.product_key import key_answer
from ...models.types import moment_text
from ...resources.columns import notes_of
from ...spreadsheets.cells import csv_text, guarded
from ..context import RequestContext
from ..transactions import commit

ROWS_A_PAGE, PAYLOADS_A_PAGE = 1000, 100
# Excel takes a file without it for one in the character set of the country, and damages every other letter.
BOM = "\ufeff"
# Whose record it was is no part of the history.
_OF_PEOPLE = frozenset({"customer_id"})


@dataclass(frozen=True)
class Export:
    """A CSV file in UTF-8 with its byte order mark, at its beginning; who gets it closes it."""

    name: str
    file: IO[bytes]
    bytes: int
    rows: int


def export(
    context: RequestContext,
    what: str,
    header: Sequence[str],
    pages: Iterable[Iterable[Sequence[str | int]]],
    filters: Mapping[str, Any],
) -> Export:
    """The file of these rows, page by page; noted in the history with its filters once it is whole. Commits."""
    made = make_file(f"bigcommerce-{context.instance.id}-{what}.csv", header, pages)
    try:
        plain = {name: _plain_value(value) for name, value in filters.items() if name not in _OF_PEOPLE}
        _note(context, {"what": what, "rows": made.rows, "filters": plain})
    except BaseException:
        made.file.close()
        raise
    return made


def make_file(name: str, header: Sequence[str], pages: Iterable[Iterable[Sequence[str | int]]]) -> Export:
    """The file of these rows, page by page."""
    count = 0
    with ExitStack() as stack:
        file = stack.enter_context(tempfile.TemporaryFile())
        file.write((BOM + csv_text([header])).encode())
        for page in pages:
            rows = list(page)
            count += len(rows)
            file.write(csv_text(rows).encode())
        length = file.tell()
        file.seek(0)
        stack.pop_all()
    return Export(name, file, length, count)


def cell(column: Column[Any], value: Any) -> str | int:
    """What stands in a cell: numbers as they are, texts guarded (see ``spreadsheets.cells``), nothing for null."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:.{column.type.scale if isinstance(column.type, Numeric) else None}f}"
    if isinstance(value, datetime):
        return moment_text(value) or ""
    if column.name == "notes":
        value = "; ".join(f"{note['field']}: {note['reason']}" for note in notes_of(value))
    elif not isinstance(value, int | str):
        value = key_answer(value)
    return value if isinstance(value, int) else guarded(str(value))


def _note(context: RequestContext, changes: Mapping[str, Any]) -> None:
    session, tables = context.session, context.state.tables
    commit(
        session,
        lambda: history.record(session, tables, context.instance.id, "export", done_by=context.name, changes=changes),
    )


def _plain_value(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return value if isinstance(value, bool) else key_answer(value)
