"""The phases of a refresh, before and after its walk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ...client.api import Reply, StoreInfo
from ...resources.values import shifted
from ..drift import Drift
from ..job.checkpoint import Checkpoint, Phase
from ..job.context import Job
from ..job.id_ranges import Walk
from ..job.modes import believed, dates, finds_unseen, start_of_day
from ..job.regional import is_known, note_regional, regional_of
from ..lifecycle.completion import Incomplete, finish
from ..read.candidates import MOST_SINGLY, keep_most_likely, note_unseen, note_wanted
from ..read.confirmation import confirm
from ..read.fetcher import Fetch
from ..read.quarantine import try_again
from ..read.slice import Slice
from ..read.walker import Walker
from ..write.page import Counts
from ..write.rows import PageTransaction

ASKED_EVERY = timedelta(hours=1)
"""How often at least a store is asked which one it is, and for its time zone, where nothing is new."""


def run_phases(slice_: Slice) -> None:
    """Phase after phase until the refresh is completed; ``SliceEnds`` when the slice's time is up."""
    phases: Mapping[Phase, Callable[[Slice], None]] = {
        "prepare": prepare,
        "walk": walk,
        "missing": find_missing,
        **slice_.job.collection.behaviour.phases(),
    }
    if slice_.job.mode == "create":
        # Nothing is read from the store.
        phases["create"](slice_)
        return
    while slice_.checkpoint.phase != "finish" or not _is_finished(slice_):
        checkpoint = slice_.checkpoint
        if checkpoint.phase == "finish":
            # What is fetched then is written, so the store is asked first which one it is.
            again = Checkpoint(is_unconfirmed=True)
            slice_.checkpoint = again if checkpoint.is_unconfirmed else replace(checkpoint, phase="referenced")
        phases[slice_.checkpoint.phase](slice_)


def _is_finished(slice_: Slice) -> bool:
    job, tally, results = slice_.job, slice_.fetcher.tally, slice_.results
    if not job.is_reconciliation:
        try_again(slice_, job.collection, job.lease)

    def work(session: Session) -> None:
        finish(session, job, slice_.checkpoint, tally, results)

    try:
        try:
            job.engine.transaction(work, is_small=True)
        except IntegrityError:
            job.engine.transaction(work, is_small=True)
    except Incomplete:
        return False
    return True


def prepare(slice_: Slice) -> None:
    """Ask which store it is, and its time zone, which makes moments of days; this moment is the next watermark.

    Where that was asked within the hour, an incremental asks first whether there is anything new.
    """
    if _is_nothing_new(slice_):
        return
    job = slice_.job
    answered: list[StoreInfo] = []

    def came(reply: Reply[StoreInfo]) -> None:
        answered[:] = [reply.value]
        # What was asked for ahead may lack what was changed since.
        begun_at = min(reply.observed_at, slice_.ahead[1].observed_at) if slice_.ahead else reply.observed_at
        prepared = _prepared(job, slice_.checkpoint, reply.value.timezone, begun_at)
        slice_.checkpoint = replace(prepared, phase="walk", is_unconfirmed=False)
        slice_.results.drift = Drift()
        if job.mode == "ids":
            _prepare_ids(slice_)

    slice_.fetcher.add(Fetch(slice_.client.own_store_info, came, is_store_info=True))
    slice_.settle(lambda: None)
    (info,) = answered
    said = regional_of(info)
    if not is_known(job.instance, said):
        job.engine.transaction(lambda session: note_regional(session, job.engine.tables, job.instance.id, said))
    if job.instance.status_message is not None and not job.is_reconciliation:
        job.engine.transaction(lambda session: _note_answer(session, job))


def _prepared(job: Job, checkpoint: Checkpoint, timezone: str, begun_at: datetime) -> Checkpoint:
    """The checkpoint of a walk that began then."""
    since = start_of_day(job.instance.start_date, timezone)
    known_until, overlap_s = believed(job.lease.watermark, begun_at), job.engine.config.overlap_s
    filter_ = dates(
        job.collection.resource,
        job.walk_mode,
        job.parameters,
        since=since,
        timezone=timezone,
        watermark=known_until,
        overlap_s=overlap_s,
    )
    return replace(
        checkpoint,
        begun_at=begun_at,
        since=since,
        dates=filter_,
        start_date=job.instance.start_date,
        settled_until=known_until and shifted(known_until, -timedelta(seconds=overlap_s)),
    )


