"""Products and their variants: how they are asked for and written."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Table, select

from ...client.api import Highest, Reply, StoreClient
from ...client.pages import IdRange, Page
from ...client.records import Each
from ...errors import StoreUnavailable
from ...resources.base import DateFilter
from ...resources.mapping import Mapped
from ...resources.products import PRODUCTS, VARIANTS
from ...resources.registry import REGISTRY
from ..linking.linker import UNLINKED, Links, NewVariant, link_changed
from ..write.diff import classify
from ..write.host_calls import tell_products
from ..write.page import Counts, MappedPage
from ..write.reparenting import NO_HASH, doubt, is_newer, owners_in_doubt
from ..write.rows import Gone, PageTransaction, insert_rows, mark_rows_gone, stored_rows, update_rows

NAME = PRODUCTS.name
IDS_A_REQUEST = PRODUCTS.reader.ids_a_request

_MAPPER = REGISTRY.mappers[PRODUCTS.name]
map_record, whole_hash = _MAPPER.map_record, _MAPPER.whole_hash
variant_rows = _MAPPER.child(VARIANTS.name).rows


def survey(client: StoreClient, dates: DateFilter) -> Reply[Highest]:
    """The highest id and how many records there are."""
    reply = client.highest_product_id(dates)
    _refuse_unproved(is_empty=reply.value.id is None, total=reply.value.total)
    return reply


def ask(client: StoreClient, ids: IdRange, limit: int, dates: DateFilter, each: Each) -> Reply[Page]:
    """One page of products with their variants."""
    reply = client.products(ids, limit=limit, dates=dates, each=each)
    _refuse_unproved(is_empty=not reply.value.records, total=reply.value.total)
    return reply


def ask_ids(client: StoreClient, ids: Sequence[int]) -> Reply[Page]:
    """These products, with their variants."""
    reply = client.products_by_id(ids)
    _refuse_unproved(is_empty=not reply.value.records, total=reply.value.total)
    return reply


def listed(table: Table) -> tuple[Any, ...]:  # noqa: ARG001 - lists show every product
    """All of them."""
    return ()


def expected(table: Table, dates: DateFilter) -> tuple[Any, ...]:  # noqa: ARG001 - looked for in walks without dates alone
    """All of them."""
    return ()


def mark_gone(tx: PageTransaction, gone: Sequence[Gone]) -> None:
    """Mark products and, with them, their variants."""
    if not gone:
        return
    mark_rows_gone(tx, tx.tables.products, gone)
    table = tx.tables.variants
    products = {row.bigcommerce_id: row for row in gone}
    columns = (
        table.c.id,
        table.c.bigcommerce_id,
        table.c.bigcommerce_product_id,
        table.c.deleted_at,
        table.c.observed_at,
        table.c.change_number,
    )
    variants = [
        replace(products[row.bigcommerce_product_id], row_id=row.id, bigcommerce_id=row.bigcommerce_id)
        for row in stored_rows(tx, table, table.c.bigcommerce_product_id, products, *columns)
        if row.deleted_at is None and not products[row.bigcommerce_product_id].is_before(row, tx.latest)
    ]
    mark_rows_gone(tx, table, variants)
    tell_products(tx, sorted(products))


def _refuse_unproved(*, is_empty: bool, total: int | None) -> None:
    """V3 counts what there is: that there is nothing is believed only of an answer that says so."""
    if is_empty and total is None:
        raise StoreUnavailable("An empty page of products came without its pagination; it is asked for again later.")


def apply(tx: PageTransaction, page: MappedPage, *, insert_since: datetime | None) -> Counts:
    """Write a page of products with their variants, link what changed, tell the host.

    A product that is not stored yet goes in only if it was modified since ``insert_since`` or a stored order refers to
    it: walks over all ids, or over old days, bring others too.

    A product that shows no variant, and whose own list was not read, counts as changed when it comes next.
    """
    table = tx.tables.products
    gone = _mark_others_gone(tx, page.gone_products)
    whole = replace(page, records=[*page.records, *page.others]) if page.others else page
    verdict = classify(tx, table, whole, extra=(table.c.is_only_referenced,))
    skipped = verdict.older
    fresh = verdict.new
    only_referenced: set[int] = set()
    if insert_since is not None:
        old = {record.id for record in fresh if not _modified_since(record, insert_since)}
        only_referenced = old & _referenced(tx, old)
        fresh = [record for record in fresh if record.id not in old or record.id in only_referenced]
        skipped += len(old) - len(only_referenced)
    insert_rows(
        tx,
        table,
        [
            {
                "bigcommerce_id": record.id,
                **record.columns,
                "payload": record.text,
                "content_hash": _stored_hash(record, page.proved),
                "is_only_referenced": record.id in only_referenced,
            }
            for record in fresh
        ],
    )
    update_rows(
        tx,
        table,
        [
            {
                "row_id": row.id,
                **record.columns,
                "payload": record.text,
                "content_hash": _stored_hash(record, page.proved),
                "deleted_at": None,
                "is_only_referenced": row.is_only_referenced
                and insert_since is not None
                and not _modified_since(record, insert_since),
            }
            for record, row in verdict.changed
        ],
    )
    update_rows(tx, table, [{"row_id": row.id} for row in verdict.misdated])
    changed = [*fresh, *(record for record, _ in verdict.changed)]
    links, gone_variants = _write_variants(
        tx, changed, {record.id for record, _ in verdict.changed}, are_gone=page.gone_variants
    )
    touched = sorted({record.id for record in changed} | links.product_ids)
    if touched:
        tell_products(tx, touched)
    return Counts(
        {
            "created": len(fresh),
            "updated": len(verdict.changed),
            "unchanged": verdict.unchanged,
            "skipped": skipped,
            "deleted": gone + gone_variants,
            "linked": links.linked,
        }
    )


def _mark_others_gone(tx: PageTransaction, product_ids: Sequence[int]) -> int:
    """Mark products that were asked for and are not in the store; how many were live."""
    table = tx.tables.products
    columns = (table.c.id, table.c.bigcommerce_id, table.c.deleted_at, table.c.observed_at, table.c.change_number)
    rows = stored_rows(tx, table, table.c.bigcommerce_id, product_ids, *columns)
    gone = [
        Gone(row.id, row.bigcommerce_id, tx.observed_at, tx.claimed_number)
        for row in rows
        if row.deleted_at is None and not tx.is_newer(row)
    ]
    mark_gone(tx, gone)
    return len(gone)


def _stored_hash(record: Mapped, proved: Container[int]) -> str:
    return record.content_hash if record.of(VARIANTS.name) or record.id in proved else NO_HASH


def _modified_since(record: Mapped, since: datetime) -> bool:
    modified = record.columns["date_modified"]
    return modified is None or modified >= since


def _referenced(tx: PageTransaction, product_ids: set[int]) -> set[int]:
    """Which of these products a stored order refers to."""
    lines = tx.tables.order_lines
    if not product_ids:
        return set()
    statement = (
        select(lines.c.bigcommerce_product_id)
        .where(
            lines.c.instance_id == tx.instance.id,
            lines.c.bigcommerce_product_id.in_(sorted(product_ids)),
        )
        .distinct()
    )
    return set(tx.session.execute(statement).scalars())


def _write_variants(
    tx: PageTransaction, products: Sequence[Mapped], stored_ids: set[int], *, are_gone: Container[int]
) -> tuple[Links, int]:
    """Insert, update and mark the variants of these products, and link those whose link may have to change.

    A variant that its product's answer lacks is gone if the store was asked once more (``are_gone``); else it stays,
    and the product counts as changed when it comes next. One that moved here from another product is found by its own
    id, and stays there if that product's answer is the newer one. Gives the links and how many are gone.
    """
    table = tx.tables.variants
    columns = (
        table.c.id,
        table.c.bigcommerce_id,
        table.c.bigcommerce_product_id,
        table.c.content_hash,
        table.c.observed_at,
        table.c.change_number,
        table.c.deleted_at,
        table.c.sku_key,
    )
    answered: dict[int, Mapping[str, Any]] = {
        child["bigcommerce_id"]: child for product in products for child in product.of(VARIANTS.name)
    }
    rows = {
        row.bigcommerce_id: row
        for row in (
            *stored_rows(tx, table, table.c.bigcommerce_id, answered, *columns),
            *stored_rows(tx, table, table.c.bigcommerce_product_id, stored_ids, *columns),
        )
    }
    differing = [
        (child, rows[variant_id])
        for variant_id, child in sorted(answered.items())
        if variant_id in rows
        and (rows[variant_id].content_hash != child["content_hash"] or rows[variant_id].deleted_at is not None)
    ]
    new = [child for variant_id, child in sorted(answered.items()) if variant_id not in rows]
    changed = [(child, row) for child, row in differing if not is_newer(tx, row)]
    lacking = [
        row
        for variant_id, row in sorted(rows.items())
        if variant_id not in answered and row.bigcommerce_product_id in stored_ids and row.deleted_at is None
    ]
    gone = [row for row in lacking if row.bigcommerce_id in are_gone]
    unsure = {row.bigcommerce_product_id for row in lacking if row.bigcommerce_id not in are_gone}
    update_rows(tx, table, [{"row_id": row.id, **child, "deleted_at": None} for child, row in changed])
    update_rows(tx, table, [{"row_id": row.id, "deleted_at": tx.observed_at} for row in gone])
    in_doubt = owners_in_doubt(tx, differing, "bigcommerce_product_id", written={product.id for product in products})
    doubt(tx, tx.tables.products, in_doubt | unsure)
    relink = {row.bigcommerce_id for child, row in changed if row.sku_key != child["sku_key"] or row.deleted_at}
    links = link_changed(
        tx,
        sorted(relink),
        [
            NewVariant(child["bigcommerce_id"], child["bigcommerce_product_id"], child["sku_key"], child["notes"])
            for child in new
        ],
    )
    insert_rows(tx, table, [{**child, **links.of_new.get(child["bigcommerce_id"], UNLINKED)} for child in new])
    return links, len(gone)
