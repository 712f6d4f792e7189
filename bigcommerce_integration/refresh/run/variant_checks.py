"""What a page of products does not prove is asked of the store before the page is stored, a few requests a page.

Two things are not believed at once. That a variant is gone, as its product's answer lacks it or shows none at all
(every product has one: bigcommerce/docs, reference/catalog/products_catalog.v3.yml, ``base_variant_id``): the list of
variants is asked. And that two variants have one SKU, as a row that was stored before has it: the product of that row
is asked for again, and stored or marked as deleted together with the page. What could not be asked for in these
requests stays as it is, and its product is asked about again when it comes next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from ...client.api import Reply
from ...client.pages import Page
from ...errors import BadRecord
from ...resources.base import LARGEST_PAGE
from ...resources.mapping import ChildMapper, Mapped
from ...resources.products import PRODUCTS, VARIANTS
from ..job.context import Job
from ..read.candidates import beyond, is_few, mass_deletion
from ..read.fetcher import Fetch
from ..read.slice import Slice
from ..write.behaviour import PageSink
from ..write.children import NO_HASH, invalidate
from ..write.host_calls import notify_host
from ..write.page import Counts, MappedPage, map_page
from ..write.rows import PageTransaction, rows_by_id, stored_rows, update_rows

MOST_LISTS = 10
"""Requests for lists of variants, for one page of products."""
_rows = ChildMapper(VARIANTS, PRODUCTS.version).rows


@dataclass(frozen=True)
class Unproved:
    """``lacking``: by product whose list is to be asked for, the stored variants that its answer lacks.

    ``weights`` are how many variants each is thought to have, ``holders`` the products that are stored with a SKU that
    this page gives to another variant.
    """

    lacking: Mapping[int, set[int]] = field(default_factory=dict)
    weights: Mapping[int, int] = field(default_factory=dict)
    holders: Sequence[int] = ()


def with_proved_variants(slice_: Slice, page: MappedPage, sink: PageSink) -> None:
    """Store the page at once, or when what it does not prove has been asked for."""
    found = _unproved(slice_.job, page)
    if found.lacking or found.holders:
        _Questions(slice_, page, sink).begin(found)
    else:
        sink.store(page)


def _unproved(job: Job, page: MappedPage) -> Unproved:
    # Those without columns are stored as they are.
    shown = [record for record in page.records if record.lazy is None]
    if job.mode == "initial":
        # What a first refresh reads is not stored yet.
        empty = [record.id for record in shown if not record.of(VARIANTS.name)]
        return Unproved({each: set() for each in empty}, dict.fromkeys(empty, 1))
    if not shown:
        return Unproved()
    is_linking = job.instance.auto_link_products or job.instance.auto_create_products
    return job.engine.transaction(lambda session: _look(session, job, page, shown, is_linking=is_linking))


def _look(session: Session, job: Job, page: MappedPage, shown: Sequence[Mapped], *, is_linking: bool) -> Unproved:
    tx = PageTransaction(session, job.engine.tables, job.engine.host, job.instance, page.observed_at, 0)
    variants = tx.tables.variants
    columns = (variants.c.bigcommerce_id, variants.c.bigcommerce_product_id, variants.c.sku_key, variants.c.deleted_at)
    of_products = stored_rows(tx, variants, variants.c.bigcommerce_product_id, [each.id for each in shown], *columns)
    rows = [row for row in of_products if row.deleted_at is None]
    answered = {child["bigcommerce_id"]: child for record in shown for child in record.of(VARIANTS.name)}
    lacking: dict[int, set[int]] = {record.id: set() for record in shown if not record.of(VARIANTS.name)}
    weights: dict[int, int] = {}
    for row in rows:
        weights[row.bigcommerce_product_id] = weights.get(row.bigcommerce_product_id, 0) + 1
        if row.bigcommerce_id not in answered:
            lacking.setdefault(row.bigcommerce_product_id, set()).add(row.bigcommerce_id)
    is_trusted = not (job.is_reconciliation or job.parameters.is_repair)
    unchanged = _unchanged(tx, [record for record in shown if record.id in lacking]) if is_trusted else set()
    skus: set[str] = set()
    if is_linking:
        known = {row.bigcommerce_id: row.sku_key for row in rows}
        skus = {child["sku_key"] for each, child in answered.items() if child["sku_key"] != known.get(each)} - {None}
    holders = {
        row.bigcommerce_product_id
        for row in stored_rows(tx, variants, variants.c.sku_key, skus, *columns)
        # Compared by code points: MariaDB calls more of them equal.
        if row.deleted_at is None and row.sku_key in skus and row.bigcommerce_id not in answered
    }
    return Unproved(
        {each: ids for each, ids in lacking.items() if each not in unchanged}, weights, sorted(holders - page.seen)
    )


def _unchanged(tx: PageTransaction, records: Sequence[Mapped]) -> set[int]:
    """Which of these are stored with this very answer: what it shows has been judged before."""
    hashes = {record.id: record.content_hash for record in records}
    rows = rows_by_id(tx, tx.tables.products, hashes, "content_hash", "deleted_at")
    return {each for each, row in rows.items() if row.deleted_at is None and row.content_hash == hashes[each]}


@dataclass
class _Questions:
    """A page that waits for answers to what it does not prove; stored when the last of them has come."""

    slice: Slice
    page: MappedPage
    sink: PageSink
    lacking: dict[int, set[int]] = field(default_factory=dict)
    # By product whose list is proved to be whole: its variants as the list shows them.
    listed: dict[int, list[Any]] = field(default_factory=dict)
    others: MappedPage | None = None
    gone_products: list[int] = field(default_factory=list)
    lists_left: int = field(default_factory=lambda: MOST_LISTS)
    open: int = 0

    def begin(self, found: Unproved) -> None:
        """Ask for the lists, as many products in a request as will probably fit, and for the holders of SKUs."""
        self._ask_lists(found)
        if found.holders:
            ids = found.holders[: PRODUCTS.asked_by.ids_a_request]
            self._ask(partial(self.slice.client.by_ids, PRODUCTS, ids), partial(self._others_came, ids))
        self._store_if_all_came()

    def _ask(self, ask: Callable[[], Reply[Page]], then: Callable[[Reply[Page]], None]) -> None:
        self.open += 1

        def came(reply: Reply[Page]) -> None:
            self.open -= 1
            then(reply)
            self._store_if_all_came()

        self.slice.fetcher.add(Fetch(ask, came))

    # -- lists of variants -----------------------------------------------------------------------------------

    def _ask_lists(self, found: Unproved) -> None:
        self.lacking |= found.lacking
        for part in _parts(sorted(found.lacking), found.weights):
            self._ask_list(part, 1, [])

    def _ask_list(self, part: Sequence[int], number: int, before: list[Any]) -> None:
        if not self.lists_left:
            return
        self.lists_left -= 1
        ask = partial(self.slice.client.variants_of, part, number)
        self._ask(ask, partial(self._list_came, part, number, before))

    def _list_came(self, part: Sequence[int], number: int, before: list[Any], reply: Reply[Page]) -> None:
        found = [*before, *(record.value for record in reply.value.records)]
        if not reply.value.is_last:
            self._ask_list(part, number + 1, found)
        elif _is_whole(found, part, reply.value.total):
            for each in part:
                self.listed[each] = [value for value in found if value["product_id"] == each]

    # -- other products --------------------------------------------------------------------------------------

    def _others_came(self, ids: Sequence[int], reply: Reply[Page]) -> None:
        page = map_page(reply, self.slice.job.collection.mapper.map_record)
        known = [each for each in ids if page.is_last or each <= (page.last_id or 0)]
        self.gone_products = [each for each in known if each not in page.seen]
        self.others = page
        if page.records:
            job = self.slice.job
            self._ask_lists(
                job.engine.transaction(lambda session: _look(session, job, page, page.records, is_linking=False))
            )

    # -- the end ---------------------------------------------------------------------------------------------

    def _store_if_all_came(self) -> None:
        if self.open:
            return
        page = self.page
        others: Sequence[Mapped] = ()
        if self.others is not None:
            others = [self._sure(record) for record in self.others.records]
            page = replace(page, rejected=[*page.rejected, *self.others.rejected])
        records = [self._sure(record) for record in page.records]
        answered = {child["bigcommerce_id"] for record in (*records, *others) for child in record.of(VARIANTS.name)}
        gone = {
            variant_id
            for product_id, variant_ids in self.lacking.items()
            if product_id in self.listed
            for variant_id in variant_ids
            if variant_id not in answered
        }
        page = replace(page, records=records, others=others, proved=frozenset(self.listed))
        self.sink.store(_bounded(self.slice, page, gone, self.gone_products))

    def _sure(self, record: Mapped) -> Mapped:
        """The product with the variants of its list, where that shows one that its answer lacks."""
        listed = self.listed.get(record.id)
        if listed is None:
            return record
        try:
            children = list(_rows(record.id, listed).values())
        except BadRecord:
            del self.listed[record.id]
            return record
        answered = {child["bigcommerce_id"] for child in record.of(VARIANTS.name)}
        if all(child["bigcommerce_id"] in answered for child in children):
            return record
        # Its text does not hold them: the next one like it is no proof that nothing has changed.
        return replace(record, children={VARIANTS.name: children}, content_hash=NO_HASH)


def _parts(ids: Iterable[int], weights: Mapping[int, int]) -> list[list[int]]:
    """The products in groups whose variants will probably fit into one request."""
    parts: list[list[int]] = []
    weight = LARGEST_PAGE
    for each in ids:
        own = weights.get(each, 1)
        if weight + own > LARGEST_PAGE:
            parts.append([])
            weight = 0
        parts[-1].append(each)
        weight += own
    return parts


def _is_whole(found: Sequence[Any], part: Sequence[int], total: int | None) -> bool:
    """Whether these are all variants of the products: as many as the store counts, each once, and no others."""
    ids = [value.get("id") for value in found if isinstance(value, dict) and value.get("product_id") in part]
    return len(ids) == len(found) == len(set(ids)) == total


def _bounded(slice_: Slice, page: MappedPage, variants: set[int], gone_products: Sequence[int]) -> MappedPage:
    """The page with what it may mark as deleted: no more of one refresh than a store plausibly deletes.

    Of variants none is marked then, and the refresh fails in the end (see ``refuse_withheld``). A product that holds a
    SKU stays as it is: the next walk over all of them finds it.
    """
    job = slice_.job
    if not (variants or gone_products):
        return page
    if job.parameters.allow_mass_delete or job.is_reconciliation:
        return replace(page, deleted_children=frozenset(variants), deleted_records=tuple(gone_products))
    share, before = job.engine.config.max_deleted_share, slice_.results.values["deleted"]
    if not is_few(before + len(gone_products), before + _live(job, PRODUCTS.name), max_share=share):
        gone_products = ()
    live = before + _live(job, VARIANTS.name)
    if slice_.checkpoint.withheld or not is_few(before + len(variants), live, max_share=share):
        return replace(page, deleted_records=tuple(gone_products), withheld=len(variants))
    return replace(page, deleted_children=frozenset(variants), deleted_records=tuple(gone_products))


def _live(job: Job, name: str) -> int:
    """How many rows of the instance are not marked as deleted."""
    table = job.engine.tables.mirror[name]
    count = select(func.count()).where(table.c.instance_id == job.instance.id, table.c.deleted_at.is_(None))
    return job.engine.transaction(lambda session: int(session.execute(count).scalar_one()))


def refuse_withheld(slice_: Slice) -> None:
    """Raises ``MassDeletion`` if pages found too many variants gone; those marked before that are unmarked."""
    job, withheld = slice_.job, slice_.checkpoint.withheld
    if not withheld:
        return
    before = slice_.results.values["deleted"]
    slice_.commit(slice_.step(lambda tx: _unmark(tx, slice_.checkpoint.begun_at)))
    unmarked = before - slice_.results.values["deleted"]
    gone, live = withheld + unmarked, _live(job, VARIANTS.name)
    what = f"{gone} of {live} stored variants are gone from products that the store still has"
    raise mass_deletion(f"{what}, {beyond(job.engine.config.max_deleted_share)}", PRODUCTS.name)


def _unmark(tx: PageTransaction, begun_at: datetime | None) -> Counts:
    """Take ``deleted_at`` from the variants that this refresh has marked itself: whose product is still there."""
    variants, products = tx.tables.variants, tx.tables.products
    of_product = and_(
        products.c.instance_id == variants.c.instance_id,
        products.c.bigcommerce_id == variants.c.bigcommerce_product_id,
    )
    rows = tx.session.execute(
        select(variants.c.id, variants.c.bigcommerce_product_id)
        .select_from(variants.join(products, of_product))
        .where(
            variants.c.instance_id == tx.instance.id,
            variants.c.deleted_at >= begun_at,
            products.c.deleted_at.is_(None),
        )
    ).all()
    update_rows(tx, variants, [{"row_id": row.id, "deleted_at": None} for row in rows], is_observed=False)
    owners = sorted({row.bigcommerce_product_id for row in rows})
    # Their next answer decides anew.
    invalidate(tx, products, owners)
    if owners:
        notify_host(tx, PRODUCTS.name, owners)
    return Counts({"deleted": -len(rows)})
