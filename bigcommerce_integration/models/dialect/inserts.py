"""Inserts of rows with what belongs to them, which bring the new ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, Table, bindparam, insert, select, union_all
from sqlalchemy.dialects.postgresql import insert as for_postgresql
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from .databases import dialect_of

ROWS_AT_ONCE = 4
"""So few rows are written by one statement with what belongs to them; each number of them is compiled once."""
Kind = tuple[Any, Sequence[str], int]
"""Of rows that belong to another one: the column that names it, the other columns, and how many there are."""


@dataclass(frozen=True)
class Parts:
    """Rows that each new row of a table gets in another one, where ``column`` names it; all have the same columns."""

    column: Any
    rows: Sequence[Mapping[str, Any]]


def inserted(
    session: Session,
    table: Table,
    rows: Sequence[dict[str, Any]],
    *,
    key: str,
    parts: Sequence[Parts] = (),
    unique: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """Insert the rows, and for each what belongs to it; those that were inserted, with their ``id``.

    ``key`` names a column in which no two are equal. ``unique`` are the columns of a constraint, and then there is one
    row: it is left out if another row has its values there, and the transaction goes on. Raises
    ``sqlalchemy.exc.IntegrityError`` if another constraint is violated.
    """
    if dialect_of(session).writes_within_reads and len(rows) <= ROWS_AT_ONCE:
        kinds = tuple((each.column, tuple(each.rows[0]), len(each.rows)) for each in parts)
        statement = _inserting(table, tuple(rows[0]), len(rows), kinds, key=key, unique=tuple(unique))
        ids = dict(map(tuple, session.execute(statement, _numbered(rows, *(each.rows for each in parts)))))
    else:
        ids = _inserted_ids(session, table, rows, key, unique)
        for each in parts if ids else ():
            its = [{each.column.name: row_id, **part} for row_id in ids.values() for part in each.rows]
            session.execute(insert(each.column.table), its)
    return [each | {"id": ids[each[key]]} for each in rows if each[key] in ids]


def _name(name: str, row: int, place: int) -> str:
    return f"{name}_{place}_{row}"


def _numbered(*given: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The values of the parameters, for the rows themselves and for each of their parts."""
    return {
        _name(name, number, place): value
        for place, rows in enumerate(given)
        for number, row in enumerate(rows)
        for name, value in row.items()
    }


def _parameters(table: Any, names: Sequence[str], row: int, place: int) -> list[Any]:
    return [bindparam(_name(name, row, place), type_=table.c[name].type) for name in names]


@lru_cache(maxsize=32)
def _inserting(
    table: Table, names: Sequence[str], count: int, kinds: Sequence[Kind], *, key: str, unique: Sequence[str]
) -> Select[Any]:
    """The one statement for so many rows and their parts; it reads the keys and the ids."""
    # Not VALUES of several rows, which SQLAlchemy compiles each time.
    given = (select(*_parameters(table, names, row, 0)) for row in range(count))
    new = for_postgresql(table).from_select(names, union_all(*given), include_defaults=False)
    if unique:
        new = new.on_conflict_do_nothing(index_elements=unique)
    made = new.returning(table.c[key], table.c.id).cte("made")
    reading = select(made.c[key], made.c.id)
    for place, (column, its, times) in enumerate(kinds, 1):
        of = column.table
        rows = (select(made.c.id, *_parameters(of, its, row, place)) for row in range(times))
        part = insert(of).from_select([column.name, *its], union_all(*rows), include_defaults=False)
        reading = reading.add_cte(part.cte(f"part_{place}"))
    return reading


def _inserted_ids(
    session: Session, table: Table, rows: Sequence[dict[str, Any]], key: str, unique: Sequence[str]
) -> dict[Any, int]:
    """The ids by the key; none of a row that was left out."""
    if len(rows) > 1:
        return _many_inserted(session, table, rows, key)
    (row,) = rows
    try:
        result: Any = session.execute(insert(table), row)
        return {row[key]: int(result.inserted_primary_key[0])}
    except IntegrityError as error:
        failed = error
    # The latest that is committed, also where the transaction reads from an older snapshot (MariaDB).
    same = [table.c[name] == row[name] for name in unique]
    if not same or session.execute(select(table.c.id).where(*same).with_for_update(read=True)).first() is None:
        raise failed
    return {}


def _many_inserted(session: Session, table: Table, rows: Sequence[dict[str, Any]], key: str) -> dict[Any, int]:
    new, column = insert(table), table.c[key]
    if session.get_bind().dialect.insert_executemany_returning:
        return dict(map(tuple, session.execute(new.returning(column, table.c.id), rows)))
    session.execute(new, rows)
    found = select(column, table.c.id).where(column.in_([each[key] for each in rows]))
    return dict(map(tuple, session.execute(found)))
