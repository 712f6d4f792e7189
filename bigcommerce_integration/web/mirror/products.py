"""``/api/big-commerce/<id>/products``."""

from __future__ import annotations

from typing import Any

from flask import request

from ...operations.lists import products
from .. import fields
from ..http.access import authorize
from ..http.query_args import QueryBoolean, QueryMoment, QueryText
from .cursors import ListQuery, deleted, list_answer, read_list_query
from .row_answers import PRODUCT, columns, row_answer


class ProductQuery(ListQuery):
    """The filters."""

    sku = QueryText()
    is_visible = QueryBoolean()
    deleted = deleted()
    modified_from = QueryMoment()
    modified_until = QueryMoment()
    include = fields.Choice("payload")


def get_products(instance_id: str) -> dict[str, Any]:
    """The store's products."""
    context = authorize("read", instance_id)
    query = read_list_query(request, ProductQuery())
    read = columns(context.state.tables.products, PRODUCT, with_payload="include" in query)
    return list_answer(context, query, products.wanted(context, query), read, lambda row: row_answer(row, read))
