"""Why a variant is not here, or not linked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from ...models.product_key import Key
from ...models.types import when_text
from ...store_check.lookup import StoreAnswer, look_up_sku, look_up_variant
from ..context import RequestContext
from .facts import Noted, Refreshing, Rejected, from_store, noted, refreshing_of, rejected_record, rows_of
from .host_words import host_link, host_product
from .reasons import Explanation, Reason, ReasonCode, next_refresh, rejection, store_reasons, unreadable, unseen


@dataclass(frozen=True)
class VariantFacts:
    """What is stored about a variant, its product and the host's products with its SKU; ``row`` as in OrderFacts.

    ``noted`` are the variant and its product, as far as they have notes.
    ``host_products`` are those that have the SKU now, spelt just so.
    """

    described: str
    start_date: date
    refreshing: Refreshing
    auto_link: bool
    auto_create: bool
    row: Mapping[str, Any] | None = None
    noted: Sequence[Noted] = ()
    is_only_referenced: bool = False
    host_products: Sequence[Key] = ()
    rejected: Rejected | None = None
    store: StoreAnswer | None = None
    host_link: str | None = None
    # How a person knows the host's product that it is linked to, or the first that has its SKU.
    host_product: str | None = None


def explain(context: RequestContext, variant_id: int, *, ask_store: bool) -> list[Explanation]:
    """About the variant with this BigCommerce id; ``ask_store`` queries the store too, with no transaction open."""
    facts = variant_facts(context, variant_id)
    if ask_store:
        facts = _with_store(context, facts, from_store(context, look_up_variant, variant_id))
    return [Explanation(variant_id, explain_variant(each)) for each in facts]


def explain_sku(context: RequestContext, given: str, *, ask_store: bool) -> list[Explanation]:
    """About all variants with this SKU, as ``explain``."""
    sku = given.strip()
    facts = sku_facts(context, sku)
    if ask_store:
        stored = [each.row["sku"] for each in facts if each.row is not None]
        facts = _with_store(context, facts, from_store(context, look_up_sku, sku, [*stored, given]))
    return [
        Explanation(None if each.row is None else each.row["bigcommerce_id"], explain_variant(each)) for each in facts
    ]


def _with_store(context: RequestContext, facts: list[VariantFacts], store: StoreAnswer) -> list[VariantFacts]:
    """With what the store answered, which may name the product of a variant that is not here."""
    facts = [replace(each, store=store) for each in facts]
    if store.product_id is None or facts[0].row is not None:
        return facts
    rejected = rejected_record(context, "products", store.product_id)
    return [replace(each, rejected=rejected) for each in facts]


def explain_variant(facts: VariantFacts) -> list[Reason]:
    """Why the variant is not here, or not linked."""
    return list(_of_stored_variant(facts, facts.row) if facts.row is not None else _of_missing_variant(facts))


def _of_missing_variant(facts: VariantFacts) -> Iterator[Reason]:
    yield Reason(ReasonCode.NOT_HERE, f"There is no variant here with {facts.described}.")
    if facts.rejected is not None:
        yield rejection(facts.rejected)
    yield from store_reasons(facts.store, facts.start_date, "variant", ", and its product was last modified on")
    if facts.store is None or facts.store.is_there is not False:
        yield from unseen(facts.refreshing, "variant")


def _of_stored_variant(facts: VariantFacts, row: Mapping[str, Any]) -> Iterator[Reason]:
    if row["deleted_at"] is not None:
        yield Reason(
            ReasonCode.GONE, f"The store no longer had it on {when_text(row['deleted_at'])}; no refresh links it."
        )
    if row["host_product_id"] is not None:
        how = {"auto": "by its SKU", "created": "which was made for it"}.get(row["link_source"], "by hand or by file")
        yield Reason(
            ReasonCode.LINKED,
            f"It is linked to your product {facts.host_product}, {how}.",
            link=facts.host_link,
        )
    elif row["link_source"] == "manual":
        yield Reason(ReasonCode.UNLINKED_BY_HAND, "Somebody decided that it has no link; no refresh changes that.")
    elif row["deleted_at"] is None:
        yield from _of_unlinked(facts, row)
    yield from unreadable(facts.noted)
    if facts.rejected is not None:
        read_at = row.get("observed_at")
        yield rejection(facts.rejected, has_older=read_at is not None and facts.rejected.is_newer_than(read_at))
    if facts.store is not None and (facts.store.problem is not None or not facts.store.is_there):
        yield from store_reasons(facts.store, facts.start_date, "variant", "")


def _of_unlinked(facts: VariantFacts, row: Mapping[str, Any]) -> Iterator[Reason]:
    if row["link_conflict"] is not None:
        yield Reason(_of_conflict(row), row["link_conflict"])
        yield from next_refresh(facts.refreshing)
        return
    if row["sku_key"] is None:
        yield Reason(ReasonCode.BLANK_SKU, "The SKU is blank.")
        return
    if not (facts.auto_link or facts.auto_create):
        yield Reason(
            ReasonCode.LINKING_IS_OFF, "The settings link and create no products by themselves: link it by hand."
        )
        return
    yield from _of_host(facts)
    yield from next_refresh(facts.refreshing)


def _of_conflict(row: Mapping[str, Any]) -> ReasonCode:
    if row["sku_key"] is None:
        return ReasonCode.BLANK_SKU
    named = (ReasonCode.REFUSED_BY_HOST, ReasonCode.HOST_PRODUCT_GONE)
    return next((code for code in named if code == row["link_conflict_code"]), ReasonCode.CONFLICT)


def _of_host(facts: VariantFacts) -> Iterator[Reason]:
    """What the host has with the SKU, and what a linking pass would make of it."""
    if facts.host_products and not facts.auto_link:
        yield Reason(
            ReasonCode.AUTO_LINK_IS_OFF,
            f"Your product {facts.host_product} has this SKU, but the settings do not link products by themselves: "
            "link it by hand.",
        )
    elif facts.host_products:
        yield Reason(
            ReasonCode.NOT_LINKED_YET,
            "You have a product with this SKU: the next linking pass over all variants looks at it. A refresh of its "
            "product alone does so at once.",
        )
    elif facts.is_only_referenced:
        yield Reason(
            ReasonCode.ONLY_REFERENCED,
            "Its product is here only since an order refers to it: no product of yours is made for it by itself.",
        )
    elif facts.auto_create:
        yield Reason(ReasonCode.NOT_CREATED_YET, "The next linking pass over all variants makes a product for it.")
    else:
        yield Reason(
            ReasonCode.NO_HOST_PRODUCT, "You have no product with this SKU, and the settings make none by themselves."
        )


def variant_facts(context: RequestContext, variant_id: int) -> list[VariantFacts]:
    """About the variant with this BigCommerce id."""
    table = context.state.tables.variants
    rows = rows_of(context, table, table.c.instance_id == context.instance.id, table.c.bigcommerce_id == variant_id)
    return _of_rows(context, f"the id {variant_id}", rows)


def sku_facts(context: RequestContext, sku: str) -> list[VariantFacts]:
    """About all variants that have this (trimmed) SKU; those that are gone only where no other has it."""
    table = context.state.tables.variants
    rows = rows_of(context, table, table.c.instance_id == context.instance.id, table.c.sku_key == sku)
    # MariaDB takes more for equal.
    rows = [row for row in rows if row["sku_key"] == sku]
    return _of_rows(context, f"the SKU {sku}", [row for row in rows if row["deleted_at"] is None] or rows)


def _of_rows(context: RequestContext, described: str, rows: Sequence[Mapping[str, Any]]) -> list[VariantFacts]:
    refreshing = refreshing_of(context, "products")
    return [_variant(context, described, refreshing, row) for row in (rows or (None,))]


def _variant(
    context: RequestContext, described: str, refreshing: Refreshing, row: Mapping[str, Any] | None
) -> VariantFacts:
    product_id = None if row is None else row["bigcommerce_product_id"]
    products = [] if product_id is None else _product(context, product_id)
    key: Key | None = None if row is None else row["host_product_id"]
    found = () if row is None else _host_products(context, row)
    known = [key] if key is not None else found[:1]
    return VariantFacts(
        described=described,
        start_date=context.instance.start_date,
        refreshing=refreshing,
        auto_link=context.instance.auto_link_products,
        auto_create=context.instance.auto_create_products,
        row=row,
        noted=[*noted("the variant", [] if row is None else [row]), *noted("its product", products)],
        is_only_referenced=any(each["is_only_referenced"] for each in products),
        host_products=found,
        rejected=None if product_id is None else rejected_record(context, "products", product_id),
        host_link=None if key is None else host_link(context, "product", key),
        host_product=host_product(context, known[0]) if known else None,
    )


def _product(context: RequestContext, product_id: int) -> list[Mapping[str, Any]]:
    """The one row of the product, or none."""
    table = context.state.tables.products
    return rows_of(context, table, table.c.instance_id == context.instance.id, table.c.bigcommerce_id == product_id)


def _host_products(context: RequestContext, row: Mapping[str, Any]) -> list[Key]:
    """The host's products that have the variant's SKU at this moment, spelt just so."""
    sku = row["sku_key"]
    # A conflict has its own reason; the host may even be unable to look up such a SKU.
    if sku is None or row["host_product_id"] is not None or row["link_conflict"] is not None:
        return []
    found = context.state.host.products_by_sku(context.session, context.instance, [sku])
    return [each for spelling, ids in found.items() if spelling.strip() == sku for each in ids]
