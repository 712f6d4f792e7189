"""Transactions, and what the errors of databases mean: that another transaction is in the way, that the database is
short of something, or (all others) something about the work itself.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from ...models import metadata
from ...models.dialect.databases import Lack
from ...models.dialect.errors import is_lock_error, lack_of
from ...models.dialect.transactions import begin
from ...resources.values import storable

T = TypeVar("T")

TRIES = 8


class BeginAnew(Exception):
    """Raised by the work of a transaction that a new one may do."""


def in_transaction(
    session: Session,
    work: Callable[[], T],
    *,
    repeat_after_s: Callable[[Exception, int], float | None],
    pause: Callable[[float], object] = time.sleep,
) -> T:
    """What ``work`` gives, committed; begun anew where ``repeat_after_s`` (error, how many tries) says when.

    Other errors of the database are raised after a rollback. All else that is raised leaves the session as it is: what
    the host has pending there is kept.
    """
    for attempt in count(1):
        try:
            result = work()
            session.commit()
            return result
        except Exception as error:
            delay_s = repeat_after_s(error, attempt)
            if delay_s is not None or isinstance(error, DBAPIError | BeginAnew):
                session.rollback()
            if delay_s is None:
                raise
        pause(delay_s)
    raise AssertionError("unreachable")


def in_own_transaction(
    sessions: Callable[[], Session],
    work: Callable[[Session], T],
    *,
    pause: Callable[[float], object],
    is_small: bool = False,
) -> T:
    """What ``work`` gives, committed in a session of its own; tried again as a whole after a conflict over locks.

    A lost connection is not tried again here: whether the commit arrived is then unknown, and only the
    checkpoint shows it.
    """

    def prepared() -> T:
        begin(session, is_small=is_small)
        return work(session)

    with closing(sessions()) as session:
        return in_transaction(session, prepared, repeat_after_s=_after_conflict, pause=pause)


def _after_conflict(error: Exception, attempt: int) -> float | None:
    if attempt == TRIES or not is_conflict(error):
        return None
    return 0.02 * 2.0**attempt * (0.5 + random.random())  # noqa: S311 - jitter, no secret


def is_conflict(error: BaseException) -> bool:
    """Whether another transaction stood in the way, so that the same work may succeed when tried again.

    What the error came from is looked at too: MariaDB's deadlock takes the savepoint along, so that the
    savepoint's own end fails and hides it.
    """
    return any(
        isinstance(each, DBAPIError) and not each.connection_invalidated and is_lock_error(each.orig)
        for each in _chain(error)
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it came from."""
    each: BaseException | None = error
    while each is not None:
        yield each
        each = each.__cause__ or each.__context__


# -- shortages -----------------------------------------------------------------------------------------------------

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
_LONGEST_TEXT = 300
# By its name or an alias that SQLAlchemy makes of it: a database may well be named like our tables.
_OURS = rf"\b({'|'.join(table.name for table in metadata.tables.values())})(_[0-9]+)?\b"
_NAMES_OURS = re.compile(_OURS)
_OURS_AS = re.compile(rf"{_OURS} AS (\w+)")
_WRITES_OURS = re.compile(rf"\s*(INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+\S*{_OURS}", re.IGNORECASE)


@dataclass(frozen=True)
class Shortage:
    """A database that could not do its work just now: no evidence against a record, and over once its cause is."""

    lack: Lack
    described: str

    @property
    def advice(self) -> str:
        """What to do about it."""
        return _ADVICE[self.lack]

    def __str__(self) -> str:
        return f"The database could not do its work: {self.described} {self.advice}"


def shortage(error: BaseException) -> Shortage | None:
    """What the database was short of, if that is what ``error`` is about or came from.

    What the error came from is looked at too: the end of a savepoint that is gone fails and hides the cause.
    """
    return next((found for each in _chain(error) if (found := _shortage(each)) is not None), None)


def _shortage(error: BaseException) -> Shortage | None:
    if isinstance(error, PoolTimeout):
        return Shortage("connections", "All connections of this process's pool are in use.")
    if not isinstance(error, DBAPIError):
        return None
    cause = error.orig
    lack = "connection" if error.connection_invalidated else lack_of(cause)
    if lack is None:
        return None
    if lack == "connection":
        # A driver's text on this may name the place and the user.
        return Shortage(lack, "The connection broke off.")
    texts = (each for each in getattr(cause, "args", ()) if isinstance(each, str))
    lines = next(texts, "").strip().splitlines() or [type(cause).__name__]
    described = storable(lines[0].strip().rstrip("."))[:_LONGEST_TEXT]
    if lack == "migration":
        described = _by_tables(described, error.statement or "")
        if not _is_ours(described, error.statement or ""):
            return None
    return Shortage(lack, f"{described}.")


def _by_tables(described: str, statement: str) -> str:
    """What is missing by the names of our tables, where the statement gave them others."""
    for named in _OURS_AS.finditer(statement):
        described = re.sub(rf"\b{named[3]}\.", f"{named[1]}.", described)
    return described


def _is_ours(described: str, statement: str) -> bool:
    """Whether a table or column of ours is missing: some databases name the column alone of a table written to."""
    return _NAMES_OURS.search(described) is not None or _WRITES_OURS.match(statement) is not None


def missing_migration(error: BaseException) -> Shortage | None:
    """What the database lacks of our tables, if that is what ``error`` is about."""
    found = shortage(error)
    return found if found is not None and found.lack == "migration" else None


NEEDS_FOUR_BYTES = (
    "a table's character set has no place for one of its characters. Convert the table that the error is about: "
    "ALTER TABLE … CONVERT TO CHARACTER SET utf8mb4."
)
"""Said where ``is_text_refused``."""
