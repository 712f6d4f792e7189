"""What tells variants apart that have no SKU, or the same one: the options that each has, such as Colour: Red."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, select

from ...errors import LinkCode
from ...models.dialect.conditions import in_chunks
from ...resources.products import variant_options
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
        for variant, text in variant_options(payload)
        if variant in asked
    }
