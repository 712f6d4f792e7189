"""The phases of a refresh before and after its walk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy.orm import Session

from ..client.api import Page, Reply, StoreInfo
from ..errors import UnexpectedAnswer
from . import products
from .apply import Step
from .checkpoint import Checkpoint, Phase
from .context import new_owner
from .fetching import Fetch
from .finish import finish
from .host_calls import tell_products
from .lease import Lease, claim
from .linking import link_pass
from .page import Counts, MappedPage, map_page
from .referenced import missing_products, remember_absent
from .rows import PageTransaction
from .slices import Slice, SliceEnds
from .walking import Walker

BORROW_AGAIN_S = 2.0


def run_phases(slice_: Slice, walker: Callable[[], Walker]) -> None:
    """Phase after phase until the refresh is completed; ``SliceEnds`` when the slice's time is up."""
    phases: Mapping[Phase, Callable[[], None]] = {
        "prepare": lambda: prepare(slice_),
        "walk": lambda: walk(slice_, walker()),
        "link": lambda: link(slice_),
        "referenced": lambda: fetch_referenced(slice_),
    }
    while slice_.checkpoint.phase != "finish" or not _is_finished(slice_):
        if slice_.checkpoint.phase == "finish":
            slice_.checkpoint = replace(slice_.checkpoint, phase="referenced")
        phases[slice_.checkpoint.phase]()


def _is_finished(slice_: Slice) -> bool:
    return finish(slice_.job, slice_.checkpoint, slice_.fetcher.tally, slice_.results.total)


def prepare(slice_: Slice) -> None:
    """Ask for the store's time zone, which makes a moment of the start date; its clock is the next watermark."""

    def came(reply: Reply[StoreInfo]) -> None:
        since = start_of_day(slice_.job.instance.start_date, reply.value.timezone)
        slice_.checkpoint = replace(slice_.checkpoint, phase="walk", begun_at=reply.observed_at, since=since)

    slice_.fetcher.add(Fetch(slice_.client.store_info, came))
    slice_.settle(lambda: None)


def start_of_day(day: date, timezone: str) -> datetime:
    """When ``day`` begins in ``timezone``, as naive UTC; ``UnexpectedAnswer`` for a zone that nobody knows."""
    # UTC is never assumed: a day's worth of orders would silently be missing, or be in the books twice.
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UnexpectedAnswer(
            f"The store is in the time zone {timezone!r}, which this machine does not know: "
            "update the Python package tzdata, then start the refresh again."
        ) from None
    return datetime.combine(day, time.min, zone).astimezone(UTC).replace(tzinfo=None)


def walk(slice_: Slice, walker: Walker) -> None:
    """Read all that the checkpoint has left."""
    walker.run()
    following: Phase = "link" if slice_.job.resource == "products" else "finish"
    slice_.checkpoint = replace(slice_.checkpoint, phase=following)


def link(slice_: Slice) -> None:
    """The linking pass: what has a SKU and no link yet, a thousand variants a transaction."""
    job = slice_.job
    is_wanted = job.instance.auto_link_products or job.instance.auto_create_products
    last: int | None = slice_.checkpoint.link_after

    def work(tx: PageTransaction) -> Counts:
        nonlocal last
        links, last = link_pass(tx, slice_.checkpoint.link_after)
        if links.product_ids:
            tell_products(tx, sorted(links.product_ids))
        return Counts({"linked": links.linked, "products_created": links.created})

    while is_wanted and last is not None:
        slice_.commit(_step(slice_, work, job.lease))
        slice_.checkpoint = replace(slice_.checkpoint, link_after=last or 0)
        if job.is_over and last is not None:
            raise SliceEnds
    slice_.checkpoint = replace(slice_.checkpoint, phase="finish")


def fetch_referenced(slice_: Slice) -> None:
    """Fetch the products that stored orders refer to and no walk brought, in batches by id."""
    engine, instance_id = slice_.job.engine, slice_.job.instance.id
    with _products_lease(slice_) as lease:
        while True:
            ids = engine.transaction(lambda session: missing_products(session, engine.tables, instance_id))
            if not ids:
                slice_.checkpoint = replace(slice_.checkpoint, phase="finish")
                return
            _fetch_products(slice_, lease, ids)
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
        page = map_page(reply, products.map_record)
        answered = {each.id for each in page.records} | {each.id for each in page.rejected}
        gone = [each for each in ids if each not in answered]

        def remember_gone(tx: PageTransaction) -> Counts:
            remember_absent(tx.session, tx.tables, tx.instance.id, gone)
            return Counts()

        slice_.commit_page(page, step, slice_.checkpoint, lambda _: slice_.checkpoint)
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


def _step(slice_: Slice, work: Callable[[PageTransaction], Counts], lease: Lease) -> Step:
    begun_at = slice_.checkpoint.begun_at
    assert begun_at is not None
    return Step(apply=work, after=slice_.checkpoint, lease=lease, observed_at=begun_at)
