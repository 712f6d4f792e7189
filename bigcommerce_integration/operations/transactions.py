"""Commit what a request does, and begin anew where the database asks for that."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from ..errors import DatabaseBusy
from ..refresh.job.database import BeginAnew, in_transaction, is_conflict

TRY_FOR_S = 15.0
QUICK_TRY_S = 5.0
"""The same where a person waits for what changes little."""
UNEXPLAINED_TRIES = 3
_T = TypeVar("_T")


class RowLocked(BeginAnew):
    """A row that must be written is locked, perhaps by a frozen process: repeat the transaction instead of waiting."""


class Unexplained(BeginAnew):
    """A violated constraint, ``error``, whose reason this transaction does not see; a new one may."""

    def __init__(self, error: IntegrityError) -> None:
        super().__init__(str(error))
        self.error = error


@contextmanager
def undone_by_errors(session: Session) -> Iterator[None]:
    """Roll back on an error within: nothing may stay that a handler of the host could commit."""
    try:
        yield
    except DBAPIError:
        raise
    except Exception:
        session.rollback()
        raise


def commit(session: Session, work: Callable[[], _T], *, try_for_s: float | None = None) -> _T:
    """What ``work`` returns, committed; begun anew after a deadlock, a serialization failure or a locked database.

    The same after ``BeginAnew``. An error of the database is raised after a rollback; any other leaves the host's
    session as it is, for refusals have written nothing. ``DatabaseBusy`` if the database asked again for
    ``try_for_s`` seconds (None: ``TRY_FOR_S``).
    """
    repeats = _Repeats(time.monotonic() + (TRY_FOR_S if try_for_s is None else try_for_s))
    try:
        return in_transaction(session, work, repeat_after_s=repeats.after_s)
    except Unexplained as error:
        if not repeats.is_late:
            raise error.error from None
    except (RowLocked, DBAPIError):
        if not repeats.is_late:
            raise
    raise DatabaseBusy("The database is busy. Nothing was changed; try again in a moment.")


@dataclass
class _Repeats:
    """How often and how long one request begins anew."""

    ends_at: float
    unexplained: int = 0
    is_late: bool = False

    def after_s(self, error: Exception, attempt: int) -> float | None:
        """When to begin anew; None not to."""
        if isinstance(error, Unexplained):
            self.unexplained += 1
            if self.unexplained == UNEXPLAINED_TRIES:
                return None
        elif not isinstance(error, RowLocked) and not (isinstance(error, DBAPIError) and is_conflict(error)):
            return None
        self.is_late = time.monotonic() >= self.ends_at
        # By chance, so that the next attempts of several requests spread.
        return None if self.is_late else min(0.01 * 2.0 ** (attempt - 1), 0.5) * random.uniform(0.5, 1.5)  # noqa: S311


def in_savepoint(session: Session, work: Callable[[], _T], refusal: Callable[[], Exception | None]) -> _T:
    """What ``work`` writes, all of it or nothing. ``refusal`` says what a violated constraint means, None if it is not
    to be seen in this transaction.
    """
    # What the host has pending fails here as its own error, not below as ours.
    session.flush()
    try:
        with session.begin_nested():
            return work()
    except IntegrityError as error:
        unexplained = Unexplained(error)
    # Outside of the handler, so that the refusal does not carry the failed statement along.
    raise refusal() or unexplained


@contextmanager
def polled(session: Session) -> Iterator[None]:
    """Within it a request reads what is polled; its end commits the transaction, which a rollback would end otherwise.

    psycopg forgets its prepared statements at a rollback, and PostgreSQL then plans each statement anew, which takes
    longer than reading does. Nothing is committed where the host began the transaction or has objects in the session.
    """
    is_ours = not session.in_transaction()
    yield
    if is_ours and not session.identity_map and not session.new:
        session.commit()


def end_transaction(session: Session) -> None:
    """Commit, so that no transaction is open while a store answers; what the host has pending is kept."""
    session.commit()
