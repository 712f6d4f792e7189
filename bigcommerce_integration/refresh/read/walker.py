"""The walk over a resource's pages, with the survey that tells where it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from ...client.api import Highest, Reply
from ...client.pages import IdRange
from ...errors import UnexpectedAnswer
from ...resources.base import Pages
from ..job.checkpoint import Checkpoint
from ..job.id_ranges import Walk
from ..job.modes import READS_AGAIN, finds_unseen
from ..write.behaviour import PageSink
from ..write.diff import stored_hashes
from ..write.page import Counts, MappedPage, map_page, mapping, skipping_unchanged
from ..write.rows import PageTransaction
from .candidates import note_unseen, note_wanted
from .crash_guard import SMALLEST_PAGE, grown
from .fetcher import Fetch
from .quarantine import hasten
from .slice import Slice, SliceEnds

MOST_WALKS = 3
"""So often a store may say that it has records and send none, or a list may change while it is read by page numbers."""


@dataclass
class _RangePage(PageSink):
    """A page of the range that begins at ``lo``."""

    walker: Walker
    lo: int
    takes_parts = True

    def store(self, page: MappedPage) -> None:
        self.walker.store(self.lo, page)

    def store_part(self, lower: MappedPage) -> None:
        self.lo = self.walker.store_part(self.lo, lower)


@dataclass
class Walker:
    """Walks what the checkpoint has left, within one slice."""

    slice: Slice
    page_size: int
    busy: set[int] = field(default_factory=set)
    has_asked: bool = False

    def run(self) -> None:
        """Until every range is proved done; ``SliceEnds`` if time is up before."""
        self._walk()
        while (is_contradicted := self._is_contradicted()) or self._checkpoint.walk.has_moved:
            walk = self._checkpoint.walk
            if walk.number == MOST_WALKS:
                if not is_contradicted:
                    # As exact as such a list can be read: the refresh's message says so.
                    return
                raise UnexpectedAnswer(
                    f"Store {self.slice.job.instance.store_hash} says that there are {self.slice.job.resource} "
                    f"(highest id {walk.top}, number {self.slice.results.total}), but sent none when asked for them by "
                    f"id, {walk.number} times. Start the refresh again; if it ends the same way, report this to us."
                )
            self.slice.checkpoint = replace(self._checkpoint, walk=Walk(number=walk.number + 1))
            self._walk()

    def ask_ahead(self) -> MappedPage:
        """The first page of the checkpoint's dates, before anything else is known; the walk begins with it."""
        dates, came = self._checkpoint.dates, list[Reply[MappedPage]]()
        self.slice.fetcher.add(Fetch(partial(self._page, IdRange(1, None), {}), came.append))
        self.slice.settle(lambda: None)
        self.slice.ahead = dates, came[0]
        return came[0].value

    def _walk(self) -> None:
        if not self._checkpoint.walk.is_surveyed:
            self._survey()
        (dates, first), self.slice.ahead = self.slice.ahead or (None, None), None
        if first is not None and dates == self._checkpoint.dates and not self.busy:
            self.has_asked = True
            self.busy.add(1)
            self._came(1, first)
        self.slice.settle(self._fill)
        if not self._checkpoint.walk.is_done:
            if self.slice.is_over:
                raise SliceEnds
            raise AssertionError(f"the walk has no question left, but ranges: {self._checkpoint.walk.ranges}")

    def _is_contradicted(self) -> bool:
        """Whether records were surveyed and none came: all of them gone or made just then, or a store that errs.

        What is asked for a second wider than meant counts as come, though it is not stored: the survey saw it too.
        """
        is_expected = self._checkpoint.walk.top is not None or bool(self.slice.results.total)
        return is_expected and not self.slice.job.parameters.ids and not self.slice.has_come

    @property
    def _checkpoint(self) -> Checkpoint:
        return self.slice.checkpoint

    @property
    def _is_by_id(self) -> bool:
        """Whether the walk is one by ids, not by places in a list."""
        return self.slice.job.collection.resource.asked_by.by_id

    @property
    def _grows_at_end(self) -> bool:
        """Whether it is one by places in a list that only grows at its end."""
        reader = self.slice.job.collection.resource.asked_by
        return isinstance(reader, Pages) and reader.grows_at_end

    # -- how far the walk goes -------------------------------------------------------------------------------

    def _survey(self) -> None:
        client, dates = self.slice.client, self._checkpoint.dates
        resource = self.slice.job.collection.resource
        if self._grows_at_end:
            # Its pages tell.
            return
        self.slice.fetcher.add(Fetch(partial(client.highest, resource, dates), self._surveyed))
        if resource.asked_by.counts_apart:
            self.slice.fetcher.add(Fetch(partial(client.count, resource, dates), self._counted))

    def _surveyed(self, reply: Reply[Highest]) -> None:
        walk = self._checkpoint.walk.surveyed(reply.value.id)
        if not self._is_by_id:
            walk = walk.counted(reply.value.total)
        self.slice.checkpoint = replace(self._checkpoint, walk=walk)
        if reply.value.total is not None:
            self.slice.results.total = reply.value.total
        self._divide()

    def _counted(self, reply: Reply[int | None]) -> None:
        beside = self._checkpoint.walk.beside
        self.slice.results.total = None if reply.value is None else max(0, reply.value - beside)

    def _survey_by(self, lo: int, page: MappedPage) -> None:
        """A page of places shows how far the list goes: it tells the total, or it is empty and so the end."""
        walk, may_grow = self._checkpoint.walk, self._grows_at_end
        top = page.total if page.total is not None or page.count else lo - 1
        if may_grow and not walk.is_surveyed and top is not None:
            walk = walk.surveyed(top or None)
            self.slice.results.total = top
        self.slice.checkpoint = replace(self._checkpoint, walk=walk.counted(page.total, may_grow=may_grow))

    def _divide(self, *, came: int = 0) -> None:
        """Once the first page has come and the top is known: a range for each fetcher.

        ``came`` is how many records are not yet counted as fetched.
        """
        walk, results = self._checkpoint.walk, self.slice.results
        left = None if results.total is None else max(0, results.total - results.values["fetched"] - came)
        divided = walk.divided(self.slice.width, busy=self.busy, page_size=self.page_size, left=left)
        self.slice.checkpoint = replace(self._checkpoint, walk=divided)

    # -- questions -------------------------------------------------------------------------------------------

    def _fill(self) -> None:
        if self.slice.fetcher.wants_smaller_page:
            self.slice.fetcher.wants_smaller_page = False
            self.page_size = min(self.page_size, max(SMALLEST_PAGE, self.page_size // 2))
            self.slice.checkpoint = replace(self._checkpoint, page_size=self.page_size, good_pages=0)
        self._ask(at_most=self.slice.fetcher.width)

    def _ask(self, *, at_most: int) -> None:
        """Ask for ranges while there is room, until so many are asked for or wait to be stored."""
        while self.slice.fetcher.has_room and len(self.busy) < at_most:
            lo = self._next_range()
            if lo is None or (self.has_asked and not self._goes_on()):
                return
            self.has_asked = True
            self.busy.add(lo)
            ids = IdRange(lo, self._checkpoint.walk.ranges[lo])
            ask = partial(self._page, ids, self._stored_hashes(ids))
            self.slice.fetcher.add(Fetch(ask, partial(self._came, lo)))

    def _goes_on(self) -> bool:
        """Whether to ask for more than a page: only once it is known that there is more, and if the process has time.

        A small store has no second page, so it needs no permit.
        """
        is_known = self._checkpoint.walk.is_surveyed or self._grows_at_end
        return is_known and self.slice.goes_on()

    def _stored_hashes(self, ids: IdRange) -> Mapping[int, str]:
        """Of what the next page will probably bring, where most of that is stored as it is."""
        job = self.slice.job
        if job.mode not in READS_AGAIN or self.slice.blame is not None or not self._is_by_id:
            return {}
        table = job.collection.table(job.engine.tables)
        return job.engine.transaction(
            lambda session: stored_hashes(session, table, job.instance.id, ids, self.page_size)
        )

    def _next_range(self) -> int | None:
        walk, busy = self._checkpoint.walk, frozenset(self.busy)
        lo = min(self._suspects - busy, default=None) or walk.next_range(busy)
        if lo is None and (split := walk.split(busy, page_size=self.page_size)) is not None:
            self.slice.checkpoint = replace(self._checkpoint, walk=split)
            lo = split.next_range(busy)
        return lo

    def _page(self, ids: IdRange, stored: Mapping[int, str]) -> Reply[MappedPage]:
        """In a fetching thread: the request, and the work on its answer that needs no database."""
        collection, map_record = self.slice.job.collection, self.slice.map_record
        if stored:
            map_record = skipping_unchanged(map_record, collection.mapper.complete_hash, stored)
        dates, on_record = self._checkpoint.dates, mapping(map_record)
        reply = self.slice.client.page(collection.resource, ids, limit=self.page_size, dates=dates, on_record=on_record)
        if self.page_size == 1:
            # V2 may send two: the neighbour must not die, or be rejected, along.
            reply = replace(reply, value=reply.value.first())
        page = map_page(reply, map_record)
        if ids.hi is None and page.last_id is not None:
            # A short answer proves nothing below the top, also not if the top becomes known before it is stored.
            page = replace(page, is_last=False)
        return reply.holding(page)

    # -- answers ---------------------------------------------------------------------------------------------

    def _came(self, lo: int, reply: Reply[MappedPage]) -> None:
        if not self._is_by_id:
            self._survey_by(lo, reply.value)
        if lo not in self._checkpoint.walk.ranges:
            # The survey says that nothing is there: what came was created since, and is the next refresh's.
            self.busy.discard(lo)
            return
        hi, page = self._checkpoint.walk.ranges[lo], reply.value
        if self._is_by_id:
            page = page.up_to(hi).covering(lo, hi).within(self._checkpoint.dates)
        if self.slice.job.parameters.ids:
            page = page.only(self.slice.job.parameters.ids)
        page = page.without(self.slice.held)
        if self.slice.blame is not None:
            page = self.slice.isolated(page)
            self.page_size = self.slice.page_size
        walk = self._checkpoint.walk.answered(
            lo, first_id=page.first_id, last_id=page.last_id, count=page.count, is_last=page.is_last
        )
        self.slice.checkpoint = replace(self._checkpoint, walk=walk)
        self._divide(came=page.count)
        self.slice.job.collection.behaviour.before_write(self.slice, page, _RangePage(self, lo))

    def store_part(self, lo: int, lower: MappedPage) -> int:
        """Store the low end of a page whose rest has to wait; where that begins."""
        after = replace(self._after_part(lo, lower), failures=0)
        self.slice.commit_page(lower, self._write, after, partial(self._after_part, lo))
        rest = (lower.last_id or lo) + 1
        self.busy.discard(lo)
        self.busy.add(rest)
        return rest

    def store(self, lo: int, page: MappedPage) -> None:
        """Store the page of the range at ``lo``."""
        if not self.slice.is_over and not self._suspects:
            # The store answers the next questions while the database takes this page: neither waits for the other.
            self._ask(at_most=self.slice.fetcher.width + 1)
        self.slice.fetcher.start_due()
        walk = self._checkpoint.walk.stored(lo, came=page.count, beside=page.beside)
        withheld = self._checkpoint.withheld + page.withheld
        size, good_pages = grown(self.page_size, self._checkpoint.good_pages, full=self._full_page)
        after = replace(
            self._checkpoint,
            walk=walk,
            failures=0,
            withheld=withheld,
            page_size=size,
            good_pages=good_pages,
            suspects=self._left_to_suspect(lo, walk, (page.last_id or lo) + 1),
        )
        self.slice.commit_page(page, self._write, after, partial(self._after_part, lo))
        self.page_size = self._checkpoint.page_size or self._full_page
        self.busy.discard(lo)
        if not self._suspects:
            self.slice.fetcher.width = self.slice.width
            if self.page_size == self._full_page:
                self.slice.part = None

    @property
    def _full_page(self) -> int:
        return self.slice.job.engine.config.page_size

    @property
    def _suspects(self) -> set[int]:
        """The low ends of the ranges whose first page may have killed a worker."""
        return set(self._checkpoint.suspects) & self._checkpoint.walk.ranges.keys()

    def _left_to_suspect(self, lo: int, walk: Walk, following: int) -> tuple[int, ...]:
        """Once the page of ``lo`` is stored: the others, and what is left of the page that was too large to ask for."""
        left = self._suspects - {lo}
        if self.page_size < min(SMALLEST_PAGE, self._full_page) and lo in self._suspects and following in walk.ranges:
            left.add(following)
        return tuple(sorted(left))

    def _after_part(self, lo: int, lower: MappedPage) -> Checkpoint:
        """With the lower half of a page stored: its upper end becomes the low end of what is left.

        Places in a list do not follow from the ids of its records: such a page is read again as a whole.
        """
        if not self._is_by_id:
            return self._checkpoint
        walk = self._checkpoint.walk
        start = max(each for each in walk.ranges if each <= (lower.last_id or lo))
        ranges = {**walk.ranges}
        hi = ranges.pop(start)
        following = (lower.last_id or lo) + 1
        ranges[following] = hi
        suspects = tuple(following if each == start else each for each in self._checkpoint.suspects)
        return replace(self._checkpoint, walk=replace(walk, ranges=ranges), suspects=suspects)

    def _write(self, tx: PageTransaction, page: MappedPage) -> Counts:
        job = self.slice.job
        counts = self.slice.write_page(tx, page)
        if not job.is_reconciliation:
            job.collection.behaviour.after_page(tx, page)
        if page.covers is not None and finds_unseen(job.collection.resource, job.walk_mode):
            self._note_unseen(tx, page, *page.covers)
        if page.held and not job.is_reconciliation:
            hasten(tx, job, page.held)
        return counts + Counts({"fetched": page.fetched, "skipped": len(page.held)})

    def _note_unseen(self, tx: PageTransaction, page: MappedPage, lo: int, hi: int) -> None:
        job = self.slice.job
        if job.parameters.ids:
            note_wanted(tx, job, [each for each in job.parameters.ids if lo <= each <= hi and each not in page.seen])
        else:
            note_unseen(tx, job, self._checkpoint.dates, (lo, hi), page.seen, gaps=page.gaps)
