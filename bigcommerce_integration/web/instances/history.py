"""``GET /api/big-commerce/<id>/history``: who did what to an instance, and when."""

from __future__ import annotations

import json
from typing import Any

from flask import request
from sqlalchemy import Row, func, select

from ..http.access import ask
from ..http.answers import moment_answer
from ..http.page_answer import page_answer
from ..http.query_args import page, per_page, read_query
from ..schemas import ObjectSchema


class HistoryQuery(ObjectSchema):
    """What may stand in the query string."""

    page = page()
    per_page = per_page()


def get_history(instance_id: str) -> dict[str, Any]:
    """The audit trail, newest first."""
    asked = ask("read_history", instance_id)
    query = read_query(request, HistoryQuery())
    table, size = asked.state.tables.history, query["per_page"]
    mine = table.c.instance_id == asked.instance.id
    total = asked.session.scalar(select(func.count()).select_from(table).where(mine)) or 0
    rows = asked.session.execute(
        select(table).where(mine).order_by(table.c.id.desc()).limit(size).offset((query["page"] - 1) * size)
    )
    return {"data": [_entry(row) for row in rows], **page_answer(page=query["page"], per_page=size, total=total)}


def _entry(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "action": row.action,
        "done_by": row.done_by,
        "done_at": moment_answer(row.done_at),
        "changes": json.loads(row.changes),
    }
