"""Write a person's decisions on links: all or nothing, with the host told and an audit row in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import select

from ... import history
from ...errors import Invalid, NotFound
from ...models.product_key import Key, in_order, key_answer
from ...operations.transactions import in_transaction, undone_by_errors
from ...refresh.linking.manual import Linked, ManualLinks
from ..http.access import Asked
from ..mirror.row_answers import VARIANT, columns, row_answer
from .request import Row

TRY_FOR_S = 5.0
NO_PRODUCT = "There is no host product with this id."
Decision = tuple[Any, Key | None]


def link_variant(asked: Asked, variant_id: int, host_product_id: Key | None, *, done_by: str | None) -> dict[str, Any]:
    """Decide on one variant, and show it; ``NotFound`` if there is none with this BigCommerce id."""

    def decide(links: ManualLinks) -> list[Decision]:
        variant = links.by_id([variant_id]).get(variant_id)
        if variant is None:
            raise NotFound("There is no such variant of this BigCommerce integration instance.")
        if _missing(asked, [host_product_id]):
            raise Invalid({"host_product_id": [NO_PRODUCT]})
        return [(variant, host_product_id)]

    (shown,) = _commit(asked, decide, done_by)
    return shown


def link_variants(asked: Asked, rows: Sequence[Row], *, done_by: str | None) -> list[dict[str, Any]]:
    """Decide on many, and show them in the order of the rows. ``Invalid`` names each row that is bad."""

    def decide(links: ManualLinks) -> list[Decision]:
        decisions, errors = _resolved(asked, links, rows)
        if errors:
            raise Invalid(errors)
        return decisions

    return _commit(asked, decide, done_by)


def _resolved(asked: Asked, links: ManualLinks, rows: Sequence[Row]) -> tuple[list[Decision], dict[str, list[str]]]:
    by_id = links.by_id(row.bigcommerce_id for row in rows if row.bigcommerce_id is not None)
    by_sku = links.by_sku(row.sku for row in rows if row.sku is not None)
    missing = _missing(asked, [row.host_product_id for row in rows])
    decisions: list[Decision] = []
    errors: dict[str, list[str]] = {}
    first_place: dict[int, int] = {}
    for place, row in enumerate(rows):
        found = by_sku.get(row.sku or "", [])
        name = "sku"
        if row.bigcommerce_id is not None:
            found = [by_id[row.bigcommerce_id]] if row.bigcommerce_id in by_id else []
            name = "bigcommerce_id"
        if problem := _problem(found, first_place, place):
            errors[f"{place}.{name}"] = [problem]
        if row.host_product_id in missing:
            errors[f"{place}.host_product_id"] = [NO_PRODUCT]
        decisions += [(variant, row.host_product_id) for variant in found[:1]]
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


def _missing(asked: Asked, ids: Iterable[Key | None]) -> frozenset[Key]:
    """Those that the host does not have; a host without the method is taken at the caller's word."""
    wanted = in_order(each for each in ids if each is not None)
    ask = getattr(asked.state.host, "products_missing", None)
    if not wanted or ask is None:
        return frozenset()
    # None comes of a class that inherits the port without an answer of its own.
    return frozenset(ask(asked.session, asked.instance, wanted) or ())


def _commit(asked: Asked, decide: Callable[[ManualLinks], list[Decision]], done_by: str | None) -> list[dict[str, Any]]:
    """The variants decided on, as they are committed."""
    session, state = asked.session, asked.state

    def work() -> list[dict[str, Any]]:
        # What the host has pending fails here as its own error, not below as ours.
        session.flush()
        with undone_by_errors(session):
            links = ManualLinks(session, state.tables, state.host, asked.instance)
            decisions = decide(links)
            changed = links.decide(decisions)
            if changed:
                changes = {"links": [_change(each) for each in changed]}
                history.record(session, state.tables, asked.instance.id, "link", done_by=done_by, changes=changes)
            return _shown(asked, [variant.bigcommerce_id for variant, _ in decisions])

    return in_transaction(session, work, try_for_s=TRY_FOR_S)


def _shown(asked: Asked, ids: Sequence[int]) -> list[dict[str, Any]]:
    """In the order of ``ids``. Read while they are locked: after the commit, a purge may have removed them."""
    table = asked.state.tables.variants
    read = columns(table, VARIANT)
    statement = select(*read).where(table.c.instance_id == asked.instance.id, table.c.bigcommerce_id.in_(ids))
    # Locked, or MariaDB would show what was there when the transaction began.
    rows = asked.session.execute(statement.with_for_update())
    answers = {row.bigcommerce_id: row_answer(row, read) for row in rows}
    return [answers[each] for each in ids]


def _change(linked: Linked) -> dict[str, Any]:
    before = linked.variant
    return {
        "variant": before.bigcommerce_id,
        "from": {"host_product_id": key_answer(before.host_product_id), "link_source": before.link_source},
        "to": {"host_product_id": key_answer(linked.host_product_id), "link_source": "manual"},
    }
