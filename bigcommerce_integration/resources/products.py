"""Products and their variants (bigcommerce/docs, reference/catalog/products_catalog.v3.yml).

The sellable thing is the variant; a product without options has one base variant (``base_variant_id`` there).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..errors import LinkCode
from .base import CatalogRanges, Child, Columns, DateFilter, Field, Index, Kind, Mode, Notes, Resource, Sent, Span
from .columns import list_of, sku_key

# bigcommerce/docs, docs/start/authentication/api-accounts.mdx
PRODUCTS_SCOPE = "store_v2_products_read_only"


def _shown_variants(record: Sent) -> tuple[Sequence[Any], bool]:
    """An answer that shows none proves nothing, however it says so (see ``refresh/run/variant_checks``)."""
    shown = record.value.get("variants") if isinstance(record.value, dict) else None
    return (shown if isinstance(shown, list) else ()), True


def _with_sku_key(columns: Columns, notes: Notes) -> None:
    # What is only a part of a SKU is no SKU: nothing is linked by it.
    is_cut = any(each["field"] == "sku" for each in notes)
    columns["sku_key"] = None if is_cut else sku_key(columns["sku"])


def _dates(mode: Mode, span: Span) -> DateFilter:
    """By modification, the one date that products can be asked for by; all where it would hide what is gone."""
    if mode in ("ids", "full"):
        return DateFilter()
    first = max(span.first, span.changed_since or span.first)
    return DateFilter(modified_since=first, modified_until=span.end)


VARIANTS = Child(
    name="variants",
    noun="a variant",
    shown_as="variants",
    owner="bigcommerce_product_id",
    records=_shown_variants,
    found_in=lambda variant: {"variants": list_of(variant) | None},
    derive=_with_sku_key,
    fields=(
        Field("sku", Kind.CODE, "The SKU, as the store has it.", indexed=False, example="MUG-RED"),
        # What links are looked up by.
        Field("sku_key", Kind.CODE, "The SKU trimmed; null if blank.", derived=True, shown=False, indexed=True),
        Field("price", Kind.MONEY, "The variant's own price; null means that the product's holds.", example="12.5000"),
        Field("inventory_level", Kind.INTEGER, "How many are in stock, where the store counts them.", example=3),
        Field(
            "host_product_id",
            Kind.HOST_KEY,
            "The host's product that the variant is linked to; null if it is not linked.",
            derived=True,
            example=900,
        ),
        Field(
            "link_source",
            Kind.WORD,
            "`auto`, `created` or `manual`; `manual` without a host product is the decision to leave it unlinked.",
            derived=True,
            choices=("auto", "created", "manual"),
            example="auto",
        ),
        Field("link_conflict", Kind.TEXT, "Why it is not linked; null if nothing stood in the way.", derived=True),
        Field(
            "link_conflict_code",
            Kind.CODE,
            "The same for programs; null in rows of 0.1.0, until a linking pass decides on them again. "
            + LinkCode.meanings(),
            derived=True,
            choices=tuple(LinkCode),
            indexed=True,
        ),
    ),
    indexes=(
        Index("product", ("instance_id", "bigcommerce_product_id", "bigcommerce_id")),
        # For the host's joins; and what has no link, conflicts among it, stands together in it.
        Index("host_product", ("host_product_id", "instance_id", "bigcommerce_id")),
    ),
)

PRODUCTS = Resource(
    name="products",
    noun="product",
    description="Catalog products; what is sold are their variants.",
    scope=PRODUCTS_SCOPE,
    path="v3/catalog/products",
    params=(("include", "variants"),),
    reader=CatalogRanges(),
    fields=(
        Field("name", Kind.TEXT, "The name that shoppers see.", example="Mug"),
        Field("sku", Kind.CODE, "The product's own SKU; what is sold has the variant's.", indexed=True, example="MUG"),
        Field("type", Kind.CODE, "`physical` or `digital`.", example="physical"),
        Field("price", Kind.MONEY, "The price of variants without one of their own.", example="12.5000"),
        Field("is_visible", Kind.BOOLEAN, "Whether shoppers see it.", example=True),
        Field("date_created", Kind.MOMENT, "When it was created in the store."),
        Field("date_modified", Kind.MOMENT, "When it was last modified in the store.", indexed=True),
        Field(
            "is_only_referenced",
            Kind.BOOLEAN,
            "Whether it is here only since a stored order refers to it: it was not modified since the start date.",
            derived=True,
            required=True,
            example=False,
        ),
    ),
    created="date_created",
    modified="date_modified",
    children=(VARIANTS,),
    dates=_dates,
    detects_deletions=frozenset({"full", "ids"}),
)


def variant_options(payload: str) -> Iterator[tuple[int, str]]:
    """The id of each variant of a stored product, and its options as text; the store's own text may be anything."""
    try:
        product = json.loads(payload)
    except ValueError:
        return
    for variant in _mappings(product, "variants"):
        values = _mappings(variant, "option_values")
        text = ", ".join(f"{each.get('option_display_name', '')}: {each.get('label', '')}" for each in values)
        if text and isinstance(variant.get("id"), int):
            yield variant["id"], text


def _mappings(owner: object, name: str) -> list[Mapping[str, Any]]:
    found = owner.get(name) if isinstance(owner, Mapping) else None
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []
