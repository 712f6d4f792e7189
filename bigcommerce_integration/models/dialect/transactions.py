"""How a transaction begins, and how it locks rows and waits for locks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from .databases import dialect_of


def begin(session: Session, *, is_small: bool = False) -> None:
    """Begin a job's transaction: READ COMMITTED, whatever the host's default is.

    So a page reads what others committed meanwhile, and no gap is locked. One that ``is_small`` reads and writes rows
    by their keys alone, and may do so by old plans.
    """
    if dialect_of(session).is_read_committed:
        session.connection(execution_options={"isolation_level": "READ COMMITTED"})
    if not is_small:
        plan_anew(session)


def plan_anew(session: Session) -> None:
    """Read by no plan of a time when tables were smaller, until the transaction ends."""
    for statement in dialect_of(session).begins_with:
        session.connection().exec_driver_sql(statement)


def is_lockable(session: Session, row: Select[Any]) -> bool:
    """Lock this row, or say no if there is none or another transaction has it: nobody waits for a frozen process.

    Where there are no row locks (SQLite) the answer is always yes.
    """
    if not dialect_of(session).has_row_locks:
        return True
    return session.execute(row.with_for_update(skip_locked=True)).first() is not None


def lockable(session: Session, column: Any, *conditions: ColumnElement[bool]) -> Sequence[Any]:
    """Lock the rows of a table that no other transaction has; the values of ``column`` in them."""
    rows = select(column).where(*conditions)
    if dialect_of(session).has_row_locks:
        rows = rows.with_for_update(skip_locked=True)
    return session.scalars(rows).all()


def unlocked(session: Session, rows: Select[Any], table: Table) -> Select[Any]:
    """The statement with a lock on the rows of ``table``, without those that another transaction has locked.

    MariaDB locks the rows of the other tables along.
    """
    return rows.with_for_update(of=table, skip_locked=True) if dialect_of(session).has_row_locks else rows


@contextmanager
def bounded_waits(session: Session, seconds: int) -> Iterator[None]:
    """Within, a lock that another transaction keeps longer than ``seconds`` is a conflict (see ``is_conflict``).

    PostgreSQL would wait for a frozen process for ever, MariaDB for 50 seconds. SQLite has its own ``timeout``.
    """
    wait = dialect_of(session).lock_wait
    if wait is None:
        yield
        return
    before = session.scalar(text(wait.read))
    session.execute(text(wait.write), {"wait": str(seconds * wait.units) if wait.units > 1 else seconds})
    try:
        yield
    finally:
        # A transaction that PostgreSQL has broken off takes no statement; the setting ends with it.
        with suppress(DBAPIError):
            session.execute(text(wait.write), {"wait": before})
