"""The phases of a refresh, before and after its walk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ...client.api import Page, Reply, StoreInfo
from ..job.checkpoint import Checkpoint, LinksCheck, Phase, Unsolved
from ..job.context import Job, new_owner
from ..job.id_ranges import Walk
from ..job.lease import Lease, claim
from ..job.modes import believed, dates, finds_unseen, start_of_day
from ..lifecycle.finish import finish
from ..linking.linker import Links, check_links, link_pass, unlink
from ..read.candidates import MOST_SINGLY, Extent, keep_most_likely, note_unseen, note_wanted, refuse_mass_unlinking
from ..read.confirmation import confirm
from ..read.fetcher import Fetch
from ..read.quarantine import try_again
from ..read.slice import Slice, SliceEnds
from ..read.walker import Walker
from ..resources import RESOURCES
from ..write.apply import Step
from ..write.host_calls import tell_products
from ..write.page import Counts, MappedPage, map_page, unmapped
from ..write.rows import PageTransaction
from . import products
from .referenced import missing_products, remember_absent
from .withheld import refuse_withheld

BORROW_AGAIN_S = 2.0


def run_phases(slice_: Slice) -> None:
    """Phase after phase until the refresh is completed; ``SliceEnds`` when the slice's time is up."""
    phases: Mapping[Phase, Callable[[Slice], None]] = {
        "prepare": prepare,
        "walk": walk,
        "missing": find_missing,
        "link": link,
        "referenced": fetch_referenced,
    }
    while slice_.checkpoint.phase != "finish" or not _is_finished(slice_):
        if slice_.checkpoint.phase == "finish":
            slice_.checkpoint = replace(slice_.checkpoint, phase="referenced")
        phases[slice_.checkpoint.phase](slice_)


def _is_finished(slice_: Slice) -> bool:
    try_again(slice_, slice_.job.resource, slice_.job.lease)
    return finish(slice_.job, slice_.checkpoint, slice_.fetcher.tally, slice_.results.total)


def prepare(slice_: Slice) -> None:
    """Ask which store it is, and its time zone, which makes moments of days; this moment is the next watermark."""
    job = slice_.job
    watermark = job.engine.transaction(lambda session: _watermark(session, slice_))

    def came(reply: Reply[StoreInfo]) -> None:
        timezone = reply.value.timezone
        since = start_of_day(job.instance.start_date, timezone)
        filter_ = dates(
            job.resource,
            job.mode,
            job.parameters,
            since=since,
            timezone=timezone,
            watermark=believed(watermark, reply.observed_at),
            overlap_s=job.engine.config.overlap_s,
        )
        slice_.checkpoint = replace(
            slice_.checkpoint,
            phase="walk",
            begun_at=reply.observed_at,
            since=since,
            dates=filter_,
            start_date=job.instance.start_date,
        )
        if job.mode == "ids":
            _prepare_ids(slice_)

    slice_.fetcher.add(Fetch(slice_.client.own_store_info, came, is_store_info=True))
    slice_.settle(lambda: None)
    if job.instance.status_message is not None:
        job.engine.transaction(lambda session: _forget_unreached(session, job))


def _forget_unreached(session: Session, job: Job) -> None:
    """The store could not be reached when it was connected, and has answered now."""
    instances = job.engine.tables.instances
    session.execute(
        update(instances)
        .where(instances.c.id == job.instance.id, instances.c.status == "active")
        .values(status_message=None)
    )


def _watermark(session: Session, slice_: Slice) -> datetime | None:
    leases, job = slice_.job.engine.tables.leases, slice_.job
    found: datetime | None = session.scalar(
        select(leases.c.watermark).where(leases.c.instance_id == job.instance.id, leases.c.resource == job.resource)
    )
    return found


