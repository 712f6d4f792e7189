"""``/api/big-commerce/<id>/products``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import request

from .. import fields
from ..http.access import Asked, ask
from ..http.query_args import QueryBoolean, QueryMoment, QueryText
from . import filters
from .cursors import ListQuery, list_answer, read_list_query
from .listing import Wanted
from .row_answers import PRODUCT, columns, row_answer


class ProductQuery(ListQuery):
    """The filters."""

    sku = QueryText()
    is_visible = QueryBoolean()
    deleted = filters.deleted()
    modified_from = QueryMoment()
    modified_until = QueryMoment()
    include = fields.Choice("payload")


def get_products(instance_id: str) -> dict[str, Any]:
    """The store's products."""
    asked = ask("read", instance_id)
    query = read_list_query(request, ProductQuery())
    read = columns(asked.state.tables.products, PRODUCT, with_payload="include" in query)
    return list_answer(asked, query, _wanted(asked, query), read, lambda row: row_answer(row, read))


def _wanted(asked: Asked, query: Mapping[str, Any]) -> Wanted:
    """By SKU, else by the time of modification, else by id."""
    table = asked.state.tables.products
    mine = table.c.instance_id == asked.instance.id
    span = filters.by_span(table.c.date_modified, query, "modified")
    also = [*filters.by_value(table.c.is_visible, query, "is_visible"), *filters.by_deletion(table, query)]
    if "sku" in query:
        exact = filters.is_exactly(asked.session, table.c.sku, query["sku"])
        same_sku = filters.by_value(table.c.sku, query, "sku")
        index = filters.indexed_by("sku")
        return Wanted(table, [mine, *same_sku], [table.c.bigcommerce_id], index, [*exact, *span, *also])
    if span:
        index = filters.indexed_by("date_modified")
        return Wanted(table, [mine, *span], [table.c.date_modified, table.c.bigcommerce_id], index, also)
    return Wanted(table, [mine], [table.c.bigcommerce_id], filters.indexed_by(), also)
