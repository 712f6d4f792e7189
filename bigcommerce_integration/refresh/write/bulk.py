"""What one driver does much faster than SQLAlchemy's general way, which stands beside it: the rows are the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import Boolean, Connection, Dialect, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import Table

from ...models.dialect.databases import takes_copy

ROWS_A_STATEMENT = 1000
BYTES_A_STATEMENT = 4 * 1024 * 1024

T = TypeVar("T")


def insert_all(connection: Connection, table: Table, names: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """Insert new rows with these columns: by COPY if the driver is psycopg, else by statements of many rows.

    What the database refuses is raised as one of SQLAlchemy's errors, whichever way it was.
    """
    if takes_copy(connection):
        _copy(connection, table, names, rows)
        return
    named = (dict(zip(names, row, strict=True)) for row in rows)
    for batch in batches(named, lambda row: row.get("payload")):
        connection.execute(insert(table), batch)


def _copy(connection: Connection, table: Table, names: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    dialect, driver = connection.dialect, connection.connection.driver_connection
    assert driver is not None
    assert dialect.loaded_dbapi is not None
    quoted = dialect.identifier_preparer
    prepare = _preparation(dialect, table, names)
    statement = f"COPY {quoted.format_table(table)} ({', '.join(map(quoted.quote, names))}) FROM STDIN"
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows if prepare is None else map(prepare, rows):
                copy.write_row(row)
    except dialect.loaded_dbapi.Error as error:
        is_lost = dialect.is_disconnect(error, driver, None)
        if is_lost:
            connection.invalidate(error)
        raise DBAPIError.instance(
            statement, None, error, dialect.loaded_dbapi.Error, connection_invalidated=is_lost, dialect=dialect
        ) from error


def _preparation(
    dialect: Dialect, table: Table, names: Sequence[str]
) -> Callable[[tuple[Any, ...]], tuple[Any, ...]] | None:
    """What makes values that the driver knows of those of the host's own types; None where it knows them all."""
    steps: list[tuple[int, Callable[[Any], Any]]] = []
    for place, name in enumerate(names):
        kind = table.c[name].type
        # SQLAlchemy checks booleans, and the driver takes them as they are: not for nothing in every row.
        step = None if isinstance(kind, Boolean) else kind.dialect_impl(dialect).bind_processor(dialect)
        if step is not None:
            steps.append((place, step))
    if not steps:
        return None

    def prepare(row: tuple[Any, ...]) -> tuple[Any, ...]:
        values = list(row)
        for place, step in steps:
            values[place] = step(values[place])
        return tuple(values)

    return prepare


def batches(rows: Iterable[T], payload_of: Callable[[T], str | None]) -> Iterator[list[T]]:
    """``rows`` in order, so many at a time as a statement should carry."""
    batch: list[T] = []
    size = 0
    for row in rows:
        row_bytes = len(payload_of(row) or "") + 500
        if batch and (len(batch) == ROWS_A_STATEMENT or size + row_bytes > BYTES_A_STATEMENT):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += row_bytes
    if batch:
        yield batch
