"""``/api/big-commerce/<id>/variants``."""

from __future__ import annotations

from typing import Any

from flask import request

from ...errors import LinkCode
from ...operations.lists import variants
from ...schemas import fields
from ...schemas.query import QueryBoolean, QueryInteger, QueryText
from ..http.access import authorize
from ..product_keys import QueryHostProductId
from .cursors import ListQuery, deleted, list_answer, lists, read_list_query
from .row_answers import VARIANT, columns, row_answer
from .schemas import Variant


class VariantQuery(ListQuery):
    """The filters."""

    sku = QueryText("The SKU; blanks around it do not count.")
    product = QueryInteger("The id of their product in the store.")
    host_product_id = QueryHostProductId("The host's product that they are linked to.")
    linked = QueryBoolean("Whether they are linked.")
    conflict = QueryBoolean("Whether something stands in the way of a link.")
    link_conflict_code = fields.Choice("What stands in the way of a link.", LinkCode)
    deleted = deleted()


@lists("listVariants", "The store's variants with their links", Variant, VariantQuery)
def get_variants(instance_id: str) -> dict[str, Any]:
    """The store's variants with their links."""
    context = authorize("read", instance_id)
    query = read_list_query(request, VariantQuery())
    read = columns(context.state.tables.variants, VARIANT)
    return list_answer(context, query, variants.wanted(context, query), read, lambda row: row_answer(row, read))
