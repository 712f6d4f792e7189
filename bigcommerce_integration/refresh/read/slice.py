"""What every phase of a slice shares: the requests in flight, and steps that are committed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sqlalchemy import select
from sqlalchemy.exc import DataError, IntegrityError, StatementError
from sqlalchemy.orm import Session

from ...client.api import Reply, StoreClient
from ...client.records import Record
from ...errors import HostRefused, RefreshEnded, RejectionCode
from ...models.dialect.errors import is_text_refused
from ...resources.base import DateFilter
from ...resources.mapping import Mapped
from ..job.checkpoint import Checkpoint
from ..job.context import Job
from ..job.database import NEEDS_FOUR_BYTES, shortage
from ..job.lease import Lease, sharers
from ..reconcile.comparison import compare_page
from ..write.apply import Results, Step, commit_step
from ..write.collection import write_page
from ..write.page import Blame, Counts, MappedPage, Rejected, reject_all, unmapped
from ..write.rows import PageTransaction
from .crash_guard import PART, grown, part_sizes
from .fetcher import LONG_WAIT_S, Fetcher

HOST_TRIES = 5
LOOK_S = 1.0
"""How often a slice that stores nothing looks whether its refresh was cancelled."""
DRAIN_S = 5.0
"""How long a stopping process waits for answers under way; what comes later is fetched again elsewhere."""
QUOTA_USED_UP = "The store's quota of requests is used up for now."
ASKED_AGAIN = "The store is asked again in about"
"""In the message of each refresh that waits for the store; the seconds follow."""


PageWrite = Callable[[PageTransaction, MappedPage], Counts]
"""Writes a page, or a part of it, in its transaction."""


@dataclass
class SliceEnds(Exception):
    """Nothing more can be done in this slice; the refresh may go on ``wait_s`` seconds from now."""

    wait_s: float = 0.0
    message: str | None = None


@dataclass
class Slice:
    """One claimed refresh being advanced: all but the requests happens in the thread that owns this."""

    job: Job
    client: StoreClient
    fetcher: Fetcher
    checkpoint: Checkpoint
    results: Results
    # The most records to ask for at once: fewer where workers died (see ``crash_guard``).
    page_size: int
    # How many may be asked for at a time, though the fetcher may begin with one.
    width: int
    # Why the one record that comes next is to be rejected, if it is what they died of.
    blame: Blame | None = None
    # At most so many records a transaction, the first of them one by one if ``opens_singly``.
    part: int | None = None
    opens_singly: bool = False
    # The ids of what is in quarantine: it is tried again by itself, and not with the page that brings it.
    held: frozenset[int] = frozenset()
    # The rejected record (its row id) that is being tried again.
    trial: int | None = None
    borrowed: Lease | None = None
    has_progressed: bool = False
    # The first page, and the dates by which it was asked for, before anything else was known.
    ahead: tuple[DateFilter, Reply[MappedPage]] | None = None
    # What stores the work done so far, should the slice end while a page waits for lines.
    unfinished: list[Callable[[], None]] = field(default_factory=list)
    looked_at: float = field(default_factory=time.monotonic)
    # Whether the process has time for more than the first page of this refresh.
    may_go_on: Callable[[], bool] = lambda: True
    is_handed_on: bool = False

    @property
    def is_over(self) -> bool:
        """Whether no new page is to be begun in this slice."""
        return self.is_handed_on or self.job.is_over

    def goes_on(self) -> bool:
        """Whether the slice does more than its first page; if not, the refresh is handed on."""
        if not self.is_over and not self.may_go_on():
            self.is_handed_on = True
        return not self.is_over

    @property
    def map_record(self) -> Callable[[Record], Mapped]:
        """What makes columns of a record."""
        map_record, held = self.job.collection.mapper.map_record, self.held
        if self.blame is not None:
            return unmapped
        if not held:
            return map_record
        return lambda record: unmapped(record) if record.id in held else map_record(record)

    @property
    def has_come(self) -> bool:
        """Whether the walk has brought a record, be it one that is left out."""
        return bool(self.checkpoint.walk.came or self.results.values["fetched"])

    def isolated(self, page: MappedPage) -> MappedPage:
        """The page as it came, or all of it rejected, once, if workers died of it."""
        if self.blame is None:
            return page
        blame, self.blame = self.blame, None
        # What killed is found: pages are as large as ever.
        self.page_size, self.part = self.job.engine.config.page_size, PART
        self.checkpoint = replace(self.checkpoint, page_size=None, good_pages=0)
        return reject_all(page, blame)

    def step(self, work: Callable[[PageTransaction], Counts], *, lease: Lease | None = None) -> Step:
        """A transaction that stores no answer and leaves the checkpoint where it is.

        Whoever comes after this process does it again, so it is no progress.
        """
        begun_at = self.checkpoint.begun_at
        assert begun_at is not None
        return Step(
            apply=work, after=self.checkpoint, lease=lease or self.job.lease, observed_at=begun_at, is_progress=False
        )

    def keep_alive(self) -> None:
        """Renew what is held, and look how many others share the store's quota; at least every third of a lease."""
        engine, instance = self.job.engine, self.job.instance

        def work(session: Session) -> int:
            self.job.lease.renew(session)
            if self.borrowed is not None:
                self.borrowed.renew(session)
            return sharers(session, engine.tables, instance.store_hash, engine.config.lease_s)

        self.fetcher.pace = self.fetcher.pace.with_sharers(engine.transaction(work))

    def commit(self, step: Step) -> None:
        """Write the step; a host that refuses is asked again after a moment, then the refresh fails with its words."""
        for attempt in range(1, HOST_TRIES + 1):
            try:
                commit_step(self.job, step, self.results, self.fetcher.tally)
                break
            except HostRefused:
                if attempt == HOST_TRIES:
                    raise
            self.keep_alive()
            self.job.engine.stopping.wait(0.25 * 2**attempt)
            if self.job.engine.stopping.is_set():
                raise SliceEnds
        self.looked_at = time.monotonic()
        self.checkpoint = step.after
        self.has_progressed = self.has_progressed or step.is_progress

    def commit_page(
        self,
        page: MappedPage,
        write: PageWrite,
        after: Checkpoint | None = None,
        part_after: Callable[[MappedPage], Checkpoint] | None = None,
        *,
        lease: Lease | None = None,
    ) -> None:
        """Write a page, in parts after a death; what the database refuses is found by halves and rejected.

        ``after`` is the checkpoint once the page is stored, ``part_after`` once a lower part of it is; without them it
        stays as it is. ``lease`` fences the rows, if it is not the job's own.
        """
        for size in part_sizes(self.part, opens_singly=self.opens_singly):
            if len(page.records) <= size:
                break
            lower, page = page.split(size)
            self._commit_part(lower, write, part_after and part_after(lower), part_after, lease)
        self._commit_part(page, write, after, part_after, lease)

    def _commit_part(
        self,
        page: MappedPage,
        write: PageWrite,
        after: Checkpoint | None,
        part_after: Callable[[MappedPage], Checkpoint] | None,
        lease: Lease | None,
    ) -> None:
        try:
            self.commit(self._page_step(page, write, after or self.checkpoint, lease or self.job.lease))
        except StatementError as error:
            if not _is_refusal(error) or not page.records:
                raise
            if page.others:
                # Stored along to be sure of a SKU; the page itself can do without.
                self._commit_part(replace(page, others=()), write, after, part_after, lease)
                return
            if len(page.records) == 1:
                (record,) = page.records
                kind = NEEDS_FOUR_BYTES if is_text_refused(error) else f"{type(error.orig or error).__name__}."
                reason = f"The database refused the row: {kind}"
                rejected = Rejected(record.id, reason, record.text, code=RejectionCode.DATABASE_REFUSED)
                rest = replace(page, records=[], rejected=[*page.rejected, rejected])
                self._commit_part(rest, write, after, part_after, lease)
                return
            lower, upper = page.halves()
            self._commit_part(lower, write, part_after and part_after(lower), part_after, lease)
            self._commit_part(upper, write, after, part_after, lease)

    def _page_step(self, page: MappedPage, write: PageWrite, after: Checkpoint, lease: Lease) -> Step:
        # The store counts a second wider than the days meant.
        total = None if self.results.total is None else max(0, self.results.total - page.beside)
        return Step(lambda tx: write(tx, page), after, lease, page.observed_at, page.rejected, total)

    def write_page(self, tx: PageTransaction, page: MappedPage) -> Counts:
        """The page into rows; of a reconciliation, what that would change."""
        checkpoint, collection = self.checkpoint, self.job.collection
        if not self.job.is_reconciliation:
            return write_page(tx, collection, page, since=checkpoint.since)
        return compare_page(tx, collection, page, since=checkpoint.since, settled_until=checkpoint.settled_until)

    def grow(self) -> None:
        """Count one more good page towards pages that are as large as ever."""
        full = self.job.engine.config.page_size
        size, good_pages = grown(self.page_size, self.checkpoint.good_pages, full=full)
        self.checkpoint = replace(self.checkpoint, page_size=size, good_pages=good_pages)
        self.page_size = size or full

    def settle(self, fill: Callable[[], None]) -> None:
        """Ask, wait and take answers until nothing is asked any more; ``fill`` adds questions while there is room.

        Raises ``SliceEnds`` when time is up and no question is left in flight, ``RefreshEnded`` soon after somebody
        has ended the refresh.
        """
        stopping = self.job.engine.stopping
        # However short a slice is, it asks something: or a slow machine would go from slice to slice for nothing.
        is_first = True
        while True:
            if is_first or not self.job.is_over:
                fill()
            is_first = False
            if stopping.is_set():
                # What is under way need not be asked again elsewhere.
                self.fetcher.drain(DRAIN_S)
                self._save()
                raise SliceEnds
            self._look()
            delay_s = self.fetcher.start_due()
            if self.fetcher.in_flight:
                self.fetcher.take(min(delay_s or 1.0, 1.0))
            elif not self.fetcher.waiting:
                return
            elif delay_s > LONG_WAIT_S or (self.job.is_over and delay_s > 0 and not self.fetcher.is_rechecking):
                self._save()
                trouble = self.fetcher.trouble or QUOTA_USED_UP
                raise SliceEnds(delay_s, f"{trouble} {ASKED_AGAIN} {delay_s:.0f} seconds.")
            else:
                self.fetcher.wait(min(delay_s, LOOK_S))

    def _save(self) -> None:
        for save in list(self.unfinished):
            save()

    def _look(self) -> None:
        """Every commit looks too; this is for the time between."""
        if time.monotonic() - self.looked_at < LOOK_S:
            return
        self.looked_at = time.monotonic()
        refreshes, refresh_id = self.job.engine.tables.refreshes, self.job.refresh_id
        status = self.job.engine.transaction(
            lambda session: session.scalar(select(refreshes.c.status).where(refreshes.c.id == refresh_id))
        )
        if status != "processing":
            raise RefreshEnded(f"Refresh {refresh_id} was ended by somebody else.")


def _is_refusal(error: StatementError) -> bool:
    """Whether the database says no to the values themselves, not to the moment."""
    if shortage(error) is not None:
        return False
    # A plain StatementError is a value that the driver cannot even send.
    return is_text_refused(error) or isinstance(error, DataError | IntegrityError) or type(error) is StatementError
