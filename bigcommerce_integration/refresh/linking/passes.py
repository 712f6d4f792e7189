"""Linking as a phase of a refresh of products: what the walk could not link, a thousand variants a transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ...resources.products import PRODUCTS
from ..job.checkpoint import LinksCheck, Unsolved
from ..read.candidates import refuse_mass_unlinking
from ..read.quarantine import try_again
from ..read.slice import Slice, SliceEnds
from ..write.host_calls import notify_host
from ..write.page import Counts
from ..write.rows import PageTransaction
from .linker import Links, check_links, link_pass, unlink


def link(slice_: Slice) -> None:
    """The linking pass: what has a SKU and no link yet, a thousand variants a transaction."""
    job = slice_.job
    # What was rejected and goes in after all is linked along.
    try_again(slice_, job.collection, job.lease)
    switches = (job.instance.auto_link_products, job.instance.auto_create_products)
    if job.mode == "full" or job.parameters.is_repair:
        _check_links(slice_)
    if slice_.checkpoint.linked_by not in (None, switches):
        # They were changed between two slices: what the pass has seen is seen again by the new ones.
        slice_.checkpoint = replace(slice_.checkpoint, link_after=0, unsolved=Unsolved())
    slice_.checkpoint = replace(slice_.checkpoint, linked_by=switches)
    last: int | None = slice_.checkpoint.link_after
    begun_after = slice_.checkpoint.link_after

    unsolved, all_linked = Unsolved(), job.engine.remembered.all_linked
    if all_linked.get(job.instance.id) == job.lease.change_number and not slice_.has_progressed:
        # No row was written since.
        last = None

    def work(tx: PageTransaction) -> Counts:
        nonlocal last, unsolved
        links, last = link_pass(tx, slice_.checkpoint.link_after)
        if not (links.looked_at or slice_.checkpoint.link_after):
            all_linked[job.instance.id] = tx.change_number
        if links.product_ids:
            notify_host(tx, PRODUCTS.name, sorted(links.product_ids))
        unsolved = _unsolved(links)
        return Counts({"linked": links.linked, "products_created": links.created})

    while any(switches) and last is not None:
        # It stores how far the one before it came.
        slice_.commit(replace(slice_.step(work), is_progress=slice_.checkpoint.link_after > begun_after))
        found = slice_.checkpoint.unsolved + unsolved
        slice_.checkpoint = replace(slice_.checkpoint, link_after=last or 0, unsolved=found)
        if last is not None and not slice_.goes_on():
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
