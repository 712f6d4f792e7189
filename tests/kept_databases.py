"""Databases on servers that are kept from test to test: to make all tables anew takes longer than most tests do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from .services import fresh_database

UNTIL_THE_END = ExitStack()
"""What is dropped at the end of the session; see ``conftest.py``."""

SCHEMA = {
    "postgresql": "SELECT relname, attname, atttypid, atttypmod, attnotnull FROM pg_attribute"
    " JOIN pg_class ON pg_class.oid = attrelid WHERE relnamespace = 'public'::regnamespace AND NOT attisdropped",
    "mysql": "SELECT table_name, column_name, column_type, is_nullable, character_set_name, '' FROM"
    " information_schema.columns WHERE table_schema = database() UNION ALL SELECT table_name, index_name, column_name,"
    " seq_in_index, non_unique, '' FROM information_schema.statistics WHERE table_schema = database()",
}
"""Every column of every table and index."""
COUNTERS = {
    "postgresql": "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, 1, false) FROM pg_sequences"
    " WHERE last_value IS NOT NULL",
    "mysql": "SELECT table_name FROM information_schema.tables WHERE table_schema = database() AND auto_increment > 1",
}
"""PostgreSQL sets back those of all tables at once; MariaDB says which there are."""


@dataclass
class _Kept:
    url: str
    dropped: ExitStack
    tables: frozenset[str] = frozenset()
    schema: frozenset[Any] = frozenset()


@dataclass
class KeptDatabases:
    """Those of one code base, by the kind of database: one for each test that runs at the same time."""

    _free: dict[str, list[_Kept]] = field(default_factory=dict)
    _lent: dict[str, _Kept] = field(default_factory=dict)

    @contextmanager
    def lent(self, kind: str, directory: Path) -> Iterator[str]:
        """The URL of a database without rows and perhaps with tables, which are then those of the code base.

        That of SQLite is a fresh file.
        """
        if kind == "sqlite":
            with fresh_database(kind, directory) as url:
                yield url
            return
        free = self._free.setdefault(kind, [])
        kept = free.pop() if free else _new(kind, directory)
        self._lent[kept.url] = kept
        try:
            yield kept.url
        finally:
            del self._lent[kept.url]
            if kept.tables and _is_emptied(kept):
                free.append(kept)
            else:
                kept.dropped.close()

    def has_tables(self, url: str, tables: frozenset[str]) -> bool:
        """Whether an earlier test has made exactly these."""
        return url in self._lent and self._lent[url].tables == tables

    def note_tables(self, url: str, tables: frozenset[str]) -> None:
        """They are made now: whoever is lent this database next need not make them."""
        if url in self._lent:
            with _connected(url) as connection:
                self._lent[url].tables, self._lent[url].schema = tables, _schema(connection)


def _new(kind: str, directory: Path) -> _Kept:
    dropped = UNTIL_THE_END.enter_context(ExitStack())
    return _Kept(dropped.enter_context(fresh_database(kind, directory)), dropped)


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        yield connection


def _schema(connection: Connection) -> frozenset[Any]:
    return frozenset(tuple(row) for row in connection.execute(text(SCHEMA[connection.dialect.name])))


def _is_emptied(kept: _Kept) -> bool:
    """All rows are deleted and ids begin with 1 again; False if a test has changed a table."""
    with _connected(kept.url) as connection:
        if _schema(connection) != kept.schema:
            return False
        quote = connection.dialect.identifier_preparer.quote
        one_of_each = [f"SELECT '{each}' FROM (SELECT 1 FROM {quote(each)} LIMIT 1) AS found" for each in kept.tables]
        filled = [quote(each) for each in connection.scalars(text(" UNION ALL ".join(one_of_each)))]
        counted = connection.scalars(text(COUNTERS[connection.dialect.name])).all()
        if connection.dialect.name == "postgresql":
            statements = [f"TRUNCATE {', '.join(filled)} RESTART IDENTITY CASCADE"] if filled else []
        else:
            statements = ["SET foreign_key_checks = 0", *(f"DELETE FROM {each}" for each in filled)]
            statements += [f"ALTER TABLE {quote(each)} AUTO_INCREMENT = 1" for each in counted]
        for statement in statements:
            connection.execute(text(statement))
    return True
