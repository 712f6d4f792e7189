"""Updates and deletes that wait for no frozen process, or write two tables at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Delete, Update, delete, func, select
from sqlalchemy.orm import Session

from .databases import dialect_of
from .transactions import is_lockable


def affected(session: Session, statement: Update | Delete, values: Mapping[str, Any] | None = None) -> int:
    """How many rows it has changed; ``values`` are those of its parameters."""
    result: Any = session.execute(statement, values)
    return int(result.rowcount)


def write_free(session: Session, statement: Update | Delete, key: Any, *conditions: ColumnElement[bool]) -> int:
    """Write the rows that meet the conditions and that no other transaction has locked; how many.

    ``key`` is the column of the primary key. Nobody waits for a frozen process.
    """
    dialect = dialect_of(session)
    rows = select(key).where(*conditions)
    if dialect.locks_within_writes:
        return affected(session, statement.where(key.in_(rows.with_for_update(skip_locked=True))))
    return affected(session, statement.where(*conditions)) if is_lockable(session, rows) else 0


def write_and_drop(session: Session, change: Update, key: Any, of_parts: Any, keys: Sequence[Any]) -> int:
    """Change rows with a ``key`` among ``keys``, and delete what belongs to them; how many were changed.

    ``of_parts`` is the primary key of another table that names the row it belongs to; what another transaction has
    locked there stays.
    """
    if not dialect_of(session).writes_within_reads:
        changed = affected(session, change)
        for each in keys if changed else ():
            write_free(session, delete(of_parts.table), of_parts, of_parts == each)
        return changed
    done = change.returning(key).cte("done")
    free = select(of_parts).where(of_parts.in_(select(done.c[key.name]))).with_for_update(skip_locked=True)
    dropped = delete(of_parts.table).where(of_parts.in_(free)).returning(of_parts).cte("dropped")
    return int(session.execute(select(func.count()).select_from(done).add_cte(dropped)).scalar_one())


def writes_within_reads(session: Session) -> bool:
    """Whether a WITH may hold an UPDATE, so that one statement writes and reads."""
    return dialect_of(session).writes_within_reads
