"""Links that a person decides, written by a request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Row, select
from sqlalchemy.orm import Session

from ...host.port import Host
from ...models import Tables
from ...models.dialect.conditions import in_chunks
from ...models.instances import IntegrationInstance
from ...models.product_key import Key, in_order, key_answer
from ..write.rows import update_rows
from .linker import variant_columns
from .locked import begin_links, note_changes

SOURCE = "manual"


@dataclass(frozen=True)
class Link:
    """The columns of a variant's link."""

    host_product_id: Key | None
    link_source: str | None
    link_conflict: str | None = None
    link_conflict_code: str | None = None


@dataclass(frozen=True)
class Linked:
    """A variant as it was, and the link that it has got."""

    variant: Row[Any]
    link: Link

    def change(self) -> dict[str, Any]:
        """What the history says of it."""
        return {
            "variant": self.variant.bigcommerce_id,
            "from": _shown(self.variant.host_product_id, self.variant.link_source),
            "to": _shown(self.link.host_product_id, self.link.link_source),
        }


def _shown(host_product_id: Key | None, source: str | None) -> dict[str, Any]:
    return {"host_product_id": key_answer(host_product_id), "link_source": source}


def missing_products(
    session: Session, host: Host, instance: IntegrationInstance, ids: Iterable[Key | None]
) -> frozenset[Key]:
    """Those that the host does not have; a host without the method is taken at the caller's word."""
    wanted = in_order(each for each in ids if each is not None)
    products_missing = getattr(host, "products_missing", None)
    if not wanted or products_missing is None:
        return frozenset()
    # None comes of a class that inherits the port without an answer of its own.
    return frozenset(products_missing(session, instance, wanted) or ())


class ManualLinks:
    """The transaction of a request that decides on links; its caller commits.

    From the beginning to the commit nobody else writes the instance's variants (see ``begin_links``).
    """

    def __init__(self, session: Session, tables: Tables, host: Host, instance: IntegrationInstance) -> None:
        self._tx = begin_links(session, tables, host, instance.id)

    def by_id(self, ids: Iterable[int]) -> Mapping[int, Row[Any]]:
        """The variants with these BigCommerce ids, those that are gone from the store among them."""
        column = self._tx.tables.variants.c.bigcommerce_id
        asked = frozenset(ids)
        return {row.bigcommerce_id: row for row in self._variants(column, asked) if row.bigcommerce_id in asked}

    def by_sku(self, skus: Iterable[str]) -> Mapping[str, Sequence[Row[Any]]]:
        """The live variants with these (trimmed) SKUs, compared by code points."""
        asked = set(skus)
        found: dict[str, list[Row[Any]]] = {sku: [] for sku in asked}
        for row in self._variants(self._tx.tables.variants.c.sku_key, asked):
            if row.sku_key in asked and row.deleted_at is None:
                found[row.sku_key].append(row)
        return found

    def decide(self, decisions: Iterable[tuple[Row[Any], Key | None]]) -> list[Linked]:
        """Link each variant to this host product, or to none; what was not decided so before."""
        return self.write((row, Link(host_product_id, SOURCE)) for row, host_product_id in decisions)

    def write(self, links: Iterable[tuple[Row[Any], Link]]) -> list[Linked]:
        """Give each variant this link; what had another one before."""
        tx = self._tx
        changed = [
            Linked(row, link)
            for row, link in sorted(links, key=lambda each: each[0].id)
            if (row.host_product_id, row.link_source) != (link.host_product_id, link.link_source)
        ]
        if not changed:
            return []
        rows = [{"row_id": each.variant.id, **vars(each.link)} for each in changed]
        update_rows(tx, tx.tables.variants, rows, is_observed=False)
        note_changes(tx)
        ids = sorted({each.variant.bigcommerce_product_id for each in changed})
        # What it raises is the host's own error: the request fails with it.
        tx.host.products_changed(tx.session, tx.instance, ids)
        return changed

    def _variants(self, key: Column[Any], values: Iterable[Any]) -> list[Row[Any]]:
        table, session = self._tx.tables.variants, self._tx.session
        statement = select(*variant_columns(self._tx)).where(table.c.instance_id == self._tx.instance.id)
        rows: list[Row[Any]] = []
        for condition in in_chunks(session, key, sorted(set(values))):
            rows += session.execute(statement.where(condition).with_for_update())
        return rows
