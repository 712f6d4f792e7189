"""One transaction of a job: in a session of its own, tried again as a whole when databases quarrel over locks."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from sqlalchemy import Select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

T = TypeVar("T")

TRIES = 8
# serialization failure, deadlock, lock time-out (PostgreSQL)
_CONFLICT_STATES = frozenset({"40001", "40P01", "55P03"})
# deadlock, lock wait time-out, record changed since last read (MariaDB, MySQL)
_CONFLICT_NUMBERS = frozenset({1213, 1205, 1020})
_SQLITE_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


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
