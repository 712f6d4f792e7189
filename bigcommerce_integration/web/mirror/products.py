"""``/api/big-commerce/<id>/products``."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from ...operations.exports.records import export_records
from ...operations.lists import products
from ...resources.products import PRODUCTS
from ...schemas.base import ObjectSchema
from ...schemas.query import QueryBoolean, QuerySearch, QueryText, read_query
from ..http.access import authorize
from .collection import record_view
from .cursors import ListQuery, deleted, include, list_answer, lists, read_list_query, span
from .exports import authorize_export, exports, file_answer
from .row_answers import PRODUCT, columns, row_answer
from .schemas import Product


class ProductFilters(ObjectSchema):
    """The filters."""

    q = QuerySearch("Searches for the beginning of a SKU and, if no SKU begins so, for words of a name.")
    sku = QueryText("The product's own SKU.")
    is_visible = QueryBoolean("Whether shoppers see it.")
    deleted = deleted()
    modified_from, modified_until = span("Modified in the store")
    include = include()


class ProductQuery(ListQuery, ProductFilters):
    """What the list takes."""


@lists("listProducts", "The store's products", Product, ProductQuery)
def get_products(instance_id: str) -> dict[str, Any]:
    """The store's products."""
    context = authorize("read", instance_id)
    query = read_list_query(request, ProductQuery())
    read = columns(context.state.tables.products, PRODUCT, with_payload="include" in query)
    return list_answer(context, query, products.wanted(context, query), read, lambda row: row_answer(row, read))


get_product = record_view(PRODUCTS)


@exports("Products", "The store's products", ProductFilters, "bigcommerce_id,name\r\n77,Mug\r\n")
def get_products_export(instance_id: str) -> Response:
    """The store's products as a file."""
    context = authorize_export(instance_id, PRODUCTS.permission)
    query = read_query(request, ProductFilters())
    return file_answer(export_records(context, PRODUCTS, products.wanted(context, query), query))
