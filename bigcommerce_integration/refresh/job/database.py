"""One transaction of a job: in a session of its own, tried again as a whole when databases quarrel over locks.

And what the errors of databases mean: that another transaction is in the way, that the database is short of
something, or (all others) something about the work itself.
"""

from __future__ import annotations

import random
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from sqlalchemy import Select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from ...models import metadata
from ...resources.columns import storable

T = TypeVar("T")

TRIES = 8
# serialization failure, deadlock, lock time-out (PostgreSQL)
_CONFLICT_STATES = frozenset({"40001", "40P01", "55P03"})
# deadlock, lock wait time-out, record changed since last read (MariaDB, MySQL)
_CONFLICT_NUMBERS = frozenset({1213, 1205, 1020})
_SQLITE_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})

Lack = Literal["conflict", "connection", "connections", "disk", "memory", "migration", "read-only", "time"]
"""What a database was short of while the values that it was given are right."""

_ADVICE: Mapping[Lack, str] = {
    "conflict": "Other transactions keep rows locked: look for long ones.",
    "connection": "Look whether the database server runs and can be reached.",
    "connections": "Let the database take more connections, or let the app and its workers use fewer.",
    "disk": "Free space on the disk of the database, and look at its own log.",
    "memory": "Give the database more memory, and look at its own log.",
    "migration": (
        "The host's migration for this version of bigcommerce_integration is missing: run `flask db migrate` and "
        "`flask db upgrade`. (`db.create_all()` makes missing tables, but no missing columns.)"
    ),
    "read-only": "The database takes no writes just now: look whether it is a standby, or was set to be read-only.",
    "time": "The database broke a statement off: look at its limits of time, and at what else keeps it busy.",
}
# By the beginning of the SQLSTATE, the longer first (PostgreSQL, appendix A).
_LACK_BY_STATE: Mapping[str, Lack] = {
    "25006": "read-only",
    "25P03": "time",
    "25P04": "time",
    "53100": "disk",
    "53200": "memory",
    "53300": "connections",
    "55P03": "conflict",
    "57014": "time",
    "57P05": "time",
    "XX001": "disk",
    "XX002": "disk",
    "08": "connection",
    "40": "conflict",
    "42703": "migration",
    "42P01": "migration",
    "53": "memory",
    "57": "connection",
    "58": "disk",
}
# By the number (MySQL and MariaDB: the reference of server, client and global errors).
_LACK_BY_NUMBER: Mapping[int, Lack] = {
    **dict.fromkeys((1020, 1205, 1206, 1213, 1615, 1637), "conflict"),
    **dict.fromkeys((0, 1047, 1053, 1077, 1078, 1079, 1152, 1153, 1158, 1159, 1160, 1161, 1184), "connection"),
    **dict.fromkeys((1927, 2002, 2003, 2005, 2006, 2012, 2013, 2014, 2026, 2045, 2055, 3169, 4031), "connection"),
    **dict.fromkeys((1040, 1129, 1135, 1203, 1226), "connections"),
    **dict.fromkeys((3, 20, 1021, 1023, 1026, 1028, 1030, 1114, 1180, 1194, 1195, 1878), "disk"),
    **dict.fromkeys((1054, 1146), "migration"),
    **dict.fromkeys((5, 1037, 1038, 1041), "memory"),
    **dict.fromkeys((1036, 1290, 1792, 1836), "read-only"),
    **dict.fromkeys((1317, 1969, 3024), "time"),
}
_LACK_IN_SQLITE: Mapping[int, Lack] = {
    **dict.fromkeys((sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL), "conflict"),
    **dict.fromkeys((sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN), "disk"),
    **dict.fromkeys((sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB), "disk"),
    sqlite3.SQLITE_NOMEM: "memory",
    sqlite3.SQLITE_READONLY: "read-only",
    sqlite3.SQLITE_INTERRUPT: "time",
}
_MOST_SAID = 300
_MISSING_IN_SQLITE = ("no such table", "no such column", "has no column named")
# By its name or an alias that SQLAlchemy makes of it: a database may well be named like our tables.
_OURS = rf"\b({'|'.join(table.name for table in metadata.tables.values())})(_[0-9]+)?\b"
_NAMES_OURS = re.compile(_OURS)
_WRITES_OURS = re.compile(rf"\s*(INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+\S*{_OURS}", re.IGNORECASE)


@dataclass(frozen=True)
class Shortage:
    """A database that could not do its work just now: no evidence against a record, and over once its cause is."""

    lack: Lack
    said: str

    def __str__(self) -> str:
        return f"The database could not do its work: {self.said} {_ADVICE[self.lack]}"


def shortage(error: BaseException) -> Shortage | None:
    """What the database was short of, if that is what ``error`` is about or came from.

    What the error came from is looked at too: the end of a savepoint that is gone fails and hides the cause.
    """
    chain: BaseException | None = error
    while chain is not None:
        found = _shortage(chain)
        if found is not None:
            return found
        chain = chain.__cause__ or chain.__context__
    return None


def _shortage(error: BaseException) -> Shortage | None:
    if isinstance(error, PoolTimeout):
        return Shortage("connections", "All connections of this process's pool are in use.")
    if not isinstance(error, DBAPIError):
        return None
    cause = error.orig
    lack = "connection" if error.connection_invalidated else _lack(cause)
    if lack is None:
        return None
    if lack == "connection":
        # A driver's text on this may name the place and the user.
        return Shortage(lack, "The connection broke off.")
    texts = (each for each in getattr(cause, "args", ()) if isinstance(each, str))
    lines = next(texts, "").strip().splitlines() or [type(cause).__name__]
    said = storable(lines[0].strip().rstrip("."))[:_MOST_SAID]
    if lack == "migration" and not _is_ours(said, error.statement or ""):
        return None
    return Shortage(lack, f"{said}.")


