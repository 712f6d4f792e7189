"""The walk over a resource's pages, with the survey that tells where it ends."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..client.api import DateFilter, Highest, Reply
from ..client.pages import IdRange, Page
from ..client.records import Record
from ..errors import BadRecord, RecordGone, UnexpectedAnswer
from .apply import Step
from .checkpoint import Checkpoint
from .fetching import Fetch
from .orders import unfetched, with_lines
from .page import Mapped, MappedPage, Rejected, content_hash, map_page
from .resources import RESOURCES
from .slices import Slice, SliceEnds

PAGES_BEFORE_GROWING = 4
SMALLEST_PAGE = 16
"""What trouble with the store halves pages down to; only workers that die make them smaller."""


@dataclass
class Walker:
    """Walks what the checkpoint has left, within one slice."""

    slice: Slice
    width: int
    page_size: int
    busy: set[int] = field(default_factory=set)
    sets_aside: bool = False

    def run(self) -> None:
        """Until every range is proved done; ``SliceEnds`` if time is up before."""
        if not self._checkpoint.walk.is_surveyed:
            self._survey()
        self.slice.settle(self._fill)
        if not self._checkpoint.walk.is_done:
            if self.slice.job.is_over:
                raise SliceEnds
            raise AssertionError(f"the walk has no question left, but ranges: {self._checkpoint.walk.ranges}")
        self._refuse_an_empty_walk()

    @property
    def _checkpoint(self) -> Checkpoint:
        return self.slice.checkpoint

    @property
    def _filter(self) -> datetime | None:
        """The date filter: orders by creation on every walk, products by modification unless all ids are walked."""
        job = self.slice.job
        return None if job.resource == "products" and job.mode == "full" else self._checkpoint.since

    # -- how far the walk goes -------------------------------------------------------------------------------

    def _survey(self) -> None:
        client, since = self.slice.client, self._filter
        resource = RESOURCES[self.slice.job.resource]
        self.slice.fetcher.add(Fetch(partial(resource.survey, client, since), self._surveyed))
        if self.slice.job.resource == "orders":
            self.slice.fetcher.add(Fetch(partial(client.count_orders, DateFilter(created_since=since)), self._counted))

    def _surveyed(self, reply: Reply[Highest]) -> None:
        walk = self._checkpoint.walk.surveyed(reply.value.id)
        self.slice.checkpoint = replace(self._checkpoint, walk=walk)
        if reply.value.total is not None:
            self.slice.results.total = reply.value.total
        self._divide()

    def _counted(self, reply: Reply[int]) -> None:
        self.slice.results.total = reply.value

    def _divide(self) -> None:
        """Once the first page is stored and the top is known: a range for each fetcher."""
        walk, results = self._checkpoint.walk, self.slice.results
        if self.busy or (1 in walk.ranges and walk.top is not None):
            return
        left = None if results.total is None else max(0, results.total - results.values["fetched"])
        divided = walk.divided(self.width, page_size=self.page_size, left=left)
        self.slice.checkpoint = replace(self._checkpoint, walk=divided)

    def _refuse_an_empty_walk(self) -> None:
        results = self.slice.results
        is_expected = self._checkpoint.walk.top is not None or bool(results.total)
        if is_expected and not results.values["fetched"]:
            raise UnexpectedAnswer(
                f"Store {self.slice.job.instance.store_hash} says that there are {self.slice.job.resource} (highest id "
                f"{self._checkpoint.walk.top}, number {results.total}), but sent none when asked for them by id. "
                "Start the refresh again; if it ends the same way, report this to us."
            )

    # -- questions -------------------------------------------------------------------------------------------

    def _fill(self) -> None:
        if self.slice.fetcher.wants_smaller_page:
            self.slice.fetcher.wants_smaller_page = False
            self.page_size = min(self.page_size, max(SMALLEST_PAGE, self.page_size // 2))
            self.slice.checkpoint = replace(self._checkpoint, page_size=self.page_size, good_pages=0)
        while self.slice.fetcher.has_room and len(self.busy) < self.width:
            lo = self._next_range()
            if lo is None:
                return
            self.busy.add(lo)
            self.slice.fetcher.add(
                Fetch(partial(self._ask, lo), partial(self._came, lo), reply_of=lambda result: result[0])
            )

    def _next_range(self) -> int | None:
        walk, busy = self._checkpoint.walk, frozenset(self.busy)
        lo = walk.next_range(busy)
        if lo is None and (split := walk.split(busy, page_size=self.page_size)) is not None:
            self.slice.checkpoint = replace(self._checkpoint, walk=split)
            lo = split.next_range(busy)
        return lo

    def _ask(self, lo: int) -> tuple[Reply[Page], MappedPage]:
        """In a fetching thread: the request, and the work on its answer that needs no database."""
        resource = RESOURCES[self.slice.job.resource]
        hi = self._checkpoint.walk.ranges.get(lo)
        reply = resource.ask(self.slice.client, IdRange(lo, hi), self.page_size, self._filter)
        page = map_page(reply, _unmapped if self.sets_aside else resource.map_record)
        if hi is None and page.last_id is not None:
            # A short answer proves nothing below the top, also not if the top becomes known before it is stored.
            page = replace(page, is_last=False)
        return reply, page

    # -- answers ---------------------------------------------------------------------------------------------

    def _came(self, lo: int, result: tuple[Reply[Page], MappedPage]) -> None:
        if lo not in self._checkpoint.walk.ranges:
            # The survey says that nothing is there: what came was created since, and is the next refresh's.
            self.busy.discard(lo)
            return
        page = result[1].up_to(self._checkpoint.walk.ranges[lo])
        if self.sets_aside:
            page = _set_aside(page)
            self.sets_aside = False
        wanted = self._unfetched(page)
        if not wanted:
            self._store(lo, page)
            return
        LineFetches(self, lo, page, {order.id: order for order in wanted}).begin()

    def _unfetched(self, page: MappedPage) -> list[Mapped]:
        """The orders of the page whose lines have to be asked for by themselves."""
        asked = [order for order in page.records if order.needs_lines]
        if not asked:
            return []
        job = self.slice.job
        orders = job.engine.tables.orders

        def stored(session: Session) -> dict[int, str]:
            rows = session.execute(
                select(orders.c.bigcommerce_id, orders.c.content_hash).where(
                    orders.c.instance_id == job.instance.id,
                    orders.c.bigcommerce_id.in_([order.id for order in asked]),
                    orders.c.deleted_at.is_(None),
                )
            )
            return {row.bigcommerce_id: row.content_hash for row in rows}

        return unfetched(job.engine.transaction(stored), asked)

    def _store(self, lo: int, page: MappedPage) -> None:
        after = replace(self._after(lo, page), **self._grown())
        self.slice.commit_page(page, self._step, after, partial(self._after_part, lo))
        self.page_size = self._checkpoint.page_size or self.slice.job.engine.config.page_size
        self.busy.discard(lo)
        self._divide()

    def _after(self, lo: int, page: MappedPage) -> Checkpoint:
        walk = self._checkpoint.walk.after(
            lo, first_id=page.first_id, last_id=page.last_id, count=page.count, is_last=page.is_last
        )
        return replace(self._checkpoint, walk=walk, failures=0)

    def _after_part(self, lo: int, lower: MappedPage) -> Checkpoint:
        """With the lower half of a page stored: its upper end becomes the low end of what is left."""
        walk = self._checkpoint.walk
        start = max(each for each in walk.ranges if each <= (lower.last_id or lo))
        ranges = {**walk.ranges}
        hi = ranges.pop(start)
        ranges[(lower.last_id or lo) + 1] = hi
        return replace(self._checkpoint, walk=replace(walk, ranges=ranges))

    def _step(self, page: MappedPage, after: Checkpoint) -> Step:
        job = self.slice.job
        is_filtered = job.resource == "products" and self._filter is not None
        insert_since = None if is_filtered else self._checkpoint.since
        return Step(
            apply=lambda tx: RESOURCES[job.resource].apply(tx, page, insert_since=insert_since),
            after=after,
            lease=job.lease,
            observed_at=page.observed_at,
            rejected=page.rejected,
            fetched=len(page.records) + len(page.rejected),
        )

    def _grown(self) -> dict[str, Any]:
        """A page size that trouble made small doubles again after a few good pages."""
        full = self.slice.job.engine.config.page_size
        if self.page_size >= full:
            return {"page_size": None, "good_pages": 0}
        good_pages = self._checkpoint.good_pages + 1
        if good_pages < PAGES_BEFORE_GROWING:
            return {"page_size": self.page_size, "good_pages": good_pages}
        grown = min(full, self.page_size * 2)
        return {"page_size": None if grown == full else grown, "good_pages": 0}


@dataclass
class LineFetches:
    """A page that waits for lines of some of its orders; stored when the last of them has come."""

    walker: Walker
    lo: int
    page: MappedPage
    wanted: dict[int, Mapped]
    lines: dict[int, list[Record]] = field(default_factory=dict)
    answers: dict[int, Mapped | Rejected] = field(default_factory=dict)

    def begin(self) -> None:
        """Ask for the first page of lines of each order."""
        for order_id in self.wanted:
            self.lines[order_id] = []
            self._ask_page(order_id, 1)

    def _ask_page(self, order_id: int, number: int) -> None:
        above = max((line.id or 0 for line in self.lines[order_id]), default=0)

        def ask() -> Reply[Page] | None:
            try:
                return self.walker.slice.client.order_lines(order_id, number, above=above)
            except RecordGone:
                return None

        self.walker.slice.fetcher.add(Fetch(ask, partial(self._came, order_id, number)))

    def _came(self, order_id: int, number: int, reply: Reply[Page] | None) -> None:
        order = self.wanted[order_id]
        if reply is None:
            # Gone since its page: stored as far as known, and its lines are asked for again should it come back.
            self.answers[order_id] = replace(order, content_hash=content_hash(order.text, "gone"))
        else:
            self.lines[order_id].extend(reply.value.records)
            if not reply.value.is_last:
                self._ask_page(order_id, number + 1)
                return
            try:
                self.answers[order_id] = with_lines(order, self.lines.pop(order_id))
            except BadRecord as error:
                self.answers[order_id] = Rejected(order_id, str(error), order.text)
        if len(self.answers) == len(self.wanted):
            self._store()

    def _store(self) -> None:
        answers = [self.answers.get(order.id, order) for order in self.page.records]
        page = replace(
            self.page,
            records=[each for each in answers if isinstance(each, Mapped)],
            rejected=[*self.page.rejected, *(each for each in answers if isinstance(each, Rejected))],
        )
        self.walker._store(self.lo, page)


def _unmapped(record: Record) -> Mapped:
    assert record.id is not None
    return Mapped(record.id, record.text, "", {}, ())


def _set_aside(page: MappedPage) -> MappedPage:
    reason = "Workers died each time while they stored this record."
    return replace(
        page,
        records=[],
        rejected=[*page.rejected, *(Rejected(record.id, reason, record.text) for record in page.records)],
    )
