"""Repeat a transaction of a request where the database asks for that."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from ..errors import DatabaseBusy
from ..refresh.job.database import is_conflict

TRY_FOR_S = 15.0
UNEXPLAINED_TRIES = 3
_T = TypeVar("_T")


class RowLocked(Exception):
    """A row that must be written is locked, perhaps by a frozen process: repeat the transaction instead of waiting."""


class Unexplained(Exception):
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


def in_transaction(session: Session, work: Callable[[], _T], *, try_for_s: float | None = None) -> _T:
    """What ``work`` returns, committed; begun anew after a deadlock, a serialization failure or a locked database.

    The same after ``RowLocked``. An error of the database is raised after a rollback; any other leaves the host's
    session as it is, for refusals have written nothing. ``DatabaseBusy`` if the database asked again for
    ``try_for_s`` seconds (None: ``TRY_FOR_S``).
    """
    give_up_at = time.monotonic() + (TRY_FOR_S if try_for_s is None else try_for_s)
    pause_s = 0.01
    unexplained = 0
    while True:
        try:
            result = work()
            session.commit()
        except Unexplained as error:
            session.rollback()
            unexplained += 1
            if unexplained == UNEXPLAINED_TRIES:
                raise error.error from None
        except RowLocked:
            session.rollback()
        except DBAPIError as error:
            session.rollback()
            if not is_conflict(error):
                raise
        else:
            return result
        if time.monotonic() >= give_up_at:
            raise DatabaseBusy("The database is busy. Nothing was changed; try again in a moment.")
        time.sleep(pause_s * random.uniform(0.5, 1.5))  # noqa: S311 - only spreads the next attempts
        pause_s = min(pause_s * 2, 0.5)


def end_transaction(session: Session) -> None:
    """Commit, so that no transaction is open while a store answers; what the host has pending is kept."""
    session.commit()
