"""What products do of their own: which come in, which variants are gone, and links."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, select
from sqlalchemy.orm import Session

from ...models import Tables
from ...resources.base import Child
from ...resources.mapping import Mapped
from ...resources.orders import ORDERS
from ...resources.products import VARIANTS
from ..job.checkpoint import Phase
from ..linking.creation import create_products
from ..linking.linker import (
    UNLINKED,
    NewVariant,
    blocked_by_twins,
    gone_host_products,
    link_changed,
    wrong_links,
)
from ..linking.passes import link
from ..read.slice import Slice
from ..write.behaviour import Behaviour, ChildColumns, ChildDiff, Columns, PageSink
from ..write.children import NO_HASH
from ..write.page import QUARANTINE, MappedPage
from ..write.rows import PageTransaction
from .referenced import all_are_known, fetch_referenced, has_no_newer_line, remember_absent
from .variant_checks import refuse_withheld, with_proved_variants

LINKING = ("auto_link_products", "auto_create_products")


class Products(Behaviour):
    """A product that is not stored yet goes in only if it was modified since the start date or a stored order refers to
    it: walks over all ids, or over old days, bring others too.
    """

    stored_columns = ("is_only_referenced",)
    child_stored_columns = ("sku_key", "host_product_id")
    after_walk: Phase = "link"
    completes_with = (ORDERS.name,)

    def may_insert(self, tx: PageTransaction, new: Sequence[Mapped], since: datetime | None) -> Mapping[int, Columns]:
        """Those modified since the start date, and those that a stored order refers to."""
        old = {record.id for record in new if not _modified_since(record, since)}
        referenced = _referenced(tx, old)
        return {
            record.id: {"is_only_referenced": record.id in old}
            for record in new
            if record.id not in old or record.id in referenced
        }

    def update_columns(self, record: Mapped, row: Row[Any], since: datetime | None) -> Columns:
        """One that was here only for an order's sake is a product like any other once it is modified."""
        return {"is_only_referenced": row.is_only_referenced and not _modified_since(record, since)}

    def stored_hash(self, record: Mapped, page: MappedPage) -> str:
        """One that shows no variant, and whose own list was not read, counts as changed when it comes next."""
        return record.content_hash if record.of(VARIANTS.name) or record.id in page.proved else NO_HASH

    def is_child_deleted(self, child: Child, row: Row[Any], page: MappedPage) -> bool:  # noqa: ARG002
        """Whether the store was asked once more for a variant that its product's answer lacks."""
        return row.bigcommerce_id in page.deleted_children

    def child_differences(self, tx: PageTransaction, child: Child, ids: Sequence[int]) -> Mapping[int, Sequence[str]]:  # noqa: ARG002
        """Links whose host product is gone, or that are not by the SKU."""
        return dict.fromkeys(wrong_links(tx, ids), ("host_product_id",))

    def child_columns(self, tx: PageTransaction, child: Child, diff: ChildDiff) -> ChildColumns:  # noqa: ARG002
        """Link new variants, and those whose link may have to change."""
        # Of those that a repair does not relink, as their host product is gone, the pass takes the link.
        gone = gone_host_products(tx, [row for _, row in diff.changed]) if tx.is_repair else frozenset()
        relink = {
            row.bigcommerce_id
            for each, row in diff.changed
            if row.sku_key != each["sku_key"]
            or row.deleted_at is not None
            or (tx.is_repair and row.host_product_id not in gone)
        }
        new = [
            NewVariant(each["bigcommerce_id"], each["bigcommerce_product_id"], each["sku_key"], each["notes"])
            for each in diff.new
        ]
        # What others lose, a variant that had the same SKU may be linked by.
        freed = {row.sku_key for each, row in diff.changed if row.sku_key != each["sku_key"]}
        freed |= {row.sku_key for row in diff.lacking}
        links = link_changed(tx, sorted(relink | blocked_by_twins(tx, freed - {None})), new)
        return ChildColumns(links.of_new, UNLINKED, frozenset(links.product_ids), {"linked": links.linked})

    def after_page(self, tx: PageTransaction, page: MappedPage) -> None:
        """Should a stored order refer to one that kills workers, it must not kill again when those are fetched."""
        deadly = [each.id for each in page.rejected if each.code in QUARANTINE and each.id is not None]
        remember_absent(tx.session, tx.tables, tx.instance.id, deadly)

    def released(self, tx: PageTransaction, record_id: int) -> None:
        """It is no longer one that cannot be had."""
        absent = tx.tables.absent_products
        mine = (absent.c.instance_id == tx.instance.id, absent.c.bigcommerce_id == record_id)
        tx.session.execute(delete(absent).where(*mine))

    def before_write(self, slice_: Slice, page: MappedPage, sink: PageSink) -> None:
        """Ask for what the page does not prove."""
        with_proved_variants(slice_, page, sink)

    def phases(self) -> Mapping[Phase, Callable[[Slice], None]]:
        """Linking; the products that orders refer to; the host's products that a person wants."""
        return {"link": _link, "referenced": fetch_referenced, "create": create_products}

    def is_complete(self, session: Session, tables: Tables, instance_id: int) -> bool:
        """Whether every product that a stored order refers to is there, or known as absent."""
        return all_are_known(session, tables, instance_id)

    def is_surely_complete(self, tables: Tables, instance_id: Any) -> ColumnElement[bool]:
        """Whether no order was written since that was so."""
        return has_no_newer_line(tables, instance_id)

    def settings_changed(self, columns: Columns) -> Columns:
        """Linking that is switched on is done by the next refresh, which is begun for it."""
        return {"is_link_wanted": True} if is_linking_switched_on(columns) else {}


def is_linking_switched_on(columns: Columns) -> bool:
    """Whether these new values of an instance's columns switch one of the ways to link on."""
    return any(columns.get(name, False) for name in LINKING)


def _link(slice_: Slice) -> None:
    refuse_withheld(slice_)
    link(slice_)


def _modified_since(record: Mapped, since: datetime | None) -> bool:
    modified = record.columns["date_modified"]
    return since is None or modified is None or modified >= since


def _referenced(tx: PageTransaction, product_ids: set[int]) -> set[int]:
    """Which of these products a stored order refers to."""
    lines = tx.tables.order_lines
    if not product_ids:
        return set()
    statement = (
        select(lines.c.bigcommerce_product_id)
        .where(lines.c.instance_id == tx.instance.id, lines.c.bigcommerce_product_id.in_(sorted(product_ids)))
        .distinct()
    )
    return set(tx.session.execute(statement).scalars())
