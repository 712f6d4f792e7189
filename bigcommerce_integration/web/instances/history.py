"""``GET /api/big-commerce/<id>/history``: who did what to an instance, and when."""

from __future__ import annotations

import json
from typing import Any

from flask import request
from sqlalchemy import Row

from ...history import entries
from ...models.types import moment_text
from ...schemas.query import PageQuery, read_query
from ..http.access import authorize
from ..http.page_answer import page_answer
from ..openapi.operation import Operation, page_of
from .schemas import Deed


@Operation(
    id="getHistory",
    tag="Instances",
    summary="Who did what to an instance, the newest first",
    query=PageQuery,
    answers={200: page_of(Deed, "One page of it.")},
    step="instance",
)
def get_history(instance_id: str) -> dict[str, Any]:
    """The audit trail, newest first."""
    context = authorize("read_history", instance_id)
    query = read_query(request, PageQuery())
    rows, total = entries(context.session, context.state.tables, context.instance.id, **query)
    return {"data": [_entry(row) for row in rows], **page_answer(**query, total=total)}


def _entry(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "action": row.action,
        "done_by": row.done_by,
        "done_at": moment_text(row.done_at),
        "changes": json.loads(row.changes),
    }
