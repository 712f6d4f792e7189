"""Rows into tables as fast as each driver can, a transaction a page."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import make_url

from .bound_tables import BoundTable


class Writer:
    """Writes pages: the rows of a resource and those of its children; ``rows`` counts them."""

    def __init__(self, connection: Any, tables: Sequence[BoundTable]) -> None:
        self.connection = connection
        self.tables = tables
        self.rows = 0

    def write(self, page: Sequence[Sequence[tuple[Any, ...]]]) -> None:
        """All of a page, committed."""
        cursor = self.connection.cursor()
        for table, rows in zip(self.tables, page, strict=True):
            self.insert(cursor, table, rows)
            self.rows += len(rows)
        self.connection.commit()

    def insert(self, cursor: Any, table: BoundTable, rows: Sequence[tuple[Any, ...]]) -> None:
        """The rows of one table."""
        raise NotImplementedError


class PostgreSQL(Writer):
    """COPY by psycopg."""

    def insert(self, cursor: Any, table: BoundTable, rows: Sequence[tuple[Any, ...]]) -> None:
        with cursor.copy(f"COPY {table.name} ({', '.join(table.columns)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)


class SQLite(Writer):
    """executemany by sqlite3."""

    mark = "?"

    def insert(self, cursor: Any, table: BoundTable, rows: Sequence[tuple[Any, ...]]) -> None:
        marks = ", ".join([self.mark] * len(table.columns))
        if rows:
            cursor.executemany(f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES ({marks})", rows)


class MariaDB(SQLite):
    """executemany by PyMySQL, which makes statements of many rows."""

    mark = "%s"


def open_writer(database_url: str, tables: Sequence[BoundTable]) -> Writer:
    """A connection of its own to the database."""
    url = make_url(database_url)
    if url.get_backend_name() == "postgresql":
        import psycopg

        plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
        return PostgreSQL(psycopg.connect(plain), tables)
    if url.get_backend_name() in ("mysql", "mariadb"):
        import pymysql

        connection = pymysql.connect(
            host=url.host or "127.0.0.1",
            port=url.port or 3306,
            user=url.username,
            password=url.password or "",
            database=url.database,
            charset="utf8mb4",
        )
        return MariaDB(connection, tables)
    sqlite3.register_adapter(Decimal, float)
    sqlite3.register_adapter(datetime, lambda moment: moment.isoformat(" ", "microseconds"))
    return SQLite(sqlite3.connect(url.database or "", timeout=60), tables)
