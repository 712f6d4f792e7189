"""Lists of mirror rows by cursor: each page is one range of one index, however many rows there are.

A page is read in the order of an index that serves the list's main condition; the other filters are applied row by
row. Where few rows pass, a request scans at most ``MOST_SCANNED`` and answers with what it found and the cursor to go
on from: a page may be short, or empty, and still have a next one.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    DateTime,
    Index,
    Row,
    Select,
    Table,
    UniqueConstraint,
    and_,
    literal,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.orm import Session

from ...errors import Invalid
from ...models.dialect.databases import dialect_of
from ..context import RequestContext

MOST_SCANNED = 500
"""How many rows a request scans in search of those that pass."""

NO_CURSOR = "Must be a BigCommerce id, or the meta.next of a page of this very list."
_EPOCH = datetime(1970, 1, 1)
_TICK = timedelta(microseconds=1)

Condition = ColumnElement[bool]
Key = tuple[Any, ...]
Compare = Callable[[Any, Any], Condition]


@dataclass(frozen=True)
class Wanted:
    """The rows of ``stretch`` that pass ``also``, by ``order``: one or two columns that end in a unique one.

    ``index`` has the columns of an index: it begins with those of ``stretch`` and ends with those of ``order``, in
    which it serves the rows. ``constant`` are columns that the stretch holds to NULL: PostgreSQL uses the
    index only if they are in ORDER BY, MariaDB only if they are not. A request scans ``MOST_SCANNED`` rows in search
    of those that pass, or so many ``times`` as many. ``is_descending`` turns the order round.
    """

    table: Table
    stretch: Sequence[Condition]
    order: Sequence[Column[Any]]
    index: Sequence[str]
    also: Sequence[Condition] = ()
    constant: Sequence[Column[Any]] = ()
    times: int = 1
    is_descending: bool = False


@dataclass(frozen=True)
class Found:
    """A page of rows; ``next`` is the key to go on after, None at the end."""

    rows: Sequence[Row[Any]]
    next: Key | None


def key_of(cursor: Sequence[int], order: Sequence[Column[Any]]) -> Key:
    """The key in a list of this order; ``Invalid`` for a cursor of another list."""
    if len(cursor) != len(order):
        raise Invalid({"after": [NO_CURSOR]})
    try:
        return tuple(
            _EPOCH + part * _TICK if isinstance(column.type, DateTime) else part
            for column, part in zip(order, cursor, strict=True)
        )
    except OverflowError:
        raise Invalid({"after": [NO_CURSOR]}) from None


def cursor_of(key: Key | None) -> str | None:
    """The key as text, for the request of the next page."""
    if key is None:
        return None
    return "_".join(str((part - _EPOCH) // _TICK if isinstance(part, datetime) else part) for part in key)


def read_page(session: Session, wanted: Wanted, columns: Sequence[Any], after: Key | None, limit: int) -> Found:
    """The first ``limit`` wanted rows after this key; fewer where too many other rows lie between.

    One query where most rows pass. ``columns`` include those of the order.
    """
    passes = and_(true(), *wanted.also).label("passes")
    seen = session.execute(_stretch(session, wanted, [*columns, passes], after).limit(limit + 1)).all()
    rows = [row for row in seen[:limit] if row.passes]
    if len(seen) <= limit:
        return Found(rows, None)
    here = _key(wanted, seen[limit - 1])
    return Found(rows, here) if len(rows) == limit else _search(session, wanted, columns, Found(rows, here), limit)


def page_after(
    context: RequestContext, wanted: Wanted, columns: Sequence[Any], query: Mapping[str, Any]
) -> tuple[Sequence[Row[Any]], str | None]:
    """The page of ``query["limit"]`` rows after the cursor ``query["after"]``, if there is one, and the next cursor."""
    after = key_of(query["after"], wanted.order) if "after" in query else None
    found = read_page(context.session, wanted, columns, after, query["limit"])
    return found.rows, cursor_of(found.next)


def every_page(session: Session, wanted: Wanted, columns: Sequence[Any], limit: int) -> Iterator[Sequence[Row[Any]]]:
    """All wanted rows, ``limit`` at a time: each as it is when its page is read."""
    after: Key | None = None
    while True:
        found = read_page(session, wanted, columns, after, limit)
        yield found.rows
        if found.next is None:
            return
        after = found.next


def read_changes(
    context: RequestContext, table: Table, columns: Sequence[Any], changed_after: int, limit: int
) -> Found:
    """The first ``limit`` rows of the instance that were changed after this number, by their change numbers.

    Nothing is skipped: the numbers are given in commit order, so that what is seen has no gaps that fill later.
    """
    by_number = ("instance_id", "change_number")
    wanted = Wanted(table, [table.c.instance_id == context.instance.id], [table.c.change_number], by_number)
    return read_page(context.session, wanted, columns, (changed_after,), limit)


def _search(session: Session, wanted: Wanted, columns: Sequence[Any], begun: Found, limit: int) -> Found:
    """Go on where few rows pass: a short way first, where that is enough."""
    found = begun
    for scanned in (MOST_SCANNED, (wanted.times - 1) * MOST_SCANNED):
        if scanned and found.next is not None and len(found.rows) < limit:
            found = _search_on(session, wanted, columns, found, limit=limit, scanned=scanned)
    return found


def _search_on(
    session: Session, wanted: Wanted, columns: Sequence[Any], begun: Found, *, limit: int, scanned: int
) -> Found:
    """Go on no further than an edge that the index finds."""
    edge = session.execute(
        _stretch(session, wanted, wanted.order, begun.next).offset(scanned - 1).limit(1)
    ).one_or_none()
    statement = _stretch(session, wanted, columns, begun.next).where(*wanted.also)
    if edge is not None:
        statement = statement.where(_up_to(session, wanted, tuple(edge)))
    missing = limit - len(begun.rows)
    passed = session.execute(statement.limit(missing + 1)).all()
    rows = [*begun.rows, *passed[:missing]]
    if len(passed) > missing:
        return Found(rows, _key(wanted, rows[-1]))
    return Found(rows, None if edge is None else tuple(edge))


def _stretch(session: Session, wanted: Wanted, columns: Sequence[Any], after: Key | None) -> Select[Any]:
    rest = [] if after is None else [_beyond(session, wanted, after)]
    dialect = dialect_of(session)
    leading = wanted.constant if dialect.orders_by_constants else ()
    order = [column.desc() for column in wanted.order] if wanted.is_descending else wanted.order
    statement = select(*columns).where(*wanted.stretch, *rest).order_by(*leading, *order)
    # Left to itself MariaDB finds the first row of the whole stretch by the index, and reads on from there.
    if dialect.needs_forced_index:
        return statement.with_hint(wanted.table, f"FORCE INDEX ({_name_of_index(wanted)})")
    return statement


def _name_of_index(wanted: Wanted) -> str:
    """As the host's metadata has it."""
    uniques = [each for each in wanted.table.constraints if isinstance(each, UniqueConstraint)]
    named: list[Index | UniqueConstraint] = [*wanted.table.indexes, *uniques]
    names = {tuple(each.columns.keys()): str(each.name) for each in named}
    return names[tuple(wanted.index)]


def _key(wanted: Wanted, row: Row[Any]) -> Key:
    return tuple(row._mapping[column.name] for column in wanted.order)


def _beyond(session: Session, wanted: Wanted, key: Key) -> Condition:
    """Rows after ``key``."""
    beyond = operator.lt if wanted.is_descending else operator.gt
    return _compared(session, wanted.order, key, beyond, beyond)


def _up_to(session: Session, wanted: Wanted, key: Key) -> Condition:
    """Rows before ``key``, and the one that has it."""
    strictly, last = (operator.gt, operator.ge) if wanted.is_descending else (operator.lt, operator.le)
    return _compared(session, wanted.order, key, strictly, last)


def _compared(session: Session, order: Sequence[Column[Any]], key: Key, strictly: Compare, last: Compare) -> Condition:
    """Written so that each database sees a range of its index: MariaDB sees none in a comparison of row values."""
    if len(order) == 1:
        return last(order[0], key[0])
    if dialect_of(session).sees_row_values:
        values = (literal(part, column.type) for column, part in zip(order, key, strict=True))
        return last(tuple_(*order), tuple_(*values))
    (leading, tied), (value, tie) = order, key
    return or_(strictly(leading, value), and_(leading == value, last(tied, tie)))
