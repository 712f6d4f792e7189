"""What the database server is set to."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from .databases import MARIADB, dialect_of


def idle_limit_s(session: Session) -> float | None:
    """After how many seconds the server ends a session that idles within a transaction: 0 is never.

    None where there is no such limit (SQLite, MySQL).
    """
    statement = dialect_of(session).idle_limit_s
    if statement is None:
        return None
    try:
        return float(session.scalar(text(statement)) or 0)
    except DBAPIError:
        session.rollback()
        return None


def tables_without_four_bytes(session: Session, names: Sequence[str]) -> list[str]:
    """Those of these tables with a text column that holds no character of four bytes; none but on MySQL and MariaDB."""
    if dialect_of(session) is not MARIADB:
        return []
    wanted = text(
        "SELECT DISTINCT table_name FROM information_schema.columns WHERE table_schema = DATABASE() "
        "AND character_set_name NOT IN ('utf8mb4', 'utf16', 'utf32') AND table_name IN :names ORDER BY table_name"
    )
    return list(session.scalars(wanted.bindparams(bindparam("names", list(names), expanding=True))))
