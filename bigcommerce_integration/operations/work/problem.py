"""What is wrong with the deployment itself: in a sentence that names no store and shows nothing that is secret."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from ...errors import Code
from ...refresh.job.database import shortage
from .state import IDLE_FOR_S, WorkState

NO_ANSWER = (
    "The database does not answer, so no work is done for any store. Nothing is lost: refreshes go on by themselves "
    "once it answers. It cannot wait."
)
BROKER = (
    "The message broker does not answer the workers. Refreshes go on all the same, as each worker looks for work by "
    "itself every second. Let your engineer start the broker, or open the way to it."
)


class ProblemCode(Code):
    """What is wrong. The worst stands first."""

    DATABASE_DOWN = "database_down", "The database does not answer."
    DATABASE_TROUBLE = "database_trouble", "The database answers, but cannot do its work."
    NOT_MIGRATED = "not_migrated", "The database lacks a table or column: a migration is missing."
    NO_WORKER = "no_worker", "A store is connected, and no worker runs."
    WORK_STUCK = "work_stuck", "Work is due, workers run, and none gets on."
    BROKER_DOWN = "broker_down", "The message broker does not answer the workers; work is done all the same."


@dataclass(frozen=True)
class Problem:
    """``sentence`` says what it is, what follows and what to do; ``since`` is naive UTC, None if nobody knows.

    ``can_wait``: nothing is lost and nothing gets worse until working hours.
    """

    code: ProblemCode
    sentence: str
    since: datetime | None
    can_wait: bool = False


def problem_of_error(error: SQLAlchemyError, since: datetime | None) -> Problem:
    """What an error of the database means; of its own text nothing is told."""
    found = shortage(error)
    if found is None:
        text = "The database refuses what it is asked. `flask bigcommerce doctor` says more. It cannot wait."
        return Problem(ProblemCode.DATABASE_TROUBLE, text, since)
    if found.lack == "connection":
        return database_down(since)
    if found.lack == "migration":
        text = f"{found.advice} No work is done until then; nothing is lost. It cannot wait."
        return Problem(ProblemCode.NOT_MIGRATED, text, since)
    text = f"The database cannot do its work just now. {found.advice} Nothing is lost. It cannot wait."
    return Problem(ProblemCode.DATABASE_TROUBLE, text, since)


def database_down(since: datetime | None) -> Problem:
    """It does not answer at all."""
    text = f"{NO_ANSWER} Look whether the database server runs and can be reached."
    return Problem(ProblemCode.DATABASE_DOWN, text, since)


def problem_of(state: WorkState) -> Problem | None:
    """The worst of what the workers' notes show; None if work is done, or none is needed."""
    if not state.is_needed:
        return None
    if not state.is_ticking:
        text = (
            "No background worker runs, so no store is brought up to date. Nothing is lost: it goes on when one runs. "
            "It cannot wait. Start one: `dramatiq`, with the module that exposes the app's broker."
        )
        return Problem(ProblemCode.NO_WORKER, text, _ago(state.tick_s_ago))
    if state.stuck_s is not None and state.stuck_s > IDLE_FOR_S:
        text = (
            "Work is due, workers run, and none has ended a piece of work for five minutes. Nothing is lost. It cannot "
            "wait. Restart the workers; if that does not help, `flask bigcommerce doctor` and their log say more."
        )
        return Problem(ProblemCode.WORK_STUCK, text, _ago(state.stuck_s))
    if state.broker_down_since is not None:
        text = f"{BROKER} It can wait: nothing is lost."
        return Problem(ProblemCode.BROKER_DOWN, text, state.broker_down_since, can_wait=True)
    return None


def _ago(seconds: float | None) -> datetime | None:
    """By this machine's clock, as only the database knows its own."""
    return None if seconds is None else datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=seconds)
