"""The store's variants: what each is linked to, or what stands in the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response
from sqlalchemy import Row

from ....operations.context import RequestContext
from ....operations.links.candidates import candidates
from ....operations.links.options import options_of
from ....operations.links.your_products import your_products
from ....operations.lists import variants
from ....operations.lists.paging import page_after
from ....refresh.linking.manual import SOURCE
from ....resources.products import PRODUCTS
from ....schemas.lists import ListQuery, VariantFilters
from ... import login
from ...forms import read_filters
from ...render import render

STATES: Mapping[str, Mapping[str, str]] = {
    "all": {},
    "linked": {"linked": "true"},
    "unlinked": {"linked": "false", "left": "false"},
    "conflicts": {"conflict": "true"},
    "left": {"left": "true"},
}
"""The filters of each state that a person chooses from; the names are those of ``variants.Counts``."""
SHOWN = (
    "bigcommerce_id",
    "bigcommerce_product_id",
    "sku",
    "sku_key",
    "price",
    "inventory_level",
    "host_product_id",
    "link_source",
    "link_conflict",
    "link_conflict_code",
    "deleted_at",
)


class VariantsPage(ListQuery, VariantFilters):
    """What the page takes."""


def get_variants(instance_id: int) -> Response:
    """The variants that pass the filters in the address."""
    context = login.authorize(PRODUCTS.permission, instance_id)
    query = read_filters(VariantsPage())
    rows, cursor = page_after(context, variants.wanted(context, query), columns(context), query)
    return render(
        "variants.html",
        instance=context.instance,
        rows=rows,
        next_page=cursor,
        counts=variants.counts(context),
        most_counted=variants.MOST_COUNTED,
        states=STATES,
        state_of=state_of,
        options=options_of(context, rows),
        your_products=your_products(context, (row.host_product_id for row in rows)),
        candidates=candidates(context, (row.sku_key for row in rows if state_of(row) in ("unlinked", "conflict"))),
    )


def columns(context: RequestContext) -> list[Any]:
    """What a person sees of a variant, with the name of its product."""
    return [*(context.state.tables.variants.c[name] for name in SHOWN), variants.name_of_product(context)]


def state_of(row: Row[Any]) -> str:
    """How it stands with the variant's link."""
    if row.host_product_id is not None:
        return "linked"
    if row.link_source == SOURCE:
        return "left"
    return "unlinked" if row.link_conflict is None else "conflict"
