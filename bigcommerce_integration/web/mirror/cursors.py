"""The parameters and the ``meta`` of lists: where a page begins, and where the next one does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask import Request
from marshmallow import Schema
from sqlalchemy import Row, Table

from ...errors import Invalid
from ...operations.context import RequestContext
from ...operations.lists.paging import Wanted, page_after, read_changes
from ...schemas.lists import ListQuery
from ...schemas.query import read_query
from ..openapi.fields import Either
from ..openapi.operation import Operation, answer_of
from .schemas import NextChanges, NextPage

_BESIDE_CHANGES = frozenset({"changed_after", "limit", "include"})
_LISTS = (
    "By id, or by the time that a filter spans and then by id. A page may be short, or empty, and still have a next "
    "one: a request looks at no more than so many rows in search of those that pass. `changed_after` goes without "
    "filters and lists all changes by change number, what is gone from the store among them."
)


def lists(
    operation_id: str, summary: str, schema: type[Schema], query: type[ListQuery], *, note: str = ""
) -> Operation:
    """What the document says of a list of rows."""
    next_page = Either((NextPage, NextChanges), "Where the next page begins; of changes, if `changed_after` is given.")
    return Operation(
        id=operation_id,
        tag="Mirror",
        summary=summary,
        description=f"{_LISTS} {note}".strip(),
        query=query,
        answers={200: answer_of(schema, "One page of them.", many=True, meta=next_page)},
        step="instance",
    )


def read_list_query(request: Request, kind: type[ListQuery]) -> dict[str, Any]:
    """The parameters. ``changed_after`` takes no filter, as a row that leaves the filter would never be listed."""
    query = read_query(request, kind)
    others = sorted(set(query) - _BESIDE_CHANGES)
    if "changed_after" in query and others:
        problem = f"Cannot be combined with {', '.join(others)}: a row that leaves the filter would never be listed."
        raise Invalid({"changed_after": [problem]})
    return query


def list_answer(
    context: RequestContext,
    query: dict[str, Any],
    wanted: Wanted,
    columns: Sequence[Any],
    answer: Callable[[Row[Any]], dict[str, Any]],
) -> dict[str, Any]:
    """One page of what is wanted, or, with ``changed_after``, of all rows by change number."""
    if "changed_after" in query:
        return _changes(context, query, wanted.table, columns, answer)
    rows, cursor = page_after(context, wanted, columns, query)
    return {"data": [answer(row) for row in rows], "meta": {"next": cursor}}


def _changes(
    context: RequestContext,
    query: dict[str, Any],
    table: Table,
    columns: Sequence[Any],
    answer: Callable[[Row[Any]], dict[str, Any]],
) -> dict[str, Any]:
    begun_at: int = query["changed_after"]
    found = read_changes(context, table, columns, begun_at, query["limit"])
    last = found.rows[-1].change_number if found.rows else begun_at
    return {
        "data": [answer(row) for row in found.rows],
        "meta": {"next_changed_after": last, "is_last": found.next is None},
    }
