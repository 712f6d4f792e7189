"""The company's own products at the start: some of the store's SKUs, some of them badly kept."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping

_SKU_LENGTH = 255


def company_products(records: Iterable[str]) -> list[tuple[str, str]]:
    """SKUs and names: of ten SKUs that one variant has, three are known, one in another case and one twice.

    `records` are the store's products with their variants, as JSON; the other SKUs are not known yet, so that the
    plugin makes products for them.
    """
    names = _names_by_sku(records)
    products: list[tuple[str, str]] = []
    for position, (sku, name) in enumerate(names.items()):
        if position % 10 in (0, 4, 7):
            products.append((sku, name))
        elif position % 10 == 2 and sku.swapcase() in (sku.lower(), sku.upper()) and sku.swapcase() != sku:
            products.append((sku.swapcase(), name))
        elif position % 10 == 5:
            products += [(sku, name), (sku, f"{name} (again)")]
    return products


def _names_by_sku(texts: Iterable[str]) -> Mapping[str, str]:
    """The name of the product by each SKU that one variant alone has and that any database stores."""
    records = [json.loads(text) for text in texts]
    skus = [(variant["sku"], record["name"]) for record in records for variant in record["variants"]]
    times = Counter(sku.strip() for sku, _ in skus)
    return {
        sku: name if name.isprintable() else "A product of ours"
        for sku, name in skus
        if sku and sku == sku.strip() and sku.isprintable() and len(sku) <= _SKU_LENGTH and times[sku] == 1
    }
