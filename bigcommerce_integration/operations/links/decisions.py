"""Store a person's decisions on links, notify the host and write an audit row: all in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select

from ... import history
from ...errors import Invalid, NotFound
from ...models.product_key import Key
from ...refresh.linking.manual import SOURCE, ManualLinks, missing_products
from ..context import RequestContext
from ..lists.filters import indexed_by
from ..lists.paging import Wanted
from ..transactions import QUICK_TRY_S, commit, undone_by_errors

NO_PRODUCT = "You have no product with this id."
Decision = tuple[Any, Key | None]


@dataclass(frozen=True)
class WantedLink:
    """A variant, by id or by SKU, and what it is to be linked to: None is nothing."""

    bigcommerce_id: int | None
    sku: str | None
    host_product_id: Key | None


def decided(context: RequestContext) -> Wanted:
    """The variants that a person has decided on.

    Not those that the store has no longer: a new instance of the same store never had them.
    """
    table = context.state.tables.variants
    also = [table.c.link_source == SOURCE, table.c.deleted_at.is_(None)]
    mine = table.c.instance_id == context.instance.id
    return Wanted(table, [mine], [table.c.bigcommerce_id], indexed_by(), also)


def link_variant(context: RequestContext, variant_id: int, host_product_id: Key | None) -> Row[Any]:
    """Decide on one variant; its row as committed. ``NotFound`` if there is none with this BigCommerce id."""

    def decide(links: ManualLinks) -> list[Decision]:
        variant = links.by_id([variant_id]).get(variant_id)
        if variant is None:
            raise NotFound("There is no such variant of this BigCommerce integration instance.")
        if _missing(context, [host_product_id]):
            raise Invalid({"host_product_id": [NO_PRODUCT]})
        return [(variant, host_product_id)]

    (row,) = _commit(context, decide)
    return row


def link_variants(context: RequestContext, wanted: Sequence[WantedLink]) -> list[Row[Any]]:
    """Decide on many; their rows as committed, in the order given. ``Invalid`` names each place that is bad."""

    def decide(links: ManualLinks) -> list[Decision]:
        decisions, errors = _resolved(context, links, wanted)
        if errors:
            raise Invalid(errors)
        return decisions

    return _commit(context, decide)


def _resolved(
    context: RequestContext, links: ManualLinks, wanted: Sequence[WantedLink]
) -> tuple[list[Decision], dict[str, list[str]]]:
    """The variants with their host products, and the errors by place and field."""
    by_id = links.by_id(each.bigcommerce_id for each in wanted if each.bigcommerce_id is not None)
    by_sku = links.by_sku(each.sku for each in wanted if each.sku is not None)
    missing = _missing(context, [each.host_product_id for each in wanted])
    decisions: list[Decision] = []
    errors: dict[str, list[str]] = {}
    first_place: dict[int, int] = {}
    for place, each in enumerate(wanted):
        found = by_sku.get(each.sku or "", [])
        name = "sku"
        if each.bigcommerce_id is not None:
            found = [by_id[each.bigcommerce_id]] if each.bigcommerce_id in by_id else []
            name = "bigcommerce_id"
        if problem := _problem(found, first_place, place):
            errors[f"{place}.{name}"] = [problem]
        if each.host_product_id in missing:
            errors[f"{place}.host_product_id"] = [NO_PRODUCT]
        decisions += [(variant, each.host_product_id) for variant in found[:1]]
    return decisions, errors


def _problem(found: Sequence[Any], first_place: dict[int, int], place: int) -> str | None:
    """What is wrong with the variants that a row names; notes where each was named first."""
    if not found:
        return "There is no such variant."
    if len(found) > 1:
        ids = ", ".join(str(variant.bigcommerce_id) for variant in found[:5])
        return f"{len(found)} variants have this SKU; give the bigcommerce_id of one: {ids}."
    before = first_place.setdefault(found[0].bigcommerce_id, place)
    return None if before == place else f"Row {before} names the same variant."


def _missing(context: RequestContext, ids: Iterable[Key | None]) -> frozenset[Key]:
    return missing_products(context.session, context.state.host, context.instance, ids)


def _commit(context: RequestContext, decide: Callable[[ManualLinks], list[Decision]]) -> list[Row[Any]]:
    """The rows of the variants decided on, as they are committed."""
    session, state, instance = context.session, context.state, context.instance

    def work() -> list[Row[Any]]:
        # What the host has pending fails here as its own error, not below as ours.
        session.flush()
        with undone_by_errors(session):
            links = ManualLinks(session, state.tables, state.host, instance)
            decisions = decide(links)
            changed = links.decide(decisions)
            if changed:
                changes = {"links": [each.change() for each in changed]}
                history.record(session, state.tables, instance.id, "link", done_by=context.name, changes=changes)
            return _rows(context, [variant.bigcommerce_id for variant, _ in decisions])

    return commit(session, work, try_for_s=QUICK_TRY_S)


def _rows(context: RequestContext, ids: Sequence[int]) -> list[Row[Any]]:
    """In the order of ``ids``. Read while they are locked: after the commit, a purge may have removed them."""
    table = context.state.tables.variants
    which = (table.c.instance_id == context.instance.id, table.c.bigcommerce_id.in_(ids))
    # Locked, or MariaDB would show what was there when the transaction began.
    rows = {row.bigcommerce_id: row for row in context.session.execute(select(table).where(*which).with_for_update())}
    return [rows[each] for each in ids]
