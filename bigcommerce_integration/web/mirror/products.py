"""``/api/big-commerce/<id>/products``."""

from __future__ import annotations

from ...operations.lists import products
from ...resources.products import PRODUCTS
from ...schemas.lists import ProductFilters
from .collection import export_view, list_view, record_view

get_products = list_view(PRODUCTS, ProductFilters, products.wanted)
get_product = record_view(PRODUCTS)
get_products_export = export_view(PRODUCTS, ProductFilters, products.wanted, "bigcommerce_id,name\r\n77,Mug\r\n")