def _prepare_ids(slice_: Slice) -> None:
    """Where one request can name many ids, they are asked for as candidates are; else a walk where they lie."""
    ids = slice_.job.parameters.ids
    slice_.results.total = len(ids)
    if RESOURCES[slice_.job.resource].IDS_A_REQUEST > 1:
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
    if not finds_unseen(job.resource, job.mode):
        slice_.checkpoint = replace(slice_.checkpoint, phase=_following(slice_))
        return

    def note(tx: PageTransaction) -> Counts:
        # What is stored above the highest id that there was when the walk began.
        if job.mode != "ids":
            note_unseen(tx, job, slice_.checkpoint.dates, ((slice_.checkpoint.walk.top or 0) + 1, None), ())
            if RESOURCES[job.resource].IDS_A_REQUEST == 1:
                keep_most_likely(tx, job, MOST_SINGLY)
        return Counts()

    after = replace(slice_.checkpoint, phase="missing")
    slice_.commit(replace(slice_.step(note), after=after, is_progress=True))


def find_missing(slice_: Slice) -> None:
    """Make sure of what the walk did not bring, and mark it."""
    confirm(slice_)
    slice_.checkpoint = replace(slice_.checkpoint, phase=_following(slice_))


def _following(slice_: Slice) -> Phase:
    return "link" if slice_.job.resource == "products" else "finish"


def link(slice_: Slice) -> None:
    """The linking pass: what has a SKU and no link yet, a thousand variants a transaction."""
    refuse_withheld(slice_)
    job = slice_.job
    # What was set aside and goes in after all is linked along.
    try_again(slice_, products.NAME, job.lease)
    switches = (job.instance.auto_link_products, job.instance.auto_create_products)
    if job.mode == "full":
        _check_links(slice_)
    if slice_.checkpoint.linked_by not in (None, switches):
        # They were changed between two slices: what the pass has seen is seen again by the new ones.
        slice_.checkpoint = replace(slice_.checkpoint, link_after=0, unsolved=Unsolved())
    slice_.checkpoint = replace(slice_.checkpoint, linked_by=switches)
    last: int | None = slice_.checkpoint.link_after
    begun_after = slice_.checkpoint.link_after

    unsolved = Unsolved()

    def work(tx: PageTransaction) -> Counts:
        nonlocal last, unsolved
        links, last = link_pass(tx, slice_.checkpoint.link_after)
        if links.product_ids:
            tell_products(tx, sorted(links.product_ids))
        unsolved = _unsolved(links)
        return Counts({"linked": links.linked, "products_created": links.created})

    while any(switches) and last is not None:
        # It stores how far the one before it came.
        slice_.commit(replace(slice_.step(work), is_progress=slice_.checkpoint.link_after > begun_after))
        found = slice_.checkpoint.unsolved + unsolved
        slice_.checkpoint = replace(slice_.checkpoint, link_after=last or 0, unsolved=found)
        if job.is_over and last is not None:
            raise SliceEnds
    slice_.checkpoint = replace(slice_.checkpoint, phase="finish")


def _unsolved(links: Links) -> Unsolved:
    refused = [decision.conflict for decision in links.unsolved.values() if decision.is_refused]
    others = [decision.conflict for decision in links.unsolved.values() if not decision.is_refused]
    return Unsolved(len(others), len(refused), next(iter([*refused, *others]), None))


def _check_links(slice_: Slice) -> None:
    """Look for the host products that variants are linked to, then unlink those whose product is gone.

    A thousand variants a transaction. Counted first: a host that seems to have lost too many has more likely answered
    wrongly, and links made by hand would be lost.
    """
    if not hasattr(slice_.job.engine.host, "products_missing"):
        return

    def count(tx: PageTransaction) -> LinksCheck:
        found = check_links(tx, slice_.checkpoint.links.counted_after or 0)
        return slice_.checkpoint.links.counted(found.count, len(found.gone), found.last)

    def take(tx: PageTransaction) -> LinksCheck:
        found = check_links(tx, slice_.checkpoint.links.taken_after or 0)
        if found.gone:
            tell_products(tx, sorted(unlink(tx, found.gone)))
        return replace(slice_.checkpoint.links, taken_after=found.last)

    while slice_.checkpoint.links.counted_after is not None:
        _advance_check(slice_, count)
    links = slice_.checkpoint.links
    if not slice_.job.parameters.allow_mass_delete:
        refuse_mass_unlinking(Extent(links.gone, links.count), max_share=slice_.job.engine.config.max_deleted_share)
    while links.gone and slice_.checkpoint.links.taken_after is not None:
        _advance_check(slice_, take)


