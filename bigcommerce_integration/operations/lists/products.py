"""Which products a person wants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...models.dialect.conditions import is_exactly
from ...models.dialect.texts import text_begins_with
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
    asked = [
        (table.c.sku, filters.by_value(table.c.sku, query, "sku")),
        (table.c.date_modified, filters.by_span(table.c.date_modified, query, "modified")),
    ]
    exact = is_exactly(context.session, table.c.sku, query["sku"]) if "sku" in query else []
    also = [*exact, *filters.by_value(table.c.is_visible, query, "is_visible"), *filters.by_deletion(table, query)]
    return filters.by_first(context, table, asked, also)
