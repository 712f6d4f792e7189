"""What each mode of a refresh reads: pure decisions.

============  ==============================================  ==============================================
mode          orders                                          products
============  ==============================================  ==============================================
initial       created since the start date                    modified since the start date
incremental   those of them modified since the watermark      modified since the watermark
full          as initial                                      all
date_range    created on these days, since the start date     modified on these days
ids           these                                           these
reconcile     as full, or as date_range if days are given     as full, or as date_range if days are given
============  ==============================================  ==============================================

Orders created before the start date never come in, products not modified since only if they are stored already or a
stored order refers to them (see ``refresh/run``).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ...client.clock import TOLERANCE
from ...errors import UnexpectedAnswer
from ...resources.base import DateFilter, Resource, Span
from ...resources.values import shifted
from .parameters import Mode, Parameters

# What these bring is mostly stored as it is.
READS_AGAIN = frozenset({"full", "date_range"})
MOVES_WATERMARK = frozenset({"initial", "incremental", "full"})
_DAY = timedelta(days=1)


def start_of_day(day: date, timezone: str) -> datetime:
    """When ``day`` begins in ``timezone``, as naive UTC; ``UnexpectedAnswer`` for a zone that nobody knows."""
    # UTC is never assumed: a day's worth of orders would silently be missing, or be in the books twice.
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UnexpectedAnswer(
            f"The store is in the time zone {timezone!r}, which this machine does not know: "
            "update the Python package tzdata, then start the refresh again."
        ) from None
    try:
        return datetime.combine(day, time.min, zone).astimezone(UTC).replace(tzinfo=None)
    except OverflowError:  # at either end of the calendar
        return datetime.combine(day, time.min)


def dates(
    resource: Resource,
    mode: Mode,
    parameters: Parameters,
    *,
    since: datetime,
    timezone: str,
    watermark: datetime | None,
    overlap_s: float,
) -> DateFilter:
    """The date filter that goes on every request of the walk.

    ``since`` is the begin of the instance's start date, ``watermark`` where the last refresh that moved it began
    (None: never, then an incremental reads what an initial one does); naive UTC. ``ids`` has none: what is asked for by
    name is judged here, not by the store.
    """
    first, end = since, None
    if mode == "date_range":
        if parameters.date_from is not None:
            first = start_of_day(parameters.date_from, timezone)
        if parameters.date_to is not None:
            end = start_of_day(parameters.date_to + _DAY, timezone)
    changed_since = None
    if watermark is not None and mode == "incremental":
        changed_since = shifted(watermark, -timedelta(seconds=overlap_s))
    return resource.dates(mode, Span(since, first, end, changed_since))


def believed(watermark: datetime | None, present: datetime) -> datetime | None:
    """The watermark, never later than the present; None for one from the future.

    A wrong clock has set that one, and the refreshes since have asked from there: what they left out is not known, so
    the next incremental reads all, and sets it right.
    """
    if watermark is None or watermark > present + TOLERANCE:
        return None
    return min(watermark, present)


def finds_unseen(resource: Resource, mode: Mode) -> bool:
    """Whether a stored row that the walk should have brought, and did not, may be gone from the store."""
    return mode in resource.detects_deletions
