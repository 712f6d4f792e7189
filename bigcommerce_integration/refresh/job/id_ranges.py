"""The walk over a collection by id ranges: pure decisions on what to ask next and what is left.

A walk is a set of disjoint id ranges that are not done; it *is* the checkpoint. Offsets drift when the
store changes, ids do not, and ranges can be fetched side by side and resumed exactly.

How many requests a walk of n records costs: every range ends with one page that is not full, all others are
full, so r ranges cost at most n ÷ page size + r requests. Hence ranges are few: as many as fetches in
flight, and ``SPARE_SPLITS`` more for when ids are spread unevenly.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

SPARE_SPLITS = 1
WORTH_SPLITTING_PAGES = 2.0
NEIGHBOURS = 2
"""The records beside a range of orders that come with it (see ``StoreClient.orders``)."""


@dataclass(frozen=True)
class Walk:
    """Which ids are still to be read: ``ranges`` maps the low end to the high one, both inclusive.

    ``top`` is the highest id when the walk began; until it is known there is one range, open at the top
    (high end None). What is created above the top later belongs to the next refresh.
    """

    ranges: Mapping[int, int | None] = field(default_factory=lambda: {1: None})
    top: int | None = None
    is_surveyed: bool = False
    is_divided: bool = False
    splits_left: int = SPARE_SPLITS
    # Counts the walks of a refresh: more than one where records were surveyed and none came.
    number: int = 1
    # Of the pages that are stored: all records that came, and those of them that are not of the days meant.
    came: int = 0
    beside: int = 0
    # Of a list that is read by page numbers: how many records it had when the walk began, and whether that has changed.
    total: int | None = None
    has_moved: bool = False
    # Records an id that are still to come of the range that begins here, as the last page lets expect: where splitting
    # pays.
    density: Mapping[int, float] = field(default_factory=dict)

    @classmethod
    def of_ids(cls, ids: Collection[int], *, page_size: int) -> Walk:
        """A walk over these ids alone: those that lie close together share a range, and so a request."""
        ranges: dict[int, int | None] = {}
        lo = hi = None
        for each in sorted(set(ids)):
            if lo is None or each - lo >= page_size - NEIGHBOURS:
                lo = each
            ranges[lo] = hi = each
        return cls(ranges=ranges, top=hi, is_surveyed=True, is_divided=True, splits_left=0)

    @property
    def is_done(self) -> bool:
        """Whether the end of every range was proved, with the top known."""
        return self.is_surveyed and not self.ranges

    def surveyed(self, top: int | None) -> Walk:
        """With the highest id known; None says that the collection was empty when the walk began."""
        limit = top or 0
        ranges = {lo: limit if hi is None else hi for lo, hi in self.ranges.items() if hi is not None or lo <= limit}
        return replace(self, ranges=ranges, top=top, is_surveyed=True)

    def divided(self, parts: int, *, busy: Collection[int], page_size: int, left: int | None) -> Walk:
        """With the widest free range cut into ``parts`` of equal width, fewer if that is more than the pages left.

        ``left`` is how many records the store is thought to have left, if it said. Done once, when the first page
        has come, so that what lies below the first record (a start date leaves a long gap there) is not divided.
        """
        free = [lo for lo in self.ranges if lo not in busy and lo != 1]
        if self.is_divided or not self.is_surveyed or not free:
            return self
        lo = max(free, key=self._records_left)
        hi = self.ranges[lo]
        assert hi is not None
        width = hi - lo + 1
        expected = width if left is None else min(width, left)
        parts = max(1, min(parts, -(-expected // page_size)))
        step = -(-width // parts)
        cut = {start: min(start + step - 1, hi) for start in range(lo, hi + 1, step)}
        density = self.density if lo not in self.density else {**self.density, **dict.fromkeys(cut, self.density[lo])}
        return replace(self, ranges={**self.ranges, **cut}, is_divided=True, density=density)

    def next_range(self, busy: frozenset[int]) -> int | None:
        """The low end of the widest range that is not being fetched (``busy``: low ends of those that are)."""
        free = [lo for lo in self.ranges if lo not in busy]
        return max(free, key=self._records_left, default=None)

    def split(self, busy: frozenset[int], *, page_size: int) -> Walk | None:
        """For an idle fetcher: the largest range cut in two beyond the page in flight; None if that would not pay."""
        if not self.is_divided or self.splits_left <= 0 or not busy:
            return None
        lo = max((lo for lo in busy if lo in self.ranges), key=self._records_left, default=None)
        if lo is None or self._records_left(lo) < WORTH_SPLITTING_PAGES * page_size:
            return None
        hi = self.ranges[lo]
        assert hi is not None
        in_flight_ids = int(page_size / self.density.get(lo, 1.0))
        middle = lo + in_flight_ids + (hi - lo - in_flight_ids) // 2
        if not lo <= middle < hi:
            return None
        ranges = {**self.ranges, lo: middle, middle + 1: hi}
        density = {**self.density, middle + 1: self.density.get(lo, 1.0)}
        return replace(self, ranges=ranges, splits_left=self.splits_left - 1, density=density)

    def _records_left(self, lo: int) -> float:
        hi = self.ranges[lo]
        return float("inf") if hi is None else (hi - lo + 1) * self.density.get(lo, 1.0)

    def counted(self, total: int | None, *, may_grow: bool = False) -> Walk:
        """With the total that an answer states; that of a list that only grows at its end ``may_grow``."""
        if self.total is None or total is None:
            return replace(self, total=total if self.total is None else self.total)
        has_moved = total < self.total if may_grow else total != self.total
        return replace(self, has_moved=self.has_moved or has_moved)

    def answered(self, lo: int, *, first_id: int | None, last_id: int | None, count: int, is_last: bool) -> Walk:
        """With the page of the range at ``lo`` come: what it leaves is a range of its own, to be asked for at once.

        ``first_id`` and ``last_id`` are the lowest and highest ids that came, also those above the range;
        ``is_last`` is the client's proof that nothing of the range that was asked for is left. In a range
        open at the top that is a short answer, which proves nothing below the top: only an empty one counts.
        """
        hi = self.ranges[lo]
        came = replace(self, density={**self.density, lo: 0.0})
        if last_id is None or (hi is not None and (is_last or last_id >= hi)):
            return came
        expected = count / max(1, last_id - (first_id or lo) + 1)
        return replace(
            came,
            ranges={**self.ranges, lo: last_id, last_id + 1: hi},
            density={**came.density, last_id + 1: expected},
        )

    def stored(self, lo: int, *, came: int = 0, beside: int = 0) -> Walk:
        """With the range at ``lo`` done, as its page is stored; see there for ``came`` and ``beside``."""
        ranges = {each: hi for each, hi in self.ranges.items() if each != lo}
        return replace(
            self,
            ranges=ranges,
            density={each: self.density[each] for each in ranges.keys() & self.density.keys()},
            came=self.came + came,
            beside=self.beside + beside,
        )

    def dump(self) -> dict[str, Any]:
        """As plain JSON values."""
        kept = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "density"}
        return {**kept, "ranges": sorted([lo, hi] for lo, hi in self.ranges.items())}

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> Walk:
        """The walk that ``dump`` wrote; a worker of an older version may have left out some."""
        known = {item.name: data[item.name] for item in fields(cls) if item.name in data}
        return cls(**{**known, "ranges": dict(data["ranges"])})
