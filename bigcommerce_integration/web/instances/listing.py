"""``GET /api/big-commerce``: the tenant's connected stores."""

from __future__ import annotations

import unicodedata
from typing import Any

from flask import request
from sqlalchemy import select

from ...app_state import State, current_state
from ...models.instances import IntegrationInstance
from ...operations.health import overviews
from ...operations.warnings import of_instance, warnings
from .. import fields
from ..http.access import require_login, tenant_of
from ..http.answers import instance_answer
from ..http.page_answer import cut, page_answer
from ..http.query_args import QueryText, page, per_page, read_query
from ..schemas import ObjectSchema

SHOWN = ("active", "needs_attention")


class InstancesQuery(ObjectSchema):
    """What may stand in the query string."""

    page = page()
    per_page = per_page()
    status = fields.Choice(*SHOWN)
    name = QueryText()


def list_instances() -> dict[str, Any]:
    """Those that the caller may read, by id, page by page; none that is being deleted."""
    require_login()
    state = current_state()
    asked = read_query(request, InstancesQuery())
    # A tenant has few stores. So ``may`` can decide on each, and pages and totals are still right.
    found = [
        each
        for each in _instances(state, tenant_of(state.host), asked.get("status"))
        if _folded(asked.get("name", "")) in _folded(each.name) and state.host.may("read", each)
    ]
    shown = cut(found, page=asked["page"], per_page=asked["per_page"])
    session = state.db.session()
    views = overviews(session, state.tables, state.config, shown)
    told = warnings(session, state.tables, state.host, tenant_of(state.host), list(map(of_instance, shown)))
    data = [instance_answer(each, views[each.id], state.cipher, its) for each, its in zip(shown, told, strict=True)]
    return {"data": data, **page_answer(page=asked["page"], per_page=asked["per_page"], total=len(found))}


def _instances(state: State, tenant: str, status: str | None) -> list[IntegrationInstance]:
    table = state.tables.instances
    wanted = (table.c.tenant == tenant, table.c.status.in_(SHOWN if status is None else [status]))
    rows = state.db.session.execute(select(table).where(*wanted).order_by(table.c.id))
    return [IntegrationInstance.from_row(row) for row in rows]


def _folded(text: str) -> str:
    """Compared in Python, as databases fold case differently."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
