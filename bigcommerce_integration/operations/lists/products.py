"""Which products a person wants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...models.dialect import is_exactly, text_begins_with
from ..context import RequestContext
from . import filters, search
from .paging import Wanted


def wanted(context: RequestContext, query: Mapping[str, Any]) -> Wanted:
    """By SKU, else by the time of modification, else by id; what is searched for always by id.

    ``q`` finds the beginning of a SKU; if no SKU of what is wanted begins so, the words of a name.
    """
    found, text = _filtered(context, query), query.get("q", "").strip()
    if not text:
        return found
    table = context.state.tables.products
    by_sku = search.by_index(context, found, [text_begins_with(context.session, table.c.sku, text)])
    return by_sku or search.by_scan(context, found, search.has_words(table.c.name, text))


def _filtered(context: RequestContext, query: Mapping[str, Any]) -> Wanted:
    table = context.state.tables.products
    mine = table.c.instance_id == context.instance.id
    span = filters.by_span(table.c.date_modified, query, "modified")
    also = [*filters.by_value(table.c.is_visible, query, "is_visible"), *filters.by_deletion(table, query)]
    if "sku" in query:
        exact = is_exactly(context.session, table.c.sku, query["sku"])
        same_sku = filters.by_value(table.c.sku, query, "sku")
        index = filters.indexed_by("sku")
        return Wanted(table, [mine, *same_sku], [table.c.bigcommerce_id], index, [*exact, *span, *also])
    if span:
        index = filters.indexed_by("date_modified")
        return Wanted(table, [mine, *span], [table.c.date_modified, table.c.bigcommerce_id], index, also)
    return Wanted(table, [mine], [table.c.bigcommerce_id], filters.indexed_by(), also)
