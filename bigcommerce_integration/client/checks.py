"""An answer checked against its question: a store that ignores a filter must be found out, not believed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from ..errors import BadRecord, StoreUnavailable, UnexpectedAnswer
from .pages import IdRange, Page
from .records import Record
from .values import date_time

# Dates have whole seconds, and whether a V2 bound includes itself is not known (the fact sheet, section 5).
_TOLERANCE = timedelta(seconds=1)


def at_most(records: Sequence[Record], limit: int, resource: str) -> None:
    """Refuse more records than were asked for."""
    if len(records) > limit:
        raise _ignores("limit", resource, f"{len(records)} records came where {limit} were asked for")


def ids_ascend(records: Iterable[Record], ids: IdRange, resource: str, *, names: tuple[str, str]) -> None:
    """Refuse ids out of order or outside of the question; ``names`` are those of the filters for its two ends."""
    found = [record.id for record in records if record.id is not None]
    if any(one > other for one, other in pairwise(found)):
        raise _ignores("sort", resource, "the ids are not in ascending order")
    if found and found[0] < ids.lo:
        raise _ignores(names[0], resource, f"id {found[0]} came, below {ids.lo}")
    if found and ids.hi is not None and found[-1] > ids.hi:
        raise _ignores(names[1], resource, f"id {found[-1]} came, above {ids.hi}")


def ids_descend(records: Iterable[Record], resource: str) -> None:
    """Refuse an answer that does not begin with the highest id."""
    found = [record.id for record in records if record.id is not None]
    if any(one < other for one, other in pairwise(found)):
        raise _ignores("sort", resource, "the ids are not in descending order")


def ids_among(records: Iterable[Record], ids: Iterable[int], resource: str) -> None:
    """Refuse ids that were not asked for."""
    asked = set(ids)
    for record in records:
        if record.id is not None and record.id not in asked:
            raise _ignores("id:in", resource, f"id {record.id} came, which was not asked for")


def dates_from(records: Iterable[Record], field: str, since: datetime | None, resource: str, *, name: str) -> None:
    """Refuse records whose date lies before the filter ``name``; one that cannot be read is not judged here."""
    if since is None:
        return
    for record in records:
        if not is_from(record, field, since - _TOLERANCE):
            raise _ignores(name, resource, f"id {record.id} has a {field} before the date asked for")


def is_from(record: Record, field: str, since: datetime | None) -> bool:
    """Whether a record's date is at or after ``since`` (naive UTC); True if there is none that can be read."""
    if since is None or not isinstance(record.value, dict):
        return True
    try:
        moment = date_time(record.value.get(field), field)
    except BadRecord:
        return True
    return moment is None or moment >= since


def leads_on(page: Page, resource: str) -> None:
    """Refuse a page from which a walk cannot go on: nothing on it has an id, yet there is more."""
    if not page.is_last and page.last_id is None:
        found = "records without ids" if page.records else "no records"
        raise StoreUnavailable(f"There are more {resource}, by what the answer says, but it holds {found}.")


def _ignores(name: str, resource: str, what: str) -> UnexpectedAnswer:
    return UnexpectedAnswer(
        f"The filter {name} was ignored for {resource}: {what}. The refresh has stopped, as going on could lose "
        "records. Nothing that was imported is wrong; report this to us and to BigCommerce."
    )
