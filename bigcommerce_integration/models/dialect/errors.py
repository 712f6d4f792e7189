"""What a driver's error tells of."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError

from .databases import MARIADB, POSTGRESQL, SQLITE, Dialect, Lack

_MISSING_IN_SQLITE = ("no such table", "no such column", "has no column named")


def _code(cause: BaseException | None) -> tuple[Dialect, int | str | None]:
    """Whose error a driver has raised, and its number or state."""
    if isinstance(cause, sqlite3.Error):
        return SQLITE, getattr(cause, "sqlite_errorcode", 0) & 0xFF
    number = cause.args[0] if cause is not None and cause.args else None
    if isinstance(number, int):
        return MARIADB, number
    return POSTGRESQL, getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)


def lack_of(cause: BaseException | None) -> Lack | None:
    """What the database was short of that a driver's error tells of, if that is what it tells of."""
    dialect, code = _code(cause)
    if dialect is SQLITE and any(words in str(cause) for words in _MISSING_IN_SQLITE):
        return "migration"
    if isinstance(code, str):
        return dialect.errors.get(code) or dialect.errors.get(code[:2])
    if code is None:
        # PostgreSQL's drivers have no state for a server that was never reached, or is gone.
        return "connection" if type(cause).__name__ in ("OperationalError", "ConnectionTimeout") else None
    return dialect.errors.get(code)


def is_lock_error(cause: BaseException | None) -> bool:
    """Whether a driver's error says that another transaction is in the way."""
    dialect, code = _code(cause)
    return code in dialect.conflicts


def is_text_refused(error: BaseException) -> bool:
    """Whether MariaDB or MySQL refuses a text, as a column of three-byte characters can neither hold nor compare it."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    dialect, code = _code(cause)
    return code in dialect.text_errors and (code != 1366 or "string value" in str(cause))