def _is_nothing_new(slice_: Slice) -> bool:
    """Whether one request has shown that nothing is new, by the time zone that the store has told before.

    An empty answer may be another store's by mistake, so nothing rests on it: the watermark stays, and shows when the
    store was asked. What came is kept for the walk, which begins once the store was asked.
    """
    job = slice_.job
    zone, at = job.instance.store_timezone, job.clock.present
    if zone is None or not _may_ask_ahead(slice_, at):
        return False
    prepared = _prepared(job, slice_.checkpoint, zone, at)
    slice_.checkpoint = replace(slice_.checkpoint, dates=prepared.dates)
    page = Walker(slice_, slice_.page_size).ask_ahead()
    is_end = page.is_last or not job.collection.resource.asked_by.by_id
    # By all clocks, now that the store's is known.
    agreed = _prepared(job, slice_.checkpoint, zone, page.observed_at)
    if page.count or page.total or not is_end or agreed.dates != prepared.dates:
        return False
    slice_.ahead, slice_.results.total = None, 0
    walked = Walk().surveyed(None)
    slice_.checkpoint = replace(agreed, phase=_after_walk(job), walk=walked, is_unconfirmed=True)
    return True


def _may_ask_ahead(slice_: Slice, at: datetime) -> bool:
    """Whether the store was asked of late, and nothing has gone wrong since that would have to be seen to first."""
    job, asked_at = slice_.job, believed(slice_.job.lease.watermark, at)
    is_troubled = slice_.checkpoint.suspects or slice_.held or job.instance.status_message is not None
    if (
        is_troubled
        or slice_.checkpoint.is_unconfirmed
        or job.mode != "incremental"
        or finds_unseen(job.collection.resource, job.mode)
    ):
        return False
    return asked_at is not None and at - asked_at < ASKED_EVERY


def _note_answer(session: Session, job: Job) -> None:
    """The store has answered; if it could not be reached when it was connected, that is over."""
    instances = job.engine.tables.instances
    session.execute(
        update(instances)
        .where(instances.c.id == job.instance.id, instances.c.status == "active")
        .values(status_message=None)
    )


def _prepare_ids(slice_: Slice) -> None:
    """Where one request can name many ids, they are asked for as candidates are; else a walk where they lie."""
    ids = slice_.job.parameters.ids
    slice_.results.total = len(ids)
    if slice_.job.collection.resource.asked_by.ids_a_request > 1:
        after = replace(slice_.checkpoint, phase="missing")

        def note(tx: PageTransaction) -> Counts:
            note_wanted(tx, slice_.job, ids)
            return Counts()

        slice_.commit(replace(slice_.step(note), after=after, is_progress=True))
    else:
        slice_.checkpoint = replace(slice_.checkpoint, walk=Walk.of_ids(ids, page_size=slice_.page_size))


def walk(slice_: Slice) -> None:
    """Read all that the checkpoint has left."""
    page_size = min(slice_.page_size, slice_.checkpoint.page_size or slice_.page_size)
    Walker(slice_, page_size).run()
    job = slice_.job
    if not finds_unseen(job.collection.resource, job.walk_mode):
        slice_.checkpoint = replace(slice_.checkpoint, phase=_after_walk(job))
        return

    def note(tx: PageTransaction) -> Counts:
        # What is stored above the highest id that there was when the walk began.
        if job.mode != "ids":
            note_unseen(tx, job, slice_.checkpoint.dates, ((slice_.checkpoint.walk.top or 0) + 1, None), ())
            if job.collection.resource.asked_by.ids_a_request == 1:
                keep_most_likely(tx, job, MOST_SINGLY)
        return Counts()

    after = replace(slice_.checkpoint, phase="missing")
    slice_.commit(replace(slice_.step(note), after=after, is_progress=True))


def find_missing(slice_: Slice) -> None:
    """Make sure of what the walk did not bring, and mark it."""
    confirm(slice_)
    slice_.checkpoint = replace(slice_.checkpoint, phase=_after_walk(slice_.job))


def _after_walk(job: Job) -> Phase:
    return "finish" if job.is_reconciliation else job.collection.behaviour.after_walk
