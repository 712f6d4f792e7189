"""The parameters and the ``meta`` of lists: where a page begins, and where the next one does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from flask import Request
from marshmallow import Schema, ValidationError
from sqlalchemy import Column, DateTime, Row, Table

from ...errors import Invalid
from ...operations.context import RequestContext
from ...operations.lists.paging import Key, Wanted, read_changes, read_page
from ...schemas import fields
from ...schemas.base import ObjectSchema
from ...schemas.query import LARGEST_PAGE, QueryInteger, QueryMoment, read_query
from ..openapi.operation import Operation, answer_of
from ..openapi.shapes import Either
from .schemas import NextChanges, NextPage

_EPOCH = datetime(1970, 1, 1)
_TICK = timedelta(microseconds=1)
_BESIDE_CHANGES = frozenset({"changed_after", "limit", "include"})
_LISTS = (
    "By id, or by the time that a filter spans and then by id. A page may be short, or empty, and still have a next "
    "one: a request looks at no more than so many rows in search of those that pass. `changed_after` goes without "
    "filters and lists all changes by change number, what is gone from the store among them."
)
_NO_CURSOR = "Must be a BigCommerce id, or the meta.next of a page of this very list."


class Cursor(fields.StrictField):
    """A BigCommerce id, or a moment and an id; opaque to the caller, who sends ``meta.next`` back."""

    def json_schema(self) -> dict[str, Any]:
        """A text that one has been given."""
        return {"type": "string", "pattern": "^-?[0-9]{1,19}(_-?[0-9]{1,19})?$"}

    def read(self, value: Any) -> tuple[int, ...]:
        parts = value.split("_", 2) if isinstance(value, str) else []
        try:
            numbers = tuple(QueryInteger().read(part) for part in parts)
        except ValidationError:
            numbers = ()
        if not 1 <= len(numbers) <= 2:
            raise ValidationError(_NO_CURSOR)
        return numbers


def deleted() -> fields.Choice:
    """Whether rows are wanted that the store no longer has; left out unless asked for."""
    return fields.Choice(
        "Whether the rows that the store no longer has are listed: false by default.", ("false", "true", "any")
    )


def include() -> fields.Choice:
    """Whether the records' own text is wanted."""
    return fields.Choice("`payload` for the record's own text, as the store sent it.", ("payload",))


def span(what: str) -> tuple[QueryMoment, QueryMoment]:
    """From a moment on, and until one."""
    return QueryMoment(f"{what} at this moment or later."), QueryMoment(f"{what} before this moment.")


class ListQuery(ObjectSchema):
    """What every list of mirror rows takes."""

    after = Cursor("The `meta.next` of the page before, or a BigCommerce id.")
    limit = QueryInteger("How many rows a page has at most.", 1, LARGEST_PAGE, load_default=50)
    changed_after = QueryInteger("Lists by change number what was changed after this one.", 0)


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


def read_list_query(request: Request, schema: ListQuery) -> dict[str, Any]:
    """The parameters. ``changed_after`` takes no filter, as a row that leaves the filter would never be listed."""
    query = read_query(request, schema)
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
    after = _key_of(query["after"], wanted.order) if "after" in query else None
    found = read_page(context.session, wanted, columns, after, query["limit"])
    return {"data": [answer(row) for row in found.rows], "meta": {"next": _cursor_of(found.next)}}


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


def _key_of(cursor: tuple[int, ...], order: Sequence[Column[Any]]) -> Key:
    """The key in a list of this order; ``Invalid`` for a cursor of another list."""
    if len(cursor) != len(order):
        raise Invalid({"after": [_NO_CURSOR]})
    try:
        return tuple(
            _EPOCH + part * _TICK if isinstance(column.type, DateTime) else part
            for column, part in zip(order, cursor, strict=True)
        )
    except OverflowError:
        raise Invalid({"after": [_NO_CURSOR]}) from None


def _cursor_of(key: Key | None) -> str | None:
    """The key as ``meta.next`` shows it."""
    if key is None:
        return None
    return "_".join(str((part - _EPOCH) // _TICK if isinstance(part, datetime) else part) for part in key)
