"""``/api/big-commerce/<id>/products``."""

from __future__ import annotations

from ...operations.lists import products
from ...resources.products import PRODUCTS
from ...schemas.base import ObjectSchema
from ...schemas.query import QueryBoolean, QuerySearch, QueryText
from .collection import export_view, list_view, record_view
from .cursors import deleted, include, span


class ProductFilters(ObjectSchema):
    """The filters."""

    q = QuerySearch("Searches for the beginning of a SKU and, if no SKU begins so, for words of a name.")
    sku = QueryText("The product's own SKU.")
    is_visible = QueryBoolean("Whether shoppers see it.")
    deleted = deleted()
    modified_from, modified_until = span("Modified in the store")
    include = include()


get_products = list_view(PRODUCTS, ProductFilters, products.wanted)
get_product = record_view(PRODUCTS)
get_products_export = export_view(PRODUCTS, ProductFilters, products.wanted, "bigcommerce_id,name\r\n77,Mug\r\n")
