"""Which of the host's products a variant may be: for a person to choose from, never linked by themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Row, select

from ...errors import Invalid, LinkCode
from ...models import db_now
from ...models.product_key import Key, in_order
from ...refresh.linking.host_products import host_products
from ...refresh.write.rows import PageTransaction
from ..context import RequestContext
from ..lists import variants
from ..lists.paging import every_page

MOST_ALIKE = 500
"""How many variants one decision is about at most."""
MOST_PAGES = 20
"""How many times as many variants are looked at for some that the decision is about."""
MOST_NEAREST = 20
"""How many products a person chooses from at most."""


@dataclass(frozen=True)
class Product:
    """A product of the host, with its SKU as the host spells it; ``name`` is None where only its SKU is known."""

    host_product_id: Key
    sku: str
    name: str | None = None


@dataclass(frozen=True)
class Alike:
    """A variant, and the one product of the host that has nearly its SKU."""

    variant: Row[Any]
    product: Product


def candidates(context: RequestContext, skus: Iterable[str | None]) -> Mapping[str, Sequence[Product]]:
    """By (trimmed) SKU the host's products that have it, or one that differs by case, accent or blanks only."""
    asked = sorted({sku for sku in skus if sku})
    if not asked:
        return {}
    now = context.session.scalar(select(db_now()))
    assert now is not None
    tx = PageTransaction(context.session, context.state.tables, context.state.host, context.instance, now, 0)
    return {
        sku: [Product(key, spelling) for spelling, keys in sorted(found.items()) for key in in_order(keys)]
        for sku, found in host_products(tx, asked).items()
    }


def nearest_products(context: RequestContext, sku: str | None, *texts: str | None) -> list[Product]:
    """Those that have the SKU or nearly so, then those that the host finds by each of ``texts``; the nearest first."""
    found = {each.host_product_id: each for each in candidates(context, [sku]).get(sku or "", ())}
    search = getattr(context.state.host, "search_products", None)
    for text in dict.fromkeys(texts):
        if not text or not callable(search):
            continue
        for key, its_sku, name in search(context.session, context.instance, text) or ():
            if key in found or len(found) < MOST_NEAREST:
                found[key] = Product(key, its_sku, name)
    return list(found.values())


def suggested(
    context: RequestContext, query: Mapping[str, Any], chosen: Sequence[int] | None, *, by_case: bool
) -> tuple[list[Alike], bool]:
    """Of the variants that a list has for ``query`` those with one candidate; ``by_case``: that differs by case only.

    And whether there may be more: the first ``MOST_ALIKE`` variants are looked at that have any. ``chosen`` are the
    BigCommerce ids of the variants that are meant; None is all. A product that several of them might be is for none.
    """
    table = context.state.tables.variants
    wanted = variants.wanted_of(context, {**query, "link_conflict_code": LinkCode.SIMILAR_SKU_IN_HOST}, chosen)
    columns = (table.c.bigcommerce_id, table.c.sku, table.c.sku_key, variants.name_of_product(context))
    rows: Sequence[Row[Any]] = ()
    for rows in islice(every_page(context.session, wanted, columns, MOST_ALIKE), MOST_PAGES):
        if found := _alike(context, rows, by_case=by_case):
            break
    else:
        found = []
    return found, len(rows) == MOST_ALIKE


def _alike(context: RequestContext, rows: Sequence[Row[Any]], *, by_case: bool) -> list[Alike]:
    near = candidates(context, (row.sku_key for row in rows))
    pairs = [Alike(row, near[row.sku_key][0]) for row in rows if len(near.get(row.sku_key, ())) == 1]
    uses = Counter(each.product.host_product_id for each in pairs)
    return [
        each
        for each in pairs
        if uses[each.product.host_product_id] == 1
        and (not by_case or _is_other_case(each.variant.sku_key, each.product.sku.strip()))
    ]


def _is_other_case(ours: str, theirs: str) -> bool:
    return ours != theirs and ours.casefold() == theirs.casefold()


def product_of_sku(context: RequestContext, sku: str) -> Key:
    """The host's one product with just this SKU; ``Invalid`` at ``sku`` says why there is no such one."""
    wanted = sku.strip()
    found = [each for each in candidates(context, [wanted]).get(wanted, ()) if each.sku.strip() == wanted]
    if len(found) == 1:
        return found[0].host_product_id
    if found:
        raise Invalid({"sku": [f"{len(found)} of your products have this SKU. Give the number of one."]})
    near = [each.sku for each in candidates(context, [wanted]).get(wanted, ())]
    also = f" You have one with the SKU {near[0]}." if near else ""
    raise Invalid({"sku": [f"None of your products has this SKU.{also}"]})
