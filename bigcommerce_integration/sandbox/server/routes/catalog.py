"""`/v3/catalog/…`: products, variants and the summary."""

from typing import Any, Final

from ...records.base import Product
from ...records.jsontext import dumps, loads, with_members
from ...records.moments import iso
from ...store import SandboxStore
from ..http_values import Answer
from . import product_query
from .paging import MAX_LIMIT, envelope, read_paging, require_known

_INCLUDES: Final = frozenset(
    (
        "bulk_pricing_rules", "channels", "custom_fields", "images", "modifiers", "options", "parent_relations",
        "primary_image", "reviews", "variants", "videos",
    )
)  # fmt: skip
_COSTLY: Final = frozenset(("options", "modifiers"))  # a page with one of them has at most ten products
_COSTLY_LIMIT: Final = 10
_ALWAYS: Final = frozenset(("id", "gift_wrapping_options_type", "gift_wrapping_options_list"))
_VARIANT_FILTERS: Final = frozenset(
    ("id", "sku", "upc", "product_id:in", "include_fields", "exclude_fields", "page", "limit")
)
_SUBLIST_FILTERS: Final = frozenset(("include_fields", "exclude_fields", "page", "limit"))
_SINGLE_FILTERS: Final = frozenset(("include", "include_fields", "exclude_fields"))

Query = dict[str, str]


def list_products(store: SandboxStore, query: Query) -> Answer:
    """`GET /v3/catalog/products`."""
    require_known(query, product_query.KNOWN)
    include = _include(query)
    paging = read_paging(query, _COSTLY_LIMIT if include & _COSTLY else MAX_LIMIT)
    ids = product_query.select(store, query)
    chosen = ids[paging.start : paging.start + paging.limit]
    texts = [_text(store, store.products[product_id], include, query) for product_id in chosen]
    return Answer(200, envelope(texts, len(ids), paging, query, too_many=store.switches.too_many))


def get_product(store: SandboxStore, query: Query, product_id: int) -> Answer:
    """`GET /v3/catalog/products/{id}`."""
    require_known(query, _SINGLE_FILTERS)
    text = _text(store, store.products[product_id], _include(query), query)
    return Answer(200, f'{{"data":{text},"meta":{{}}}}')


def list_product_variants(store: SandboxStore, query: Query, product_id: int) -> Answer:
    """`GET /v3/catalog/products/{id}/variants`."""
    require_known(query, _SUBLIST_FILTERS)
    variants = sorted(store.products[product_id].variants, key=lambda variant: variant.id)
    return _variant_page(store, query, [variant.id for variant in variants])


def list_variants(store: SandboxStore, query: Query) -> Answer:
    """`GET /v3/catalog/variants`, those of no product too."""
    require_known(query, _VARIANT_FILTERS)
    ids = store.variant_ids
    if "id" in query:
        ids = [one for one in ids if one == int(query["id"])]
    if "product_id:in" in query:
        products = product_query.integers(query["product_id:in"])
        ids = [one for one in ids if store.variants[one].product_id in products]
    for name in ("sku", "upc"):
        if name in query:
            ids = [one for one in ids if loads(store.variants[one].text)[name] == query[name]]
    return _variant_page(store, query, ids)


def summary(store: SandboxStore, _query: Query) -> Answer:
    """`GET /v3/catalog/summary`; it has no count of products."""
    variants = [loads(variant.text) for variant in store.variants.values()]
    prices = [variant["calculated_price"] for variant in variants] or [0]
    levels = [variant["inventory_level"] or 0 for variant in variants]
    created = [product.created for product in store.products.values()] or [0]
    data = {
        "inventory_count": sum(levels),
        "inventory_value": sum(
            level * variant["calculated_price"] for level, variant in zip(levels, variants, strict=True)
        ),
        "variant_count": len(variants),
        "highest_variant_price": max(prices),
        "average_variant_price": sum(prices) / len(prices),
        # A string, unlike its neighbours (spec).
        "lowest_variant_price": str(min(prices)),
        "oldest_variant_date": iso(min(created)),
        "newest_variant_date": iso(max(created)),
        "primary_category_id": 20,
        "primary_category_name": "Everything",
    }
    return Answer(200, dumps({"data": data, "meta": {}}))


def _variant_page(store: SandboxStore, query: Query, ids: list[int]) -> Answer:
    paging = read_paging(query)
    texts = [store.variants[one].text for one in ids[paging.start : paging.start + paging.limit]]
    if _projects(query):
        texts = [_project(text, query, frozenset(("id",))) for text in texts]
    return Answer(200, envelope(texts, len(ids), paging, query, too_many=store.switches.too_many))


def _include(query: Query) -> frozenset[str]:
    include = frozenset(query["include"].split(",")) if "include" in query else frozenset()
    if include - _INCLUDES:
        raise ValueError(f"cannot include {', '.join(sorted(include - _INCLUDES))}")
    return include


def _text(store: SandboxStore, product: Product, include: frozenset[str], query: Query) -> str:
    if include == {"variants"} and product.id in store.spoilt_products:
        return store.spoilt_products[product.id]
    shown_variants = store.switches.included_variants
    text = _project(product.base, query, _ALWAYS) if _projects(query) else product.base
    if "variants" in include and shown_variants != "all":
        include -= {"variants"}
        if shown_variants != "missing":
            text = with_members(text, f'"variants":{"[]" if shown_variants == "empty" else "null"}')
    if include == {"variants"}:
        return with_members(text, f'"variants":{product.variants_text()}')
    if include:
        text = with_members(text, ",".join(f'"{name}":{_part(product, name)}' for name in sorted(include)))
    return text


def _part(product: Product, name: str) -> str:
    if name == "variants":
        return product.variants_text()
    if name == "options":
        return dumps(_options(product))
    if name == "primary_image":
        # The text of the list's first object, if it has one.
        images = loads(f'{{"images":{product.parts.get("images", "[]")}}}')["images"]
        return dumps(images[0]) if images else "null"
    return product.parts.get(name, "[1]" if name == "channels" else "[]")


def _options(product: Product) -> list[dict[str, Any]]:
    options: dict[int, dict[str, Any]] = {}
    for variant in product.variants:
        for value in loads(variant.text)["option_values"]:
            option = options.setdefault(
                value["option_id"],
                {
                    "id": value["option_id"],
                    "product_id": product.id,
                    "name": f"{value['option_display_name']}-{product.id}",
                    "display_name": value["option_display_name"],
                    "type": "rectangles",
                    "config": {},
                    "sort_order": len(options),
                    "option_values": [],
                },
            )
            if all(known["id"] != value["id"] for known in option["option_values"]):
                place = len(option["option_values"])
                option["option_values"].append(
                    {
                        "id": value["id"],
                        "label": value["label"],
                        "sort_order": place,
                        "value_data": None,
                        "is_default": False,
                    }
                )
    return list(options.values())


def _projects(query: Query) -> bool:
    return "include_fields" in query or "exclude_fields" in query


def _project(text: str, query: Query, always: frozenset[str]) -> str:
    fields = loads(text)
    if "include_fields" in query:
        wanted = always.union(query["include_fields"].split(","))
        return dumps({name: value for name, value in fields.items() if name in wanted})
    unwanted = frozenset(query["exclude_fields"].split(",")) - always
    return dumps({name: value for name, value in fields.items() if name not in unwanted})
