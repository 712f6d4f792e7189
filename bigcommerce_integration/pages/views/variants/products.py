"""The store's products, and one with its variants."""

from __future__ import annotations

from flask import Response

from ....operations.explain.facts import newer_rejected
from ....operations.links.options import options_of
from ....operations.links.your_products import your_products
from ....operations.lists import products, variants
from ....operations.lists.columns import record_names
from ....operations.lists.paging import page_after
from ....operations.lists.records import find_record
from ....resources.products import PRODUCTS
from ....schemas.lists import ListQuery, ProductFilters
from ....schemas.query import LARGEST_PAGE
from ... import login
from ...forms import read_filters
from ...render import render
from .listing import columns, state_of


class ProductsPage(ListQuery, ProductFilters):
    """What the page takes."""


def get_products(instance_id: int) -> Response:
    """The products that pass the filters in the address."""
    context = login.authorize(PRODUCTS.permission, instance_id)
    query = read_filters(ProductsPage())
    table = context.state.tables.mirror[PRODUCTS.name]
    shown = [table.c[name] for name in record_names(PRODUCTS)]
    rows, cursor = page_after(context, products.wanted(context, query), shown, query)
    return render("products.html", instance=context.instance, rows=rows, next_page=cursor)


def get_product(instance_id: int, product_id: int) -> Response:
    """One product with its variants; also one that the store no longer has."""
    context = login.authorize(PRODUCTS.permission, instance_id)
    table = context.state.tables.mirror[PRODUCTS.name]
    shown = [table.c[name] for name in record_names(PRODUCTS)]
    product = find_record(context, PRODUCTS, login.checked_id(product_id), shown)
    query = {"limit": LARGEST_PAGE, **read_filters(ListQuery(only=("after",)))}
    wanted = variants.wanted(context, {"product": product_id, "deleted": "any"})
    rows, cursor = page_after(context, wanted, columns(context), query)
    return render(
        "product.html",
        instance=context.instance,
        product=product,
        rejected=newer_rejected(context, PRODUCTS.name, product_id, product.observed_at),
        rows=rows,
        next_page=cursor,
        state_of=state_of,
        options=options_of(context, rows),
        your_products=your_products(context, (row.host_product_id for row in rows)),
    )
