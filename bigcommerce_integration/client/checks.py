"""An answer checked against its question: a store that ignores a filter must be found out, not believed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from ..errors import IncompleteLines, StoreUnavailable, UnexpectedAnswer
from ..resources.values import shifted
from .dates import Bounds, date_of
from .pages import IdRange, Page
from .records import Record

# V2 is asked a second wider than wanted, see ``dates.v2_params``; to its upper end that second is ``until`` itself.
_TOLERANCE = timedelta(seconds=1)


def at_most(records: Sequence[Record], limit: int, resource: str) -> None:
    """Refuse more records than were asked for."""
    if len(records) > limit:
        raise _ignores("limit", resource, f"{len(records)} records came where {limit} were asked for")


def with_credible_ids(records: Sequence[Record], ids: IdRange) -> list[Record]:
    """The records, of which a damaged one keeps its id only if it lies in the question, between its neighbours.

    Such an id was found in a text that cannot be read: a wrong one must not look like a filter that was ignored.
    """
    if not any(record.damage for record in records):
        return list(records)
    above = ids.hi
    most: list[int | None] = []
    for record in reversed(records):
        most.append(above)
        if record.id is not None and not record.damage:
            above = record.id if above is None else min(above, record.id)
    least, found = ids.lo, []
    for record, highest in zip(records, reversed(most), strict=True):
        credible = record
        if record.damage and record.id is not None:
            is_between = least <= record.id and (highest is None or record.id <= highest)
            credible = record if is_between else replace(record, id=None)
        if credible.id is not None:
            least = max(least, credible.id)
        found.append(credible)
    return found


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


def dates_within(records: Iterable[Record], limits: Iterable[Bounds], resource: str, *, observed_at: datetime) -> None:
    """Refuse records with a date outside of the filters; one that cannot be read is not judged here.

    A date that is not before ``observed_at``, when the question was asked, may have been set while it was answered.
    """
    found = list(records)
    for each in limits:
        if each.since is None and each.until is None:
            continue
        for record in found:
            moment = date_of(record, each.field)
            if moment is None:
                continue
            if each.since is not None and moment < shifted(each.since, -_TOLERANCE):
                raise _ignores(each.names[0], resource, f"id {record.id} has a {each.field} before the dates asked for")
            if each.until is not None and moment > each.until and moment < observed_at:
                raise _ignores(each.names[1], resource, f"id {record.id} has a {each.field} after the dates asked for")


def leads_on(page: Page, resource: str) -> None:
    """Refuse a page from which a walk cannot go on: nothing on it has an id, yet there is more."""
    if not page.is_last and page.last_id is None:
        found = "records without ids" if page.records else "no records"
        raise StoreUnavailable(f"There are more {resource}, by what the answer says, but it holds {found}.")


def lines_lead_on(records: Sequence[Record], limit: int, *, page: int, above: int) -> None:
    """Refuse a page of an order's lines that does not go on from ``above``: such lines would have no end.

    ``IncompleteLines``: it is the fault of this one order, whose lines cannot be known.
    """
    found = [record.id for record in records if record.id is not None]
    if len(records) > limit:
        raise IncompleteLines(f"The store sent {len(records)} of its lines where {limit} were asked for.")
    if above and found and min(found) <= above:
        raise IncompleteLines(
            f"Page {page} of its lines holds some that came before: the store ignores the page's number."
        )
    if len(records) == limit and not found:
        raise IncompleteLines(f"Page {page} of its lines is full of lines without ids, from which nothing leads on.")


def _ignores(name: str, resource: str, what: str) -> UnexpectedAnswer:
    return UnexpectedAnswer(
        f"The filter {name} was ignored for {resource}: {what}. The refresh has stopped, as going on could lose "
        "records. Nothing that was imported is wrong; report this to us and to BigCommerce."
    )
