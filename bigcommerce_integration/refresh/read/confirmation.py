"""The phase after a walk that looks for what is gone from the store: ask for it again by id, then mark all or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy.orm import Session

from ...client.api import Reply
from ...resources.base import LARGEST_PAGE
from ..reconcile.comparison import count_extra
from ..write.behaviour import PageSink
from ..write.page import Counts, MappedPage, map_page
from ..write.rows import PageTransaction, chunks
from .candidates import extent, has_confirmed, mark_deleted, refuse_mass_deletion, resolve, take_gone, unconfirmed
from .fetcher import Fetch
from .slice import Slice, SliceEnds


def confirm(slice_: Slice) -> None:
    """Ask again for what the walk did not bring, store what comes, mark the rest as deleted.

    A reconciliation counts the rest instead. Raises ``MassDeletion``, with nothing marked, where the store lacks more
    than it may.
    """
    job = slice_.job
    # What was surely written before any candidate is confirmed: another refresh may have written since an earlier slice
    # confirmed some, and their times decide then.
    is_begun = job.engine.transaction(lambda session: has_confirmed(session, job.engine.tables, job.refresh_id))
    written_up_to = 0 if is_begun else job.lease.change_number
    job.engine.transaction(lambda session: _refuse_mass_deletion(session, slice_, written_up_to))
    while ids := job.engine.transaction(
        lambda session: unconfirmed(session, job.engine.tables, job.refresh_id, most=LARGEST_PAGE)
    ):
        _ask_again(slice_, ids)
        if job.is_over or (len(ids) == LARGEST_PAGE and not slice_.goes_on()):
            raise SliceEnds

    def mark(tx: PageTransaction) -> Counts:
        if job.is_reconciliation:
            gone = take_gone(tx, job, written_up_to=written_up_to)
            return count_extra(tx, job.collection, [row.bigcommerce_id for row in gone])
        _refuse_mass_deletion(tx.session, slice_, written_up_to)
        return Counts({"deleted": mark_deleted(tx, job, written_up_to=written_up_to)})

    slice_.commit(slice_.step(mark))


def _refuse_mass_deletion(session: Session, slice_: Slice, written_up_to: int) -> None:
    job = slice_.job
    if job.parameters.allow_mass_delete or job.is_reconciliation:
        return
    gone, live = extent(session, job.engine.tables, job, slice_.checkpoint.dates, written_up_to=written_up_to)
    is_empty = job.mode == "full" and not slice_.has_come
    refuse_mass_deletion(gone, live, job.resource, is_empty=is_empty, max_share=job.engine.config.max_deleted_share)


def _ask_again(slice_: Slice, ids: Sequence[int]) -> None:
    """Each of these once, as many in a request as the API takes."""
    at_once = slice_.job.collection.resource.asked_by.ids_a_request
    parts = list(chunks(ids, min(at_once, slice_.page_size)))

    def fill() -> None:
        while parts and slice_.fetcher.has_room:
            part = parts.pop(0)
            slice_.fetcher.add(Fetch(partial(_ask, slice_, part), partial(_came, slice_, part)))

    slice_.settle(fill)


def _ask(slice_: Slice, ids: Sequence[int]) -> Reply[MappedPage]:
    reply = slice_.client.by_ids(slice_.job.collection.resource, ids)
    return reply.holding(map_page(reply, slice_.map_record))


def _came(slice_: Slice, ids: Sequence[int], reply: Reply[MappedPage]) -> None:
    page = slice_.isolated(reply.value.without(slice_.held))
    # Should the answer not be the whole one, nothing is known of what lies above it.
    known = [each for each in ids if page.is_last or each <= (page.last_id or 0)]
    # Those in whose place a record came that cannot be read stay as they are until it can be.
    unclear = [each for each in known if any(above < each < (below or each + 1) for above, below in page.gaps)]
    gone = [each for each in known if each not in page.seen and each not in unclear]

    slice_.job.collection.behaviour.before_write(slice_, page, _Resolution(slice_, gone, unclear))


@dataclass
class _Resolution(PageSink):
    """What came of candidates that were asked for again: which are ``gone``, and of which that is ``unclear``."""

    slice: Slice
    gone: Sequence[int]
    unclear: Sequence[int]

    def store(self, page: MappedPage) -> None:
        before = self.slice.checkpoint
        after = replace(before, failures=0, withheld=before.withheld + page.withheld)
        self.slice.commit_page(page, self._write, after)
        self.slice.grow()

    def _write(self, tx: PageTransaction, page: MappedPage) -> Counts:
        job = self.slice.job
        counts = self.slice.write_page(tx, page)
        resolve(tx, job.refresh_id, there=sorted({*page.seen, *self.unclear}), gone=self.gone)
        return counts + Counts({"fetched": page.fetched, "skipped": len(page.held)})