def _advance_check(slice_: Slice, part: Callable[[PageTransaction], LinksCheck]) -> None:
    after = slice_.checkpoint.links

    def work(tx: PageTransaction) -> Counts:
        nonlocal after
        after = part(tx)
        return Counts()

    # It stores how far the one before it came.
    slice_.commit(replace(slice_.step(work), is_progress=slice_.checkpoint.links != LinksCheck()))
    slice_.checkpoint = replace(slice_.checkpoint, links=after)
    if slice_.job.is_over and (after.counted_after or after.taken_after):
        raise SliceEnds


def fetch_referenced(slice_: Slice) -> None:
    """Fetch the products that stored orders refer to and no walk brought, in batches by id."""
    engine, instance_id = slice_.job.engine, slice_.job.instance.id
    with _products_lease(slice_) as lease:
        while True:
            ids = engine.transaction(lambda session: missing_products(session, engine.tables, instance_id))
            if not ids:
                if lease is not slice_.job.lease:
                    try_again(slice_, products.NAME, lease)
                slice_.checkpoint = replace(slice_.checkpoint, phase="finish")
                return
            _fetch_products(slice_, lease, ids[: slice_.page_size])
            if slice_.job.is_over:
                raise SliceEnds


def _fetch_products(slice_: Slice, lease: Lease, ids: Sequence[int]) -> None:
    """One batch: what came goes in, and what cannot be had is remembered, so that it is not asked for again."""

    def step(page: MappedPage, after: Checkpoint) -> Step:
        def work(tx: PageTransaction) -> Counts:
            counts = products.apply(tx, page, insert_since=after.since)
            remember_absent(tx.session, tx.tables, tx.instance.id, [each.id for each in page.rejected if each.id])
            return Counts({"referenced": counts.values["created"], "linked": counts.values["linked"]})

        return Step(work, after, lease, page.observed_at, page.rejected)

    def came(reply: Reply[Page]) -> None:
        page = slice_.spared(map_page(reply, products.map_record if slice_.blame is None else unmapped))
        answered = {each.id for each in page.records} | {each.id for each in page.rejected}
        gone = [each for each in ids if each not in answered]

        def remember_gone(tx: PageTransaction) -> Counts:
            remember_absent(tx.session, tx.tables, tx.instance.id, gone)
            return Counts()

        slice_.commit_page(page, step, slice_.checkpoint, lambda _: slice_.checkpoint)
        slice_.grow()
        slice_.commit(Step(remember_gone, slice_.checkpoint, lease, page.observed_at))

    slice_.fetcher.add(Fetch(lambda: slice_.client.products_by_id(ids), came))
    slice_.settle(lambda: None)


@contextmanager
def _products_lease(slice_: Slice) -> Iterator[Lease]:
    """The lease that fences writes to products: our own, or for an orders refresh the instance's other one."""
    job = slice_.job
    if job.resource == products.NAME:
        yield job.lease
        return
    engine = job.engine

    def borrow(session: Session) -> Lease | None:
        return claim(
            session,
            engine.tables,
            instance_id=job.instance.id,
            resource=products.NAME,
            owner=new_owner(),
            length_s=engine.config.lease_s,
        )

    slice_.borrowed = lease = engine.transaction(borrow)
    if lease is None:
        raise SliceEnds(BORROW_AGAIN_S, "Waiting for the refresh of products, which writes them right now.")
    try:
        yield lease
    finally:
        slice_.borrowed = None
        engine.transaction(lease.release)
