"""Links from variants to the host's products, by the ``rules``.

A page links what it brings to products that exist; host products are made by the pass at the end of the
refresh alone, when all variants are known: only then is it certain that no second one has the SKU.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, ColumnElement, Row, select

from ...errors import LinkCode
from ...models import Tables
from ...models.product_key import Key, in_order, key_answer
from ..write.host_calls import missing_host_products
from ..write.rows import PageTransaction, stored_rows, update_rows
from .host_products import create_in_turn, host_products
from .rules import LEAVE, Choice, Decision, decide, same_sku_in_store, without_sku

SOURCES: Mapping[Choice, str | None] = {"link": "auto", "create": "created", "leave": None}
UNLINKED: Mapping[str, Any] = {
    "host_product_id": None,
    "link_source": None,
    "link_conflict": None,
    "link_conflict_code": None,
}
PASS_SIZE = 1000


@dataclass(frozen=True, slots=True)
class NewVariant:
    """A variant that is about to be stored, to be linked as a stored row is."""

    bigcommerce_id: int
    bigcommerce_product_id: int
    sku_key: str | None
    notes: str | None = None
    id: None = None
    host_product_id: None = None
    link_source: None = None
    link_conflict: None = None
    link_conflict_code: None = None
    deleted_at: None = None


Variant = Row[Any] | NewVariant


@dataclass
class Links:
    """What was linked, the BigCommerce ids of the products whose stored variants changed, the links of the new ones.

    ``unsolved`` are the decisions that left a variant without a link for a reason, by its BigCommerce id.
    """

    linked: int = 0
    created: int = 0
    product_ids: set[int] = field(default_factory=set)
    of_new: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    unsolved: dict[int, Decision] = field(default_factory=dict)


def link_changed(tx: PageTransaction, variant_ids: Sequence[int], new: Sequence[NewVariant]) -> Links:
    """Link what a page brought to host products that exist already: stored variants by id, and new ones.

    Edited SKUs are stored before; the links of the new variants go in with their rows, by BigCommerce id in ``of_new``.
    """
    if not variant_ids and not new:
        return Links()
    return _link(tx, [*variants_by_id(tx, variant_ids), *new], is_pass=False)


def blocked_by_twins(tx: PageTransaction, skus: Iterable[str]) -> set[int]:
    """The stored variants with these SKUs that are not linked since more than one has the SKU, by BigCommerce id."""
    table = tx.tables.variants
    columns = (table.c.bigcommerce_id, table.c.sku_key, table.c.link_conflict_code)
    rows = stored_rows(tx, table, table.c.sku_key, skus, *columns)
    return {row.bigcommerce_id for row in rows if row.link_conflict_code == LinkCode.SAME_SKU_IN_STORE}


def link_pass(tx: PageTransaction, after: int) -> tuple[Links, int | None]:
    """Link and create for the next variants without a link, by BigCommerce id; the id to go on after, None at the end.

    Looks at live variants with a SKU that no hand has decided on. A host product made since their page links
    here too.
    """
    rows, last = _next_variants(tx, after, *are_open(tx.tables))
    links = _link(tx, rows, is_pass=True)
    if last is not None:
        # A twin beyond is decided on along with the first; it comes once more.
        links.unsolved = {each: decision for each, decision in links.unsolved.items() if each <= last}
    return links, last


def link_some(ids: Sequence[int], tx: PageTransaction, after: int) -> tuple[Links, int | None]:
    """The same for those of these variants, in the order of their ids, that still have no link."""
    some = [each for each in ids if each > after][:PASS_SIZE]
    rows = [row for row in variants_by_id(tx, some) if is_creatable(row) and row.link_source is None]
    links, asked = _link(tx, rows, is_pass=True), {row.bigcommerce_id for row in rows}
    links.unsolved = {each: decision for each, decision in links.unsolved.items() if each in asked}
    return links, some[-1] if len(some) == PASS_SIZE else None


def link_skus(tx: PageTransaction, skus: Sequence[str]) -> Links:
    """Link the variants with these (trimmed) SKUs that have no link to products that exist."""
    asked, table = frozenset(skus), tx.tables.variants
    found = stored_rows(tx, table, table.c.sku_key, skus, *variant_columns(tx))
    # Compared once more: MariaDB takes more for equal.
    rows = [row for row in found if row.sku_key in asked and is_creatable(row) and row.link_source is None]
    return _link(tx, rows, is_pass=False)


def are_open(tables: Tables) -> tuple[ColumnElement[bool], ...]:
    """The conditions for variants that a pass decides on: the store has them, and neither link nor hand has."""
    table = tables.variants
    return table.c.host_product_id.is_(None), table.c.link_source.is_(None), table.c.deleted_at.is_(None)


def is_creatable(row: Variant) -> bool:
    """Whether a product may be made for the variant: the store has it, and it has none."""
    return row.host_product_id is None and row.deleted_at is None


def plan_products(tx: PageTransaction, rows: Sequence[Row[Any]]) -> dict[int, tuple[Any, Decision]]:
    """What comes of the wish of a person for products for these variants, by BigCommerce id; nothing is made yet.

    As by a linking pass that makes products, but a product that somebody has deleted is made anew.
    """
    skus = sorted({row.sku_key for row in rows if row.sku_key})
    host, twins = host_products(tx, skus), _live_variants(tx, skus, ())
    return {
        row.bigcommerce_id: (
            row,
            decide(
                row.sku_key,
                host=host[row.sku_key],
                live_variants=len(twins[row.sku_key]),
                auto_link=tx.instance.auto_link_products,
                auto_create=True,
            )
            if row.sku_key
            else without_sku(row.notes),
        )
        for row in rows
    }


def variants_by_id(tx: PageTransaction, ids: Sequence[int]) -> list[Row[Any]]:
    """The variants with these BigCommerce ids, as decisions need them."""
    return stored_rows(tx, tx.tables.variants, tx.tables.variants.c.bigcommerce_id, ids, *variant_columns(tx))


def create_for(tx: PageTransaction, ids: Sequence[int]) -> Links:
    """Make host products for these variants, or link what the host has; what a hand has decided else stays."""
    decisions = plan_products(tx, [row for row in variants_by_id(tx, ids) if is_creatable(row)])
    create_in_turn(tx, decisions)
    is_open = {
        each: (row, decision)
        for each, (row, decision) in decisions.items()
        if decision.host_product_id is not None or row.link_source is None
    }
    return _store(tx, is_open)


def check_links(tx: PageTransaction, after: int) -> tuple[int, Sequence[Row[Any]], int | None]:
    """Look for the host products of the next linked variants, whoever linked them.

    How many there are, those whose host product is gone, and the id to go on after, None at the end.
    """
    rows, last = _next_variants(tx, after, tx.tables.variants.c.host_product_id.is_not(None))
    missing = frozenset(missing_host_products(tx, in_order(row.host_product_id for row in rows)) if rows else ())
    return len(rows), [row for row in rows if row.host_product_id in missing], last


def _next_variants(
    tx: PageTransaction, after: int, *conditions: ColumnElement[bool]
) -> tuple[Sequence[Row[Any]], int | None]:
    """A thousand variants of the instance, and the BigCommerce id of the last, None if there are no more."""
    table = tx.tables.variants
    rows = tx.session.execute(
        select(*variant_columns(tx))
        .where(table.c.instance_id == tx.instance.id, table.c.bigcommerce_id > after, *conditions)
        .order_by(table.c.bigcommerce_id)
        .limit(PASS_SIZE)
    ).all()
    return rows, rows[-1].bigcommerce_id if len(rows) == PASS_SIZE else None


def unlink(tx: PageTransaction, rows: Sequence[Row[Any]]) -> set[int]:
    """Take the links of variants whose host product is gone; the BigCommerce ids of their products.

    The reason stays until the linking pass finds another product with the SKU: none is made in place of what somebody
    has deleted.
    """
    updates = [
        {
            **UNLINKED,
            "row_id": row.id,
            "link_conflict": (
                f"Your product number {key_answer(row.host_product_id)}, to which it was linked, no longer exists."
            ),
            "link_conflict_code": LinkCode.HOST_PRODUCT_GONE,
        }
        for row in rows
    ]
    update_rows(tx, tx.tables.variants, updates, is_observed=False)
    return {row.bigcommerce_product_id for row in rows}


def variant_columns(tx: PageTransaction) -> list[Column[Any]]:
    """What a decision on the link of a variant needs of it."""
    names = ("id", "bigcommerce_id", "bigcommerce_product_id", "sku_key", "notes", *UNLINKED, "deleted_at")
    return [tx.tables.variants.c[name] for name in names]


def _link(tx: PageTransaction, rows: Sequence[Variant], *, is_pass: bool) -> Links:
    # created and manual links stay, whatever the SKU is edited to.
    rows = [row for row in rows if row.link_source in (None, "auto") and row.deleted_at is None]
    if not (tx.instance.auto_link_products or tx.instance.auto_create_products):
        return _store(tx, {row.bigcommerce_id: (row, LEAVE) for row in rows})
    skus = sorted({row.sku_key for row in rows if row.sku_key})
    host = host_products(tx, skus)
    if is_pass and not tx.instance.auto_create_products:
        # Of what was looked at before, only what the host has now, or what was a conflict then, can come out otherwise.
        rows = [row for row in rows if row.link_conflict is not None or (row.sku_key and host[row.sku_key])]
        skus = sorted({row.sku_key for row in rows if row.sku_key})
    decisions = _decisions(tx, rows, skus, host)
    if is_pass and tx.instance.auto_create_products:
        create_in_turn(tx, decisions)
    return _store(tx, decisions)


def _decisions(
    tx: PageTransaction, rows: Sequence[Variant], skus: Sequence[str], host: Mapping[str, Mapping[str, Sequence[Key]]]
) -> dict[int, tuple[Any, Decision]]:
    """What is to be done with these, and with others that have a SKU of theirs."""
    twins = _live_variants(tx, skus, [row for row in rows if row.id is None])
    decisions: dict[int, tuple[Any, Decision]] = {
        row.bigcommerce_id: (
            row,
            _decided(tx, row, host[row.sku_key], len(twins[row.sku_key])) if row.sku_key else without_sku(row.notes),
        )
        for row in rows
    }
    # A second variant with the SKU turns up: what was linked to the first by itself was a guess after all.
    for sku in skus:
        for twin in twins[sku] if len(twins[sku]) > 1 else ():
            if twin.link_source in (None, "auto") and twin.bigcommerce_id not in decisions:
                decisions[twin.bigcommerce_id] = (twin, same_sku_in_store(len(twins[sku])))
    return decisions


def wrong_links(tx: PageTransaction, variant_ids: Sequence[int]) -> list[int]:
    """Of these stored variants those whose host product is gone, or whose link is not the one that their SKU has."""
    rows = [row for row in variants_by_id(tx, variant_ids) if row.deleted_at is None]
    gone = gone_host_products(tx, rows)
    wrong = {row.bigcommerce_id for row in rows if row.host_product_id in gone}
    if tx.instance.auto_link_products:
        rows = [row for row in rows if row.link_source in (None, "auto")]
        skus = sorted({row.sku_key for row in rows if row.sku_key})
        decisions = _decisions(tx, rows, skus, host_products(tx, skus))
        wrong |= {row.bigcommerce_id for row in rows if not _is_linked_by(row, decisions[row.bigcommerce_id][1])}
    return sorted(wrong)


def gone_host_products(tx: PageTransaction, rows: Sequence[Row[Any]]) -> frozenset[Key]:
    """The host products of these variants that the host has no longer; none for a host that cannot be asked."""
    keys = in_order(row.host_product_id for row in rows if row.host_product_id is not None)
    can_ask = keys and hasattr(tx.host, "products_missing")
    return frozenset(missing_host_products(tx, keys) if can_ask else ())


def _is_linked_by(row: Row[Any], decision: Decision) -> bool:
    source = None if decision.host_product_id is None else SOURCES[decision.choice]
    return bool(row.host_product_id == decision.host_product_id and row.link_source == source)


def _decided(tx: PageTransaction, row: Variant, host: Mapping[str, Sequence[Key]], live_variants: int) -> Decision:
    assert row.sku_key is not None
    decision = decide(
        row.sku_key,
        host=host,
        live_variants=live_variants,
        auto_link=tx.instance.auto_link_products,
        auto_create=tx.instance.auto_create_products,
    )
    is_open = decision.choice != "link" and decision.conflict is None
    if is_open and row.link_conflict is not None and row.link_conflict_code == LinkCode.HOST_PRODUCT_GONE:
        return Decision.conflicting(LinkCode.HOST_PRODUCT_GONE, row.link_conflict)
    return decision


def _live_variants(tx: PageTransaction, skus: Sequence[str], new: Sequence[Variant]) -> Mapping[str, Sequence[Variant]]:
    """The live variants by SKU, compared by code points: MariaDB would call more of them equal."""
    table = tx.tables.variants
    by_sku: dict[str, list[Variant]] = defaultdict(list)
    for row in stored_rows(tx, table, table.c.sku_key, skus, *variant_columns(tx)):
        if row.deleted_at is None:
            by_sku[row.sku_key].append(row)
    for variant in new:
        if variant.sku_key:
            by_sku[variant.sku_key].append(variant)
    return by_sku


def _store(tx: PageTransaction, decisions: Mapping[int, tuple[Variant, Decision]]) -> Links:
    links = Links()
    updates = []
    for variant_id, (row, decision) in sorted(decisions.items()):
        if decision.conflict is not None:
            links.unsolved[variant_id] = decision
        # What is to be created has no product yet while its page is written: the pass at the end makes it.
        source = None if decision.host_product_id is None else SOURCES[decision.choice]
        link = {
            "host_product_id": decision.host_product_id,
            "link_source": source,
            "link_conflict": decision.conflict,
            "link_conflict_code": decision.code,
        }
        # What a version before stored without a code gets it here.
        if all(getattr(row, name) == value for name, value in link.items()):
            continue
        if row.id is None:
            links.of_new[row.bigcommerce_id] = link
        else:
            updates.append({"row_id": row.id, **link})
        links.product_ids.add(row.bigcommerce_product_id)
        links.linked += decision.host_product_id is not None
        links.created += source == "created"
    update_rows(tx, tx.tables.variants, updates, is_observed=False)
    return links
