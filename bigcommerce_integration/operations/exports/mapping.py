"""Variants as CSV: the file in which a person says what each is to be linked to (see ``spreadsheets``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Row

from ...errors import LinkCode
from ...resources.products import VARIANTS
from ...spreadsheets.cells import guarded
from ..context import RequestContext
from ..links.candidates import candidates
from ..lists.columns import child_record_names
from ..lists.paging import Wanted, every_page
from ..lists.variants import name_of_product
from .file import ROWS_A_PAGE, Export, cell, export

HEAD = ("variant_id", "sku", "name", "reason", "suggested_sku", "host_sku", "decision")
"""The columns of the mapping; a person fills in the last two."""
_IN_HEAD = frozenset({"bigcommerce_id", "sku", "link_conflict_code"})
_REST = tuple(name for name in child_record_names(VARIANTS) if name not in _IN_HEAD)


def export_variants(context: RequestContext, wanted: Wanted, query: Mapping[str, Any]) -> Export:
    """The file of the variants that the list has for ``query``, to be filled in; see ``file.export``."""
    table = context.state.tables.variants
    own = [table.c[each] for each in ("bigcommerce_id", "sku", "sku_key", "link_conflict_code")]
    rest = [table.c[each] for each in _REST]
    columns = [*own, *rest, name_of_product(context)]
    pages = every_page(context.session, wanted, columns, ROWS_A_PAGE)
    return export(context, VARIANTS.name, (*HEAD, *_REST), (_lines(context, rows, rest) for rows in pages), query)


def _lines(context: RequestContext, rows: Sequence[Row[Any]], rest: Iterable[Column[Any]]) -> Iterator[list[str | int]]:
    suggested = suggested_skus(context, rows)
    for row in rows:
        texts = (row.sku, row.name, row.link_conflict_code, suggested.get(row.sku_key))
        yield [
            row.bigcommerce_id,
            *(guarded(text or "") for text in texts),
            "",
            "",
            *(cell(column, row._mapping[column.name]) for column in rest),
        ]


def suggested_skus(context: RequestContext, rows: Iterable[Any]) -> dict[str, str]:
    """By SKU the host's one spelling that differs only by case, accent or blanks, where that stands in the way."""
    stuck = (row.sku_key for row in rows if row.link_conflict_code == LinkCode.SIMILAR_SKU_IN_HOST)
    return {sku: found[0].sku for sku, found in candidates(context, stuck).items() if len(found) == 1}
