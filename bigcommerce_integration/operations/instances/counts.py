"""How many variants of a store are linked, how many are not, and how many records were rejected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from ...refresh.linking.manual import SOURCE
from ..context import RequestContext
from ..lists.variants import unless_changed


@dataclass(frozen=True)
class Counts:
    """Of the variants that the store has: ``unlinked`` are those that nobody decided to leave so.

    ``conflicts`` are those of them that something stands in the way of, ``without_sku`` those that have no SKU.
    ``rejected`` are records of all collections, each once however often it was rejected.
    """

    linked: int
    unlinked: int
    conflicts: int
    rejected: int
    without_sku: int = 0


def counts(context: RequestContext) -> Counts:
    """Of the caller's instance as it is now."""
    linked, unlinked, conflicts, without_sku = unless_changed(context, "links", lambda: _of_variants(context))
    table = context.state.tables.rejected_records
    # A record without an id counts by its row.
    which = func.coalesce(table.c.bigcommerce_id, -table.c.id).label("which")
    records = select(table.c.resource, which).where(table.c.instance_id == context.instance.id).distinct().subquery()
    refused = select(func.count()).select_from(records)
    return Counts(linked, unlinked, conflicts, context.session.scalar(refused) or 0, without_sku)


def _of_variants(context: RequestContext) -> Sequence[int]:
    variants = context.state.tables.variants
    link = variants.c.host_product_id
    is_open = and_(link.is_(None), or_(variants.c.link_source.is_(None), variants.c.link_source != SOURCE))
    has_no_sku = and_(is_open, variants.c.sku_key.is_(None))
    counted = context.session.execute(
        select(
            func.count(link),
            _count(variants.c.id, is_open),
            _count(variants.c.link_conflict, is_open),
            _count(variants.c.id, has_no_sku),
        ).where(variants.c.instance_id == context.instance.id, variants.c.deleted_at.is_(None))
    )
    return tuple(counted.one())


def _count(column: ColumnElement[object], where: ColumnElement[bool]) -> ColumnElement[int]:
    """How many of the rows have a value."""
    return func.count(case((where, column)))
