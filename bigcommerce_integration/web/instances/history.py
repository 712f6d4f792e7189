"""``GET /api/big-commerce/<id>/history``: who did what to an instance, and when."""

from __future__ import annotations

import json
from typing import Any

from flask import request

from ...answers.text import shown
from ...history import entries
from ...schemas.query import PageQuery, read_query
from ..http.access import authorize
from ..http.page_answer import page_answer
from ..openapi.operation import Operation, page_of
from .schemas import Deed


@Operation(
    id="getHistory",
    tag="Instances",
    query=PageQuery,
    answers={200: page_of(Deed, "One page of it.")},
    step="instance",
)
def get_history(instance_id: str) -> dict[str, Any]:
    """Who did what to an instance, the newest first."""
    context = authorize("read_history", instance_id)
    query = read_query(request, PageQuery)
    rows, total = entries(context.session, context.state.tables, context.instance.id, **query)
    data = [{**shown(row, "id", "action", "done_by", "done_at"), "changes": json.loads(row.changes)} for row in rows]
    return page_answer(data, total, query)
