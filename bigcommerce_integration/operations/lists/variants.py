"""Which variants a person wants."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import Label, Table, exists, func, select

from ...models.dialect.conditions import is_exactly
from ...models.dialect.texts import text_begins_with
from ...refresh.job.lease import lease_of
from ...refresh.linking.manual import SOURCE
from ...resources.products import PRODUCTS
from ..context import RequestContext
from . import filters, search
from .paging import Condition, Wanted

MOST_COUNTED = 10_000
_MOST_KEPT = 1000
_Counted = TypeVar("_Counted")


def wanted(context: RequestContext, query: Mapping[str, Any]) -> Wanted:
    """By SKU (blanks around it do not count), by the host's product, by product, those without a link, or all.

    ``q`` finds the beginning of a SKU; if no SKU of what is wanted begins so, the words of a product's name.
    """
    found, text = _filtered(context, query), query.get("q", "").strip()
    if not text:
        return found
    table, products = context.state.tables.variants, context.state.tables.products
    by_sku = search.by_index(context, found, [text_begins_with(context.session, table.c.sku_key, text)])
    named = exists().where(
        products.c.instance_id == table.c.instance_id,
        products.c.bigcommerce_id == table.c.bigcommerce_product_id,
        search.has_words(products.c.name, text),
    )
    return by_sku or search.by_scan(context, found, named)


def wanted_of(context: RequestContext, query: Mapping[str, Any], chosen: Sequence[int] | None) -> Wanted:
    """The same, of those with these BigCommerce ids; None is of all."""
    found = wanted(context, query)
    if chosen is None:
        return found
    return replace(found, stretch=[*found.stretch, found.table.c.bigcommerce_id.in_(chosen)])


def _filtered(context: RequestContext, query: Mapping[str, Any]) -> Wanted:
    table = context.state.tables.variants
    mine = table.c.instance_id == context.instance.id
    by_id = [table.c.bigcommerce_id]
    product = filters.by_value(table.c.bigcommerce_product_id, query, "product")
    linked = filters.by_presence(table.c.host_product_id, query, "linked")
    link = table.c.host_product_id
    to_product = filters.by_value(link, query, "host_product_id")
    if to_product and context.state.tables.product_key.is_text:
        to_product += is_exactly(context.session, link, query["host_product_id"])
    also = [
        *_left(table, query),
        *filters.by_presence(table.c.link_conflict, query, "conflict"),
        *filters.by_deletion(table, query),
    ]
    code = filters.by_value(table.c.link_conflict_code, query, "link_conflict_code")
    if "sku" in query:
        sku = query["sku"].strip()
        also = [*is_exactly(context.session, table.c.sku_key, sku), *product, *to_product, *linked, *code, *also]
        return filters.by_first(context, table, [(table.c.sku_key, [table.c.sku_key == sku])], also)
    if to_product:
        index = ("host_product_id", *filters.indexed_by())
        return Wanted(table, [to_product[0], mine], by_id, index, [*to_product[1:], *product, *linked, *code, *also])
    if product or code:
        asked = [(table.c.bigcommerce_product_id, product), (table.c.link_conflict_code, code)]
        return filters.by_first(context, table, asked, [*linked, *also])
    if query.get("linked") is False or ("linked" not in query and (query.get("conflict") or query.get("left"))):
        # What is in conflict, or was left, has no link. Few may pass: as many are scanned as are counted.
        unlinked = table.c.host_product_id
        index = ("host_product_id", *filters.indexed_by())
        return Wanted(table, [unlinked.is_(None), mine], by_id, index, also, constant=[unlinked], times=search.SCANS)
    return filters.by_first(context, table, [], [*linked, *also])


@dataclass(frozen=True)
class Counts:
    """Of the variants that the store has now, the first ``MOST_COUNTED`` of each kind; ``by_code`` are by reason.

    ``unlinked`` are those that nobody decided to ``left``, ``conflicts`` those of them that something stands in the way
    of.
    """

    linked: int
    unlinked: int
    conflicts: int
    left: int
    by_code: Mapping[str, int]


def unless_changed(context: RequestContext, what: str, count: Callable[[], _Counted]) -> _Counted:
    """What ``count`` finds of the instance's variants: in this process it is counted again only once one has changed.

    Every change of a variant raises the change number of its collection.
    """
    leases, kept, key = context.state.tables.leases, context.state.counted, (context.instance.id, what)
    which = lease_of(context.state.tables, context.instance.id, PRODUCTS.name)
    # Before it is counted: what changes meanwhile is counted the next time.
    number = context.session.scalar(select(leases.c.change_number).where(*which))
    counted_at, found = kept.get(key, (None, None))
    if found is None or counted_at != number:
        found = count()
        if len(kept) >= _MOST_KEPT:
            kept.clear()
        kept[key] = (number, found)
    counted: _Counted = found
    return counted


def counts(context: RequestContext) -> Counts:
    """At a cost that does not grow with the store."""
    return unless_changed(context, "states", lambda: _counts(context))


def _counts(context: RequestContext) -> Counts:
    table = context.state.tables.variants
    mine = (table.c.instance_id == context.instance.id, table.c.deleted_at.is_(None))
    some = select(table.c.host_product_id).where(*mine).order_by(table.c.bigcommerce_id).limit(MOST_COUNTED).subquery()
    linked = context.session.scalar(select(func.count(some.c.host_product_id))) or 0
    without = (
        select(table.c.link_source, table.c.link_conflict_code, table.c.link_conflict.is_not(None).label("is_conflict"))
        .where(*mine, table.c.host_product_id.is_(None))
        .limit(MOST_COUNTED)
        .subquery()
    )
    kinds = context.session.execute(select(*without.c, func.count().label("number")).group_by(*without.c)).all()
    is_open = [each for each in kinds if each.link_source != SOURCE]
    by_code: dict[str, int] = {}
    for each in is_open:
        if each.link_conflict_code is not None:
            by_code[each.link_conflict_code] = by_code.get(each.link_conflict_code, 0) + each.number
    return Counts(
        linked=linked,
        unlinked=sum(each.number for each in is_open),
        conflicts=sum(each.number for each in is_open if each.is_conflict),
        left=sum(each.number for each in kinds if each.link_source == SOURCE),
        by_code=by_code,
    )


def name_of_product(context: RequestContext) -> Label[str | None]:
    """The name of a variant's product, as the column ``name``."""
    table, products = context.state.tables.variants, context.state.tables.products
    named = (products.c.instance_id == table.c.instance_id, products.c.bigcommerce_id == table.c.bigcommerce_product_id)
    return select(products.c.name).where(*named).scalar_subquery().label("name")


def _left(table: Table, query: Mapping[str, Any]) -> list[Condition]:
    """Those that a person decided to leave without a link, or all others."""
    if "left" not in query:
        return []
    if query["left"]:
        return [table.c.link_source == SOURCE, table.c.host_product_id.is_(None)]
    return [table.c.host_product_id.is_not(None) | table.c.link_source.is_(None) | (table.c.link_source != SOURCE)]
