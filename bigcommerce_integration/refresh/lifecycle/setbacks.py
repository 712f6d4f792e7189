"""What an error means that has ended a slice: pure decisions, and its description without values."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from ..job.checkpoint import Checkpoint
from ..job.database import Shortage
from ..read.crash_guard import GIVE_UP_AFTER

MOST_ERRORS = 30
"""Errors that nobody expected after which a refresh fails, also if there was progress between them."""
SHOWN_FROM = 2
"""An error that comes once may be bad luck; from the second on the store's health shows it."""
LONGEST_WAIT_S = 60.0
LONGEST_SHORTAGE_WAIT_S = 120.0
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Setbacks:
    """What ended the slices before this one: unexpected errors (all), shortages of the database (in a row).

    ``trouble`` describes the last of both, until a slice comes to a good end.
    """

    errors: int = 0
    shortages: int = 0
    trouble: str | None = None


@dataclass(frozen=True)
class Pause:
    """How a refresh stands between two slices.

    It goes on no sooner than ``wait_s`` seconds from now, or not at all (``is_final``). ``checkpoint`` None leaves the
    stored one. ``setbacks`` are those with the one that has ended the slice; None if it came to a good end. ``trial``
    is the rejected record that was being tried again, if that is not what ended the slice.
    """

    wait_s: float = 0.0
    message: str | None = None
    checkpoint: Checkpoint | None = None
    attempts: int = 0
    setbacks: Setbacks | None = None
    trial: int | None = None
    is_final: bool = False


def after_shortage(
    found: Shortage, before: Setbacks, *, attempts: int, has_progressed: bool, random: Callable[[], float]
) -> Pause:
    """Wait and go on, for as long as it takes: that the database cannot work is no evidence against any record.

    ``attempts`` are those before this slice. The waits double up to two minutes.
    """
    count = 1 if has_progressed else before.shortages + 1
    wait_s = min(2.0 ** min(count, 10), LONGEST_SHORTAGE_WAIT_S) * (0.5 + random() / 2)
    text = str(found)
    return Pause(
        wait_s,
        f"{text} The refresh goes on by itself once that is over; it tries again in about {wait_s:.0f} seconds.",
        attempts=0 if has_progressed else attempts,
        setbacks=replace(before, shortages=count, trouble=text),
    )


def after_error(
    error: Exception, before: Setbacks, *, attempts: int, has_progressed: bool, random: Callable[[], float]
) -> Pause:
    """Wait and try again, or give up after too many errors: a fault of ours must neither loop nor hide."""
    attempts = 1 if has_progressed else attempts + 1
    count = before.errors + 1
    text = described(error)
    wait_s = min(2.0 ** min(attempts, 10), LONGEST_WAIT_S) * (0.5 + random() / 2)
    return Pause(
        wait_s,
        f"{text} This was try {count}.",
        attempts=attempts,
        setbacks=replace(before, errors=count, trouble=text),
        is_final=attempts >= GIVE_UP_AFTER or count >= MOST_ERRORS,
    )


def described(error: BaseException) -> str:
    """The kind of the error and the deepest place of ours that it came through; nothing of what it says."""
    kind = type(error).__name__
    if isinstance(error, DBAPIError) and error.orig is not None:
        kind = f"{kind} ({type(error.orig).__name__})"
    return f"Something went wrong that should not: {kind} at {_place(error)}; the log of the worker has the details."


def _place(error: BaseException) -> str:
    """Path within the package and line."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(_ROOT):
            return f"{path.relative_to(_ROOT).as_posix()}:{frame.lineno}"
    return "a place that is not known"
