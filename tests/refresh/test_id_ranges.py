"""The walk alone, against made-up stores of ids: any interleaving, any trouble, nothing lost, few requests."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from math import ceil

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bigcommerce_integration.client.pages import IdRange, Page, v2_page, v3_page
from bigcommerce_integration.client.records import Pagination, Record
from bigcommerce_integration.refresh.job.id_ranges import Walk

VERSIONS = ("v2", "v2 exclusive", "v3")


@dataclass
class Asked:
    """A question in flight, with the answer that the store gave at the moment it was asked."""

    lo: int
    hi: int | None
    page: Page

    @property
    def seen(self) -> list[int]:
        return [each.id for each in self.page.records if each.id is not None]

    @property
    def is_last(self) -> bool:
        # As the engine does it: at an open top a short answer proves nothing.
        return self.page.is_last and (self.hi is not None or not self.seen)


@dataclass
class Walking:
    """The engine's part around a walk, without engine: questions in flight, and a store that is a set of ids."""

    store: set[int]
    version: str
    page_size: int
    width: int
    walk: Walk = field(default_factory=Walk)
    in_flight: list[Asked] = field(default_factory=list)
    # Pages that have come and are not stored yet: the low end of each one's range.
    held: list[tuple[int, list[int]]] = field(default_factory=list)
    stored: list[int] = field(default_factory=list)
    requests: int = 0
    # What the store said when the walk began, on its way to us.
    survey: tuple[int | None, int] | None = None

    def begin(self) -> None:
        """Ask how far the walk goes: the highest id and how many there are."""
        self.survey = (max(self.store, default=None), len(self.store))
        self.fill()

    def surveyed(self) -> None:
        if self.survey is not None and not self.walk.is_surveyed:
            self.walk = self.walk.surveyed(self.survey[0])
            self.divide()
        self.fill()

    @property
    def busy(self) -> frozenset[int]:
        return frozenset([asked.lo for asked in self.in_flight] + [lo for lo, _ in self.held])

    def divide(self) -> None:
        left = max(0, self.survey[1] - len(self.stored)) if self.survey is not None else None
        self.walk = self.walk.divided(self.width, busy=self.busy, page_size=self.page_size, left=left)

    def fill(self) -> None:
        """As many questions as there are fetchers, while there is something to ask."""
        while len(self.in_flight) < self.width:
            lo = self.walk.next_range(self.busy)
            if lo is None:
                split = self.walk.split(self.busy, page_size=self.page_size)
                if split is None:
                    return
                self.walk = split
                lo = split.next_range(self.busy)
                assert lo is not None
            self.in_flight.append(self.ask(lo))

    def ask(self, lo: int) -> Asked:
        self.requests += 1
        ids = IdRange(lo, self.walk.ranges[lo])
        if self.version == "v3":
            found = sorted(each for each in self.store if each >= lo and (ids.hi is None or each <= ids.hi))
            page = v3_page(_records(found[: self.page_size]), Pagination(len(found), 0), ids, self.page_size)
        elif ids.is_one:
            page = Page(_records([lo] if lo in self.store else []), is_last=True)
        else:
            limit = max(2, self.page_size)
            limit = limit if ids.hi is None else min(limit, ids.hi - lo + 3)
            found = sorted(each for each in self.store if each >= lo - (self.version == "v2"))
            page = v2_page(_records(found[:limit]), ids, limit)
        return Asked(lo, ids.hi, page)

    def answered(self, index: int) -> None:
        """One answer arrives; what it leaves can be asked for, though it is stored only later."""
        asked = self.in_flight.pop(index % len(self.in_flight))
        if asked.lo in self.walk.ranges:
            hi = self.walk.ranges[asked.lo]
            self.held.append((asked.lo, [each for each in asked.seen if hi is None or each <= hi]))
            first, last = (asked.seen[0], asked.seen[-1]) if asked.seen else (None, None)
            self.walk = self.walk.answered(
                asked.lo, first_id=first, last_id=last, count=len(asked.seen), is_last=asked.is_last
            )
        self.divide()
        self.fill()

    def store_one(self, index: int) -> None:
        """One page that has come is stored."""
        lo, seen = self.held.pop(index % len(self.held))
        self.stored += seen
        self.walk = self.walk.stored(lo)
        self.fill()

    def failed(self, index: int) -> None:
        """One answer is an error: the same range is asked for again."""
        asked = self.in_flight.pop(index % len(self.in_flight))
        self.fill()
        assert asked.lo not in self.walk.ranges or len(self.in_flight) == self.width or self.is_asked(asked.lo)

    def is_asked(self, lo: int) -> bool:
        return any(asked.lo == lo for asked in self.in_flight)

    def died(self) -> None:
        """The process ends, with it what is in flight and all that the checkpoint does not say."""
        self.in_flight.clear()
        self.held.clear()
        self.walk = Walk.load(json.loads(json.dumps(self.walk.dump())))
        if not self.walk.is_surveyed:
            self.survey = (max(self.store, default=None), len(self.store))
        self.fill()

    def to_the_end(self, choices: list[int]) -> None:
        """Answers in an order that ``choices`` say, until nothing is asked any more; the survey first or last."""
        steps = iter(choices)
        for _ in range(40 * (len(self.store) + 20)):
            choice = next(steps, 0)
            if not self.walk.is_surveyed and (choice % 3 == 0 or not self.in_flight):
                self.surveyed()
            elif self.held and (choice % 2 == 0 or not self.in_flight):
                self.store_one(choice // 2)
            elif self.in_flight:
                self.answered(choice)
            else:
                break
        assert self.walk.is_done, "the walk does not end"
        assert not self.busy


def _records(ids: list[int]) -> list[Record]:
    return [Record("", None, each) for each in ids]


SPARSE = st.sets(st.integers(1, 400), max_size=60)
SKEWED = st.builds(
    lambda low, width, high, count: set(range(low, low + width)) | set(range(high, high + count)),
    st.integers(1, 50),
    st.integers(0, 40),
    st.integers(200, 10**9),
    st.integers(0, 40),
)
IDS = SPARSE | SKEWED
CHOICES = st.lists(st.integers(0, 7), max_size=60)


@given(IDS, st.sampled_from(VERSIONS), st.integers(1, 12), st.integers(1, 8), CHOICES)
@example({1}, "v2", 1, 8, [])
@example(set(), "v2", 4, 3, [])
@example(set(range(1, 249)), "v2", 4, 8, [1] * 60)
def test_any_store_is_read_whole_and_once_with_few_requests(ids, version, page_size, width, choices):
    walking = Walking(set(ids), version, page_size, width)
    walking.begin()
    walking.to_the_end(choices)
    assert sorted(walking.stored) == sorted(ids)
    # Three requests are the store's information, its highest id and (orders) how many there are.
    assert walking.requests + 3 <= ceil(len(ids) / max(1, page_size - 2)) + width + 4


TROUBLE = st.lists(
    st.tuples(
        st.sampled_from(["answer", "answer", "store", "fail", "die", "create", "delete", "survey"]), st.integers(1, 450)
    ),
    max_size=80,
)


def suffer(walking: Walking, trouble: list[tuple[str, int]]) -> set[int]:
    """Let all that happen; the ids that were there all the time."""
    lasting = set(walking.store)
    for kind, number in trouble:
        if kind == "survey" and not walking.walk.is_surveyed:
            walking.surveyed()
        elif kind == "die":
            walking.died()
        elif kind == "create":
            walking.store.add(number)
        elif kind == "delete":
            walking.store.discard(number)
            lasting.discard(number)
        elif kind == "store" and walking.held:
            walking.store_one(number)
        elif kind in ("answer", "fail") and walking.in_flight:
            walking.answered(number) if kind == "answer" else walking.failed(number)
    return lasting


@given(IDS, st.sampled_from(VERSIONS), st.integers(1, 12), st.integers(1, 8), TROUBLE, CHOICES)
def test_record_that_stays_is_seen_despite_any_edits(ids, version, page_size, width, trouble, choices):
    walking = Walking(set(ids), version, page_size, width)
    walking.begin()
    lasting = suffer(walking, trouble)
    walking.to_the_end(choices)
    assert lasting <= set(walking.stored)


@given(IDS, st.sampled_from(VERSIONS), st.integers(1, 12), st.integers(1, 8), TROUBLE)
def test_a_resumed_walk_reads_exactly_what_is_left(ids, version, page_size, width, trouble):
    walking = Walking(set(ids), version, page_size, width)
    walking.begin()
    suffer(walking, [each for each in trouble if each[0] not in ("create", "delete")])
    before, left = len(walking.stored), dict(walking.walk.ranges)
    walking.died()
    walking.to_the_end([])
    expected = [each for each in ids if any(lo <= each <= (hi or each) for lo, hi in left.items())]
    assert sorted(walking.stored[before:]) == sorted(expected)
    assert sorted(walking.stored) == sorted(ids)


@given(st.sets(st.integers(1, 300), max_size=80), st.integers(3, 12), st.integers(1, 8), CHOICES, st.data())
def test_short_pages_below_the_top_end_nothing(ids, page_size, width, choices, data):
    """A store may send less than was asked for, though more is there (the page with its lines was too long)."""

    class Stingy(Walking):
        def ask(self, lo: int) -> Asked:
            whole, self.page_size = self.page_size, data.draw(st.integers(2, self.page_size))
            ids = IdRange(lo, self.walk.ranges[lo])
            found = _records(sorted(each for each in self.store if each >= lo - 1)[: self.page_size])
            self.page_size, self.requests = whole, self.requests + 1
            page = v2_page(found, ids, whole)
            return Asked(lo, ids.hi, page)

    walking = Stingy(set(ids), "v2", page_size, width)
    walking.begin()
    walking.to_the_end(choices)
    assert sorted(walking.stored) == sorted(ids)


def test_what_is_created_above_the_top_is_the_next_refreshs():
    walking = Walking({1, 2, 3}, "v3", 2, 1)
    walking.begin()
    walking.surveyed()
    walking.store |= {4, 5, 6, 7, 8}
    walking.to_the_end([])
    assert walking.stored == [1, 2, 3]


def test_an_empty_store_is_known_by_its_survey():
    walk = Walk().surveyed(None)
    assert walk.is_done
    assert walk.top is None


def test_a_walk_is_not_done_before_its_top_is_known():
    walk = Walk().answered(1, first_id=None, last_id=None, count=0, is_last=True).stored(1)
    assert not walk.ranges
    assert not walk.is_done


def test_a_short_page_of_an_open_range_leaves_the_range_above_it():
    walk = Walk().answered(1, first_id=4, last_id=9, count=3, is_last=True)
    assert walk.ranges == {1: 9, 10: None}
    assert walk.stored(1).surveyed(12).ranges == {10: 12}


def test_ids_above_the_top_are_dropped_once_the_top_is_known():
    assert Walk(ranges={10: None}).surveyed(9).is_done


def test_walk_is_divided_once_and_into_no_more_parts_than_pages():
    walk = Walk(ranges={11: 110}, is_surveyed=True, top=110)
    divided = walk.divided(8, busy=(), page_size=10, left=25)
    assert divided.ranges == {11: 44, 45: 78, 79: 110}
    assert divided.divided(8, busy=(), page_size=1, left=None) is divided


def test_walk_is_divided_after_its_first_page_without_its_range():
    walk = Walk(ranges={1: 110}, is_surveyed=True, top=110)
    assert walk.divided(2, busy={1}, page_size=10, left=None) is walk
    came = walk.answered(1, first_id=11, last_id=20, count=10, is_last=False)
    assert came.divided(2, busy={1}, page_size=10, left=None).ranges == {1: 20, 21: 65, 66: 110}


def test_idle_fetcher_gets_half_of_the_largest_range():
    walk = Walk(ranges={1: 100, 101: 130}, is_surveyed=True, top=130, is_divided=True)
    split = walk.split(frozenset({1, 101}), page_size=10)
    assert split is not None
    assert split.ranges == {1: 55, 56: 100, 101: 130}
    assert split.split(frozenset({1, 56, 101}), page_size=10) is None, "no split is left"


@pytest.mark.parametrize("busy", [frozenset(), frozenset({1}), frozenset({7})])
def test_what_two_pages_hold_is_not_worth_a_split(busy):
    walk = Walk(ranges={1: 19}, is_surveyed=True, top=19, is_divided=True)
    assert walk.split(busy, page_size=10) is None
