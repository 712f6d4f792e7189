"""Each database as a value, and which one a session talks to."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import URL, Connection
from sqlalchemy.orm import Session

Lack = Literal["conflict", "connection", "connections", "disk", "memory", "migration", "read-only", "time"]
"""What a database was short of while the values that it was given are right."""


@dataclass(frozen=True)
class LockWait:
    """How the longest wait for a lock is read and set, and how many of its units make a second."""

    read: str
    write: str
    units: int


@dataclass(frozen=True)
class Dialect:
    """One database.

    ``now`` is the present in naive UTC plus ``{seconds}``. ``begins_with`` are the statements that begin a job's
    transaction, unless it is small. ``locks_within_writes``: an UPDATE or DELETE can pass over rows that are locked.
    ``writes_within_reads``: a WITH may hold a statement that writes, and the rest reads what that returns.
    ``errors`` are its numbers or states (a state by its beginning), ``conflicts`` those after which the same work may
    succeed, ``text_errors`` those that refuse a character. The rest is about plans: whether the values of a long IN go
    as one array, whether a column that is NULL throughout must stand in ORDER BY, whether an index must be forced,
    whether a comparison of row values or IS NOT NULL is seen as a range of an index, and whether a search in any case
    is seen as one only by ranges beside it. ``idle_limit_s`` reads how long a session may idle within a transaction.
    """

    names: tuple[str, ...]
    now: str
    errors: Mapping[int | str, Lack]
    conflicts: frozenset[int | str]
    text_errors: frozenset[int] = frozenset()
    has_row_locks: bool = True
    locks_within_writes: bool = False
    writes_within_reads: bool = False
    is_read_committed: bool = True
    begins_with: Sequence[str] = ()
    lock_wait: LockWait | None = None
    is_equality_exact: bool = True
    takes_arrays: bool = False
    orders_by_constants: bool = False
    needs_forced_index: bool = False
    sees_row_values: bool = True
    sees_not_null: bool = False
    needs_text_ranges: bool = False
    idle_limit_s: str | None = None


POSTGRESQL = Dialect(
    names=("postgresql",),
    now="((clock_timestamp() AT TIME ZONE 'UTC') + make_interval(secs => {seconds}))",
    # By the SQLSTATE (PostgreSQL, appendix A).
    errors={
        **dict.fromkeys(("40", "55P03"), "conflict"),
        **dict.fromkeys(("08", "57"), "connection"),
        "53300": "connections",
        **dict.fromkeys(("53100", "58", "XX001", "XX002"), "disk"),
        **dict.fromkeys(("42703", "42P01"), "migration"),
        **dict.fromkeys(("53", "53200"), "memory"),
        "25006": "read-only",
        **dict.fromkeys(("25P03", "25P04", "57014", "57P05"), "time"),
    },
    # serialization failure, deadlock, lock time-out
    conflicts=frozenset({"40001", "40P01", "55P03"}),
    # No plan of a prepared statement that was made while our tables were still empty.
    begins_with=("SET LOCAL plan_cache_mode = force_custom_plan",),
    locks_within_writes=True,
    writes_within_reads=True,
    lock_wait=LockWait(
        "SELECT current_setting('lock_timeout')", "SELECT set_config('lock_timeout', :wait, true)", 1000
    ),
    takes_arrays=True,
    orders_by_constants=True,
    sees_not_null=True,
    needs_text_ranges=True,
    # In milliseconds where a number has no unit.
    idle_limit_s="SELECT setting::bigint / 1000.0 FROM pg_settings WHERE name = 'idle_in_transaction_session_timeout'",
)


MARIADB = Dialect(
    names=("mysql", "mariadb"),
    now="(UTC_TIMESTAMP(6) + INTERVAL {seconds} SECOND)",
    # By the number (MySQL and MariaDB: the reference of server, client and global errors).
    errors={
        **dict.fromkeys((1020, 1205, 1206, 1213, 1615, 1637), "conflict"),
        **dict.fromkeys((0, 1047, 1053, 1077, 1078, 1079, 1152, 1153, 1158, 1159, 1160, 1161, 1184), "connection"),
        **dict.fromkeys((1927, 2002, 2003, 2005, 2006, 2012, 2013, 2014, 2026, 2045, 2055, 3169, 4031), "connection"),
        **dict.fromkeys((1040, 1129, 1135, 1203, 1226), "connections"),
        **dict.fromkeys((3, 20, 1021, 1023, 1026, 1028, 1030, 1114, 1180, 1194, 1195, 1878), "disk"),
        **dict.fromkeys((1054, 1146), "migration"),
        **dict.fromkeys((5, 1037, 1038, 1041), "memory"),
        **dict.fromkeys((1036, 1290, 1792, 1836), "read-only"),
        **dict.fromkeys((1317, 1969, 3024), "time"),
    },
    # deadlock, lock wait time-out, record changed since last read
    conflicts=frozenset({1213, 1205, 1020}),
    # An illegal mix of collations (1267, 1270, 1271), a string that a character set does not hold (1300, 1366, 3988).
    text_errors=frozenset({1267, 1270, 1271, 1300, 1366, 3988}),
    lock_wait=LockWait("SELECT @@innodb_lock_wait_timeout", "SET SESSION innodb_lock_wait_timeout = :wait", 1),
    is_equality_exact=False,
    needs_forced_index=True,
    sees_row_values=False,
    idle_limit_s="SELECT @@idle_transaction_timeout",
)


SQLITE = Dialect(
    names=("sqlite",),
    # Six digits, as SQLAlchemy stores times: they are compared as text.
    now="strftime('%Y-%m-%d %H:%M:%f000', 'now', {seconds} || ' seconds')",
    errors={
        **dict.fromkeys((sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL), "conflict"),
        **dict.fromkeys((sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN), "disk"),
        **dict.fromkeys((sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB), "disk"),
        sqlite3.SQLITE_NOMEM: "memory",
        sqlite3.SQLITE_READONLY: "read-only",
        sqlite3.SQLITE_INTERRUPT: "time",
    },
    conflicts=frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}),
    has_row_locks=False,
    is_read_committed=False,
)


_BY_NAME = {name: dialect for dialect in (POSTGRESQL, MARIADB, SQLITE) for name in dialect.names}


def dialect_of(session: Session) -> Dialect:
    """The database that a session talks to."""
    return _BY_NAME[session.get_bind().dialect.name]


def now_sql(dialect_name: str, seconds: str) -> str:
    """The database's present plus ``seconds``, which is SQL too."""
    return _BY_NAME[dialect_name].now.format(seconds=seconds)


def takes_copy(connection: Connection) -> bool:
    """Whether the driver is one whose COPY is much faster than statements of many rows (psycopg)."""
    # A host that has its tables elsewhere by a map of schemas is served by statements that SQLAlchemy makes.
    has_map = connection.get_execution_options().get("schema_translate_map")
    return connection.dialect.driver == "psycopg" and not has_map


def is_in_memory(url: URL) -> bool:
    """Whether this is SQLite in memory, of which each process has its own."""
    name = url.database or ""
    is_private = name in ("", ":memory:") or name.startswith("file::memory:") or url.query.get("mode") == "memory"
    return url.get_backend_name() in SQLITE.names and is_private
