"""Rejected records as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Row

from ..context import RequestContext
from ..lists.rejected import every_rejected, what_to_do
from .file import PAYLOADS_A_PAGE, ROWS_A_PAGE, Export, cell, export

_BEFORE = ("id", "refresh_id", "resource", "bigcommerce_id", "reason", "reason_code")
_AFTER = ("is_payload_cut", "created_at")


def export_rejected(context: RequestContext, *, with_payload: bool = False, **filters: str) -> Export:
    """The file of the rejected records that the list has for these filters; see ``file.export``.

    ``Forbidden`` as of the list.
    """
    pages = every_rejected(context, PAYLOADS_A_PAGE if with_payload else ROWS_A_PAGE, with_payload, filters)
    header = (*_BEFORE, "what_to_do", *_AFTER, *(("payload",) if with_payload else ()))
    query = filters | ({"include": "payload"} if with_payload else {})
    return export(context, "rejected", header, ([list(_cells(context, row)) for row in rows] for rows in pages), query)


def _cells(context: RequestContext, row: Row[Any]) -> Iterator[str | int]:
    columns = context.state.tables.rejected_records.c
    yield from (cell(columns[name], row._mapping[name]) for name in _BEFORE)
    yield what_to_do(row.bigcommerce_id, row.reason_code)
    yield from (cell(columns[name], row._mapping[name]) for name in _AFTER)
    if "payload" in row._mapping:
        payload = row.payload and bytes(row.payload).decode("utf-8", "replace")
        yield cell(columns.payload, payload)
