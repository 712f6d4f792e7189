"""``/api/big-commerce/<id>/variants``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import request

from ...errors import LinkCode
from .. import fields
from ..http.access import Asked, ask
from ..http.query_args import QueryBoolean, QueryInteger, QueryText
from ..product_keys import QueryHostProductId
from . import filters
from .cursors import ListQuery, list_answer, read_list_query
from .listing import Wanted
from .row_answers import VARIANT, columns, row_answer


class VariantQuery(ListQuery):
    """The filters."""

    sku = QueryText()
    product = QueryInteger()
    host_product_id = QueryHostProductId()
    linked = QueryBoolean()
    conflict = QueryBoolean()
    link_conflict_code = fields.Choice(*LinkCode)
    deleted = filters.deleted()


def get_variants(instance_id: str) -> dict[str, Any]:
    """The store's variants with their links."""
    asked = ask("read", instance_id)
    query = read_list_query(request, VariantQuery())
    read = columns(asked.state.tables.variants, VARIANT)
    return list_answer(asked, query, _wanted(asked, query), read, lambda row: row_answer(row, read))


def _wanted(asked: Asked, query: Mapping[str, Any]) -> Wanted:
    """By SKU (blanks around it do not count), by the host's product, by product, those without a link, or all."""
    table = asked.state.tables.variants
    mine = table.c.instance_id == asked.instance.id
    by_id = [table.c.bigcommerce_id]
    product = filters.by_value(table.c.bigcommerce_product_id, query, "product")
    linked = filters.by_presence(table.c.host_product_id, query, "linked")
    link = table.c.host_product_id
    to_product = filters.by_value(link, query, "host_product_id")
    if to_product and asked.state.tables.product_key.is_text:
        to_product += filters.is_exactly(asked.session, link, query["host_product_id"])
    also = [
        *filters.by_presence(table.c.link_conflict, query, "conflict"),
        *filters.by_value(table.c.link_conflict_code, query, "link_conflict_code"),
        *filters.by_deletion(table, query),
    ]
    if "sku" in query:
        sku = query["sku"].strip()
        exact = filters.is_exactly(asked.session, table.c.sku_key, sku)
        index = filters.indexed_by("sku_key")
        return Wanted(
            table, [mine, table.c.sku_key == sku], by_id, index, [*exact, *product, *to_product, *linked, *also]
        )
    if to_product:
        index = ("host_product_id", *filters.indexed_by())
        return Wanted(table, [to_product[0], mine], by_id, index, [*to_product[1:], *product, *linked, *also])
    if product:
        index = filters.indexed_by("bigcommerce_product_id")
        return Wanted(table, [mine, *product], by_id, index, [*linked, *also])
    is_in_conflict = query.get("conflict") or "link_conflict_code" in query
    if query.get("linked") is False or (is_in_conflict and "linked" not in query):
        # What is in conflict has no link.
        unlinked = table.c.host_product_id
        index = ("host_product_id", *filters.indexed_by())
        return Wanted(table, [unlinked.is_(None), mine], by_id, index, also, constant=[unlinked])
    return Wanted(table, [mine], by_id, filters.indexed_by(), [*linked, *also])
