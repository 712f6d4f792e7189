"""``/api/big-commerce/<id>/products``."""

from __future__ import annotations

from typing import Any

from flask import request

from ...operations.lists import products
from ...schemas.query import QueryBoolean, QueryText
from ..http.access import authorize
from .cursors import ListQuery, deleted, include, list_answer, lists, read_list_query, span
from .row_answers import PRODUCT, columns, row_answer
from .schemas import Product


class ProductQuery(ListQuery):
    """The filters."""

    sku = QueryText("The product's own SKU.")
    is_visible = QueryBoolean("Whether shoppers see it.")
    deleted = deleted()
    modified_from, modified_until = span("Modified in the store")
    include = include()


@lists("listProducts", "The store's products", Product, ProductQuery)
def get_products(instance_id: str) -> dict[str, Any]:
    """The store's products."""
    context = authorize("read", instance_id)
    query = read_list_query(request, ProductQuery())
    read = columns(context.state.tables.products, PRODUCT, with_payload="include" in query)
    return list_answer(context, query, products.wanted(context, query), read, lambda row: row_answer(row, read))