def _is_ours(said: str, statement: str) -> bool:
    """Whether a table or column of ours is missing: some databases name the column alone of a table written to."""
    return _NAMES_OURS.search(said) is not None or _WRITES_OURS.match(statement) is not None


def missing_migration(error: BaseException) -> Shortage | None:
    """What the database lacks of our tables, if that is what ``error`` is about."""
    found = shortage(error)
    return found if found is not None and found.lack == "migration" else None


def _lack(cause: BaseException | None) -> Lack | None:
    if isinstance(cause, sqlite3.Error):
        if any(words in str(cause) for words in _MISSING_IN_SQLITE):
            return "migration"
        return _LACK_IN_SQLITE.get(getattr(cause, "sqlite_errorcode", 0) & 0xFF)
    number = cause.args[0] if cause is not None and cause.args else None
    if isinstance(number, int):
        return _LACK_BY_NUMBER.get(number)
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    if state is None:
        # PostgreSQL's drivers have no state for a server that was never reached, or is gone.
        return "connection" if type(cause).__name__ in ("OperationalError", "ConnectionTimeout") else None
    return next((lack for length in (5, 2) if (lack := _LACK_BY_STATE.get(state[:length]))), None)


def is_conflict(error: BaseException) -> bool:
    """Whether another transaction stood in the way, so that the same work may succeed when tried again.

    What the error came from is looked at too: MariaDB's deadlock takes the savepoint along, so that the
    savepoint's own end fails and hides it.
    """
    chain: BaseException | None = error
    while chain is not None:
        if isinstance(chain, DBAPIError) and not chain.connection_invalidated and _is_lock(chain.orig):
            return True
        chain = chain.__context__
    return False


# An illegal mix of collations (1267, 1270, 1271), a string that a character set does not hold (1300, 1366, 3988).
_TEXT_NUMBERS = frozenset({1267, 1270, 1271, 1300, 1366, 3988})
NEEDS_FOUR_BYTES = (
    "a table's character set has no place for one of its characters. Convert the table that the error is about: "
    "ALTER TABLE … CONVERT TO CHARACTER SET utf8mb4."
)


def is_text_refused(error: BaseException) -> bool:
    """Whether MariaDB or MySQL refuses a text, as a column of three-byte characters can neither hold nor compare it."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    if cause is None or not cause.args or cause.args[0] not in _TEXT_NUMBERS:
        return False
    return cause.args[0] != 1366 or "string value" in str(cause)


def _is_lock(cause: BaseException | None) -> bool:
    if isinstance(cause, sqlite3.Error):
        return (getattr(cause, "sqlite_errorcode", 0) & 0xFF) in _SQLITE_LOCKED
    if (getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)) in _CONFLICT_STATES:
        return True
    return bool(cause is not None and cause.args and cause.args[0] in _CONFLICT_NUMBERS)


def is_lockable(session: Session, row: Select[Any]) -> bool:
    """Lock this row, or say no if there is none or another transaction has it: nobody waits for a frozen process.

    SQLite knows no row locks, so there the answer is always yes.
    """
    if session.get_bind().dialect.name == "sqlite":
        return True
    return session.execute(row.with_for_update(skip_locked=True)).first() is not None


# How to read and to set the longest wait, in the unit of each database: milliseconds and whole seconds.
_LONGEST_WAIT = {
    "postgresql": ("SELECT current_setting('lock_timeout')", "SELECT set_config('lock_timeout', :longest, true)", 1000),
    "mysql": ("SELECT @@innodb_lock_wait_timeout", "SET SESSION innodb_lock_wait_timeout = :longest", 1),
}
_LONGEST_WAIT["mariadb"] = _LONGEST_WAIT["mysql"]


@contextmanager
def bounded_waits(session: Session, seconds: int) -> Iterator[None]:
    """Within, a lock that another transaction keeps longer than ``seconds`` is a conflict (see ``is_conflict``).

    PostgreSQL would wait for a frozen process for ever, MariaDB for 50 seconds. SQLite has its own ``timeout``.
    """
    statements = _LONGEST_WAIT.get(session.get_bind().dialect.name)
    if statements is None:
        yield
        return
    read, write, units = statements
    before = session.scalar(text(read))
    session.execute(text(write), {"longest": str(seconds * units) if units > 1 else seconds})
    try:
        yield
    finally:
        # A transaction that PostgreSQL has broken off takes no statement; the setting ends with it.
        with suppress(DBAPIError):
            session.execute(text(write), {"longest": before})


def in_transaction(
    sessions: Callable[[], Session], work: Callable[[Session], T], *, pause: Callable[[float], object]
) -> T:
    """What ``work`` gives, committed; whatever it raises is raised after a rollback.

    A lost connection is not tried again here: whether the commit arrived is then unknown, and only a fresh
    look at the checkpoint tells.
    """
    for attempt in range(1, TRIES + 1):
        session = sessions()
        try:
            _prepare(session)
            result = work(session)
            session.commit()
            return result
        except Exception as error:
            session.rollback()
            if attempt == TRIES or not is_conflict(error):
                raise
        finally:
            session.close()
        pause(0.02 * 2**attempt * (0.5 + random.random()))  # noqa: S311 - jitter, no secret
    raise AssertionError("unreachable")


def _prepare(session: Session) -> None:
    """READ COMMITTED, whatever the host's default: a page reads what others committed meanwhile, no gap is locked.

    And on PostgreSQL no plan of a prepared statement that was made while our tables were still empty.
    """
    dialect = session.get_bind().dialect.name
    if dialect in ("postgresql", "mysql", "mariadb"):
        session.connection(execution_options={"isolation_level": "READ COMMITTED"})
    if dialect == "postgresql":
        session.connection().exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")
