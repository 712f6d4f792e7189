"""The phases of a refresh, before and after its walk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from ...client.api import Reply, StoreInfo
from ...resources.values import shifted
from ..drift import Drift
from ..job.checkpoint import Phase
from ..job.context import Job
from ..job.id_ranges import Walk
from ..job.modes import believed, dates, finds_unseen, start_of_day
from ..job.regional import Regional, is_known, note_regional, regional_of
from ..lifecycle.completion import finish
from ..read.candidates import MOST_SINGLY, keep_most_likely, note_unseen, note_wanted
from ..read.confirmation import confirm
from ..read.fetcher import Fetch
from ..read.quarantine import try_again
from ..read.slice import Slice
from ..read.walker import Walker
from ..write.page import Counts
from ..write.rows import PageTransaction


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
        if slice_.checkpoint.phase == "finish":
            slice_.checkpoint = replace(slice_.checkpoint, phase="referenced")
        phases[slice_.checkpoint.phase](slice_)


def _is_finished(slice_: Slice) -> bool:
    job, tally, results = slice_.job, slice_.fetcher.tally, slice_.results
    if not job.is_reconciliation:
        try_again(slice_, job.collection, job.lease)
    return job.engine.transaction(lambda session: finish(session, job, slice_.checkpoint, tally, results))


def prepare(slice_: Slice) -> None:
    """Ask which store it is, and its time zone, which makes moments of days; this moment is the next watermark."""
    job = slice_.job
    answered: list[Regional] = []

    def came(reply: Reply[StoreInfo]) -> None:
        timezone = reply.value.timezone
        answered[:] = [regional_of(reply.value)]
        since = start_of_day(job.instance.start_date, timezone)
        known_until, overlap_s = believed(job.lease.watermark, reply.observed_at), job.engine.config.overlap_s
        filter_ = dates(
            job.collection.resource,
            job.walk_mode,
            job.parameters,
            since=since,
            timezone=timezone,
            watermark=known_until,
            overlap_s=overlap_s,
        )
        slice_.checkpoint = replace(
            slice_.checkpoint,
            phase="walk",
            begun_at=reply.observed_at,
            since=since,
            dates=filter_,
            start_date=job.instance.start_date,
            settled_until=known_until and shifted(known_until, -timedelta(seconds=overlap_s)),
        )
        slice_.results.drift = Drift()
        if job.mode == "ids":
            _prepare_ids(slice_)

    slice_.fetcher.add(Fetch(slice_.client.own_store_info, came, is_store_info=True))
    slice_.settle(lambda: None)
    if not is_known(job.instance, answered[0]):
        job.engine.transaction(lambda session: note_regional(session, job.engine.tables, job.instance.id, answered[0]))
    if job.instance.status_message is not None and not job.is_reconciliation:
        job.engine.transaction(lambda session: _note_answer(session, job))


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
