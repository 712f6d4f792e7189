"""``/api/big-commerce/<id>/variants``."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from ...answers.files import file_answer
from ...operations.exports.mapping import export_variants
from ...operations.lists import variants
from ...resources.products import PRODUCTS
from ...schemas.lists import ListQuery, VariantFilters
from ...schemas.query import read_query
from ..http.access import authorize
from .cursors import list_answer, lists, read_list_query
from .exports import authorize_export, exports
from .row_answers import VARIANT, columns, row_answer
from .schemas import Variant


class VariantQuery(ListQuery, VariantFilters):
    """What the list takes."""


@lists("listVariants", "The store's variants with their links", Variant, VariantQuery)
def get_variants(instance_id: str) -> dict[str, Any]:
    """The store's variants with their links."""
    context = authorize("read", instance_id)
    query = read_list_query(request, VariantQuery)
    read = columns(context.state.tables.variants, VARIANT)
    return list_answer(context, query, variants.wanted(context, query), read, lambda row: row_answer(row, read))


@exports(
    "Variants",
    "The store's variants",
    VariantFilters,
    "variant_id,sku,name,reason,suggested_sku,host_sku,decision\r\n101,MUG-RED,Mug,similar_sku_in_host,mug-red,,\r\n",
    note=(
        "Fill in `host_sku` or `decision` and send the file to `POST …/links/imports`: `variant_id` is the key. "
        "`suggested_sku` is the host's SKU that differs only by case, accent or blanks, where that is the reason."
    ),
)
def get_variants_export(instance_id: str) -> Response:
    """The store's variants as a file in which a person fills in the links."""
    context = authorize_export(instance_id, PRODUCTS.permission)
    query = read_query(request, VariantFilters)
    return file_answer(export_variants(context, variants.wanted(context, query), query))
