"""What a question's answer is to the engine: pure values, and how they come from the records on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .records import Pagination, Record


@dataclass(frozen=True)
class IdRange:
    """Remote ids from ``lo`` to ``hi``, both included; open at the top when ``hi`` is None."""

    lo: int
    hi: int | None

    def __post_init__(self) -> None:
        if self.lo < 0 or (self.hi is not None and self.hi < self.lo):
            raise ValueError(f"no range of ids: {self.lo} to {self.hi}")

    @property
    def is_one(self) -> bool:
        """Whether only one id lies in it."""
        return self.lo == self.hi


@dataclass(frozen=True)
class Page:
    """The records of one answer that lie in the range asked for, ids ascending (an id may come twice in a row).

    Records without a readable id are among them, in their place. ``is_last`` is a proof that nothing of the range is
    left beyond them, but for a range open at the top, where it means that the store had no more to give. ``total`` is
    how many records the question has in all, where the store tells. ``places`` are those of the first and the last
    record in a list that is read by page numbers, whose records stand in no order.
    """

    records: list[Record]
    is_last: bool
    total: int | None = None
    places: tuple[int, int] | None = None

    @property
    def last_id(self) -> int | None:
        """The highest id on the page: the rest of the range begins above it. None if no id can be read."""
        return last_id(self.records)

    def first(self) -> Page:
        """The page up to its first record with an id."""
        count = next((at for at, record in enumerate(self.records, 1) if record.id is not None), len(self.records))
        return self if count == len(self.records) else Page(self.records[:count], is_last=False, total=self.total)


@dataclass(frozen=True)
class Highest:
    """The highest id there is, None if there is no record; ``total`` is their number, where the store tells."""

    id: int | None
    total: int | None


def last_id(records: Sequence[Record]) -> int | None:
    """The id of the last record that has one."""
    return next((record.id for record in reversed(records) if record.id is not None), None)


def v3_page(
    records: list[Record], pagination: Pagination | None, ids: IdRange, limit: int, *, is_cut: bool = False
) -> Page:
    """The page of a V3 answer to a question for exactly these ids; one that ``is_cut`` does not show what is left.

    All there is has come when as many came as the pagination counts. One that counts fewer than came contradicts
    itself and proves nothing: then, as without any, the rules of V2 hold.
    """
    if pagination is None or pagination.total < len(records):
        page = v2_page(records, ids, limit, is_cut=is_cut)
        return Page(page.records, page.is_last, None)
    seen = last_id(records)
    is_past = ids.hi is not None and seen is not None and seen >= ids.hi
    is_all = pagination.total == len(records) and not is_cut
    return Page(records, is_past or is_all, pagination.total)


def v2_page(records: list[Record], ids: IdRange, limit: int, *, is_cut: bool = False) -> Page:
    """The page of an answer without pagination, of which ``limit`` were asked for, perhaps from below ``ids.lo``.

    A short answer is no proof by itself: a page with includes may hold less than was asked for (the fact sheet,
    section 14). It is one if nothing with an id is left after dropping what was not asked for, or if a record at or
    above the upper bound came. At an open top there is nothing to prove, and a short answer ends the walk.
    """
    seen = last_id(records)
    kept = _inside(records, ids)
    is_short = len(records) < limit and not is_cut
    is_past = ids.hi is not None and seen is not None and seen >= ids.hi
    return Page(kept, is_past or (is_short and (ids.hi is None or last_id(kept) is None)))


def _inside(records: list[Record], ids: IdRange) -> list[Record]:
    """The records of the range; one without an id belongs to where it stands."""
    kept: list[Record] = []
    for record in records:
        if record.id is None:
            kept.append(record)
        elif record.id < ids.lo:
            kept.clear()  # only such without an id were before it: they lie below too
        elif ids.hi is not None and record.id > ids.hi:
            break
        else:
            kept.append(record)
    return kept
