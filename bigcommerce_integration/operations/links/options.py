"""What tells variants apart that have no SKU, or the same one: the options that each has, such as Colour: Red."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Row, select

from ...errors import LinkCode
from ...models.dialect import in_chunks
from ..context import RequestContext

_MOST_PRODUCTS = 50
"""Of how many products the stored text is read at most: it may be long."""


def options_of(context: RequestContext, rows: Iterable[Row[Any]]) -> dict[int, str]:
    """By BigCommerce id the options of those of ``rows`` that need them; none of a variant that has none."""
    unclear = [row for row in rows if not row.sku or row.link_conflict_code == LinkCode.SAME_SKU_IN_STORE]
    ids = list(dict.fromkeys(row.bigcommerce_product_id for row in unclear))[:_MOST_PRODUCTS]
    products = context.state.tables.products
    mine = select(products.c.payload).where(products.c.instance_id == context.instance.id)
    asked = {row.bigcommerce_id for row in unclear}
    return {
        variant: text
        for condition in in_chunks(context.session, products.c.bigcommerce_id, ids)
        for payload in context.session.scalars(mine.where(condition))
        for variant, text in _options(payload)
        if variant in asked
    }


def _options(payload: str) -> Iterator[tuple[int, str]]:
    """Of each variant of a product; the store's text may be anything."""
    try:
        product = json.loads(payload)
    except ValueError:
        return
    for variant in _list(product, "variants"):
        values = _list(variant, "option_values")
        text = ", ".join(f"{each.get('option_display_name', '')}: {each.get('label', '')}" for each in values)
        if text and isinstance(variant.get("id"), int):
            yield variant["id"], text


def _list(owner: object, name: str) -> list[Mapping[str, Any]]:
    found = owner.get(name) if isinstance(owner, Mapping) else None
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []
