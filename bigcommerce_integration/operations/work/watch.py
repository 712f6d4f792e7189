"""What one process knows of the database and of the work: asked seldom, and never waited for longer than seconds.

A server that is cut off keeps whoever asks it for minutes. So a thread of its own asks, and who waits for it goes on
without an answer.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from ...app_state import State
from ...errors import DatabaseDown, NotMigrated, RequestRefused
from ...refresh.job.database import shortage
from .problem import Problem, ProblemCode, database_down, problem_of, problem_of_error
from .state import work_state

log = logging.getLogger(__name__)

SEEN_FOR_S = 1.0
"""How old an answer may be for ``GET /health``: whoever asks often costs one query a second."""
BELIEVED_FOR_S = 5.0
"""The same for a page or a command, which then meets by itself that the database has gone away."""
WITHIN_S = 4.0
ASK_AGAIN_AFTER_S = 30.0
"""When a thread that hangs is given up and another one asks."""
_DOWN = (ProblemCode.DATABASE_DOWN,)


@dataclass(frozen=True)
class Seen:
    """What was found, at this moment of the monotonic clock; ``problem`` is the worst that is wrong."""

    at: float
    is_done: bool
    problem: Problem | None

    @property
    def is_database_down(self) -> bool:
        """Whether nobody can be told anything else."""
        return self.problem is not None and self.problem.code in _DOWN


def look(state: State, *, fresh_s: float | None = None) -> Seen:
    """What is found, or was ``fresh_s`` seconds ago (None: ``SEEN_FOR_S``). Waits ``WITHIN_S`` at most, in an app
    context; raises nothing that the database does.
    """
    # The engine is found by the app context, which the thread does not have.
    engine = state.db.engine
    watch: Watch = state.work_seen.setdefault("watch", Watch())
    return watch.look(lambda: _ask(state, engine), SEEN_FOR_S if fresh_s is None else fresh_s)


def require_database(state: State) -> None:
    """Raises ``DatabaseDown`` if the database does not answer in time, in an app context."""
    seen = look(state, fresh_s=BELIEVED_FOR_S)
    if seen.is_database_down and seen.problem is not None:
        raise DatabaseDown(seen.problem.sentence, since=seen.problem.since)


def refusal_of(state: State, error: SQLAlchemyError) -> RequestRefused | None:
    """What an error of the database means to whoever has asked: that it is gone, or that a migration is missing.

    None for all others. The app's session is rolled back, as far as that is possible.
    """
    found = shortage(error)
    if found is None or found.lack not in ("connection", "migration"):
        return None
    with suppress(SQLAlchemyError):
        state.db.session().rollback()
    if found.lack == "migration":
        return NotMigrated(str(found))
    log.error("The database does not answer (%s).", type(error).__name__, extra={"action": "database"})
    watch: Watch = state.work_seen.setdefault("watch", Watch())
    problem = watch.note_down()
    return DatabaseDown(problem.sentence, since=problem.since)


def _ask(state: State, engine: Engine) -> tuple[bool, Problem | None]:
    try:
        try:
            return _asked(state, engine)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            # A connection of the pool that a restart of the database has cut.
            return _asked(state, engine)
    except SQLAlchemyError as error:
        return False, problem_of_error(error, None)


def _asked(state: State, engine: Engine) -> tuple[bool, Problem | None]:
    with Session(engine) as session:
        found = work_state(session, state.tables, state.config)
    return found.is_done, problem_of(found)


class _Asking(threading.Thread):
    """One question, under way; ``answer`` is None until it has come."""

    def __init__(self, ask: Callable[[], tuple[bool, Problem | None]]) -> None:
        # A daemon, as a database that is silent must not hold up the end of the process.
        super().__init__(name="bigcommerce-watch", daemon=True)
        self._ask = ask
        self.began = time.monotonic()
        self.answer: tuple[bool, Problem | None] | None = None
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self.answer = self._ask()
        except Exception as error:  # noqa: BLE001 - raised where it is waited for
            self.error = error


class Watch:
    """One process's; safe to be asked by many threads at once, for which one question is enough."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asking: _Asking | None = None
        self._latest: Seen | None = None
        self._down_since: datetime | None = None

    def look(self, ask: Callable[[], tuple[bool, Problem | None]], fresh_s: float) -> Seen:
        """As the function ``look``."""
        with self._lock:
            latest = self._latest
            if latest is not None and time.monotonic() - latest.at < fresh_s:
                return latest
            asking = self._asking
            if asking is None or not asking.is_alive() or time.monotonic() - asking.began > ASK_AGAIN_AFTER_S:
                asking = self._asking = _Asking(ask)
                asking.start()
        asking.join(max(0.0, WITHIN_S - (time.monotonic() - asking.began)))
        if asking.error is not None:
            raise asking.error
        return self._note(asking.answer)

    def note_down(self) -> Problem:
        """The database is gone; the next look asks it anew."""
        with self._lock:
            self._latest = None
            self._down_since = self._down_since or datetime.now(UTC).replace(tzinfo=None)
            return database_down(self._down_since)

    def _note(self, answer: tuple[bool, Problem | None] | None) -> Seen:
        is_done, problem = (False, database_down(None)) if answer is None else answer
        with self._lock:
            if problem is None or problem.code not in _DOWN:
                self._down_since = None
            else:
                self._down_since = self._down_since or datetime.now(UTC).replace(tzinfo=None)
                problem = database_down(self._down_since)
            self._latest = Seen(time.monotonic(), is_done, problem)
            return self._latest
