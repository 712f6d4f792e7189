"""Linking as a phase of a refresh of products: what the walk could not link, a thousand variants a transaction.

A pass over all variants without a link is made at most every ``LINK_INTERVAL_S``, by refreshes of everything, and once
linking is switched on. Else a refresh looks at what was written since the last pass, so that it costs nothing where
nothing was; one of ids at the variants of its products.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from ...resources.products import PRODUCTS
from ..job.checkpoint import LinksCheck, Unsolved
from ..job.context import Job
from ..read.candidates import refuse_mass_unlinking
from ..read.quarantine import try_again
from ..read.slice import Slice, SliceEnds
from ..write.host_calls import notify_host
from ..write.page import Counts
from ..write.rows import PageTransaction
from .linker import Links, are_open, check_links, link_pass, link_some, unlink

Part = Callable[[PageTransaction, int], tuple[Links, int | None]]
"""Links the next variants after one of this BigCommerce id; with the id to go on after, None at the end."""


def link(slice_: Slice) -> None:
    """Decide on what has a SKU and no link yet."""
    job = slice_.job
    # What was rejected and goes in after all is linked along.
    try_again(slice_, job.collection, job.lease)
    if job.mode == "full" or job.parameters.is_repair:
        _check_links(slice_)
    part = _of_all(slice_) if _is_due(slice_) else _of_some(slice_)
    if part is not None:
        _run(slice_, part)
    slice_.checkpoint = replace(slice_.checkpoint, phase="finish")


def _is_due(slice_: Slice) -> bool:
    """Whether all that has no link is looked at."""
    job = slice_.job
    if slice_.checkpoint.linked_by is not None:
        # An earlier slice has begun so.
        return True
    if job.mode == "ids":
        return False
    return job.mode in ("initial", "full") or job.is_link_due or job.lease.linked_up_to is None


def _of_all(slice_: Slice) -> Part | None:
    switches = _switches(slice_.job)
    if slice_.checkpoint.linked_by != switches:
        # If they were changed between two slices: what the pass has seen is seen again by the new ones.
        number = slice_.job.engine.transaction(lambda session: session.scalar(_written_up_to(slice_.job)))
        begun = replace(slice_.checkpoint, linked_by=switches, linked_up_to=number)
        slice_.checkpoint = replace(begun, link_after=0, unsolved=Unsolved())
    return link_pass if any(switches) else None


def _of_some(slice_: Slice) -> Part | None:
    """Over the products of a refresh of ids, or what was written since the last pass; None if there is nothing."""
    job, checkpoint, table = slice_.job, slice_.checkpoint, slice_.job.engine.tables.variants
    is_alone = job.mode == "ids"
    is_written = job.lease.linked_up_to != job.lease.change_number or slice_.has_progressed
    if not any(_switches(job)) or not (is_alone or is_written):
        return None
    which = (
        table.c.bigcommerce_product_id.in_(job.parameters.ids)
        if is_alone
        else table.c.change_number > job.lease.linked_up_to
    )
    mine = (table.c.instance_id == job.instance.id, table.c.bigcommerce_id > checkpoint.link_after)
    wanted = select(table.c.bigcommerce_id).where(which, *mine, *are_open(job.engine.tables))

    def find(session: Session) -> tuple[Any, list[int]]:
        # First: what is written meanwhile is the next pass's.
        return session.scalar(_written_up_to(job)), sorted(session.scalars(wanted))

    number, ids = job.engine.transaction(find)
    if not is_alone and checkpoint.linked_up_to is None:
        slice_.checkpoint = replace(checkpoint, linked_up_to=number)
    return partial(link_some, ids) if ids else None


def _switches(job: Job) -> tuple[bool, bool]:
    return job.instance.auto_link_products, job.instance.auto_create_products


def _written_up_to(job: Job) -> Select[Any]:
    return select(job.engine.tables.leases.c.change_number).where(*job.lease.row)


def _run(slice_: Slice, part: Part) -> None:
    """One transaction after another; ``SliceEnds`` when the slice's time is up."""
    last: int | None = slice_.checkpoint.link_after
    begun_after, after = slice_.checkpoint.link_after, slice_.checkpoint

    def work(tx: PageTransaction) -> Counts:
        nonlocal last, after
        before, written_up_to = slice_.checkpoint, tx.change_number
        links, last = part(tx, before.link_after)
        if links.product_ids:
            notify_host(tx, PRODUCTS.name, sorted(links.product_ids))
        # What the pass itself has written, as long as nobody else has written meanwhile, it need not look at.
        up_to = tx.change_number if before.linked_up_to == written_up_to else before.linked_up_to
        unsolved = before.unsolved + _unsolved(links)
        after = replace(before, link_after=last or 0, unsolved=unsolved, linked_up_to=up_to)
        return Counts({"linked": links.linked, "products_created": links.created})

    while last is not None:
        # It stores how far the one before it came.
        slice_.commit(replace(slice_.step(work), is_progress=slice_.checkpoint.link_after > begun_after))
        slice_.checkpoint = after
        if last is not None and not slice_.goes_on():
            raise SliceEnds


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
        count, gone, last = check_links(tx, slice_.checkpoint.links.counted_after or 0)
        return slice_.checkpoint.links.counted(count, len(gone), last)

    def take(tx: PageTransaction) -> LinksCheck:
        _, gone, last = check_links(tx, slice_.checkpoint.links.taken_after or 0)
        if gone:
            notify_host(tx, PRODUCTS.name, sorted(unlink(tx, gone)))
        return replace(slice_.checkpoint.links, taken_after=last)

    while slice_.checkpoint.links.counted_after is not None:
        _advance_check(slice_, count)
    links = slice_.checkpoint.links
    if not slice_.job.parameters.allow_mass_delete:
        refuse_mass_unlinking(
            links.gone, links.count, PRODUCTS.name, max_share=slice_.job.engine.config.max_deleted_share
        )
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
    if (after.counted_after or after.taken_after) and not slice_.goes_on():
        raise SliceEnds
