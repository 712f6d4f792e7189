"""The records of a collection as CSV, with the columns that its declaration shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...resources.base import Resource
from ..context import RequestContext
from ..lists.columns import PAYLOAD, record_names
from ..lists.paging import Wanted, every_page
from .file import PAYLOADS_A_PAGE, ROWS_A_PAGE, Export, cell, export


def export_records(context: RequestContext, resource: Resource, wanted: Wanted, query: Mapping[str, Any]) -> Export:
    """The file of the records that the collection's list has for ``query``; see ``file.export``.

    ``query`` may hold ``include="payload"``: ``Forbidden`` without the collection's permission for that.
    """
    has_payload = "include" in query
    if has_payload and resource.payload_permission is not None:
        context.require(resource.payload_permission)
    names = (*record_names(resource), *((PAYLOAD,) if has_payload else ()))
    columns = [wanted.table.c[name] for name in names]
    pages = (
        ([cell(column, value) for column, value in zip(columns, row, strict=False)] for row in rows)
        for rows in every_page(context.session, wanted, columns, PAYLOADS_A_PAGE if has_payload else ROWS_A_PAGE)
    )
    return export(context, resource.name, names, pages, query)
