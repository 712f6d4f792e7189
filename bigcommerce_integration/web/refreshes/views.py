"""``/api/big-commerce/<id>/refreshes`` and what starts, cancels and retries one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import request, url_for

from ...errors import RefreshCode
from ...operations.context import RequestContext
from ...operations.queries import RefreshView
from ...operations.refreshes import cancel_refresh, list_refreshes, retry_refresh, start_refresh
from ...refresh.job.parameters import MODES
from .. import fields
from ..http.access import authorize, authorize_refresh, parse_id
from ..http.page_answer import page_answer
from ..http.query_args import page, per_page, read_query
from ..schemas import ObjectSchema
from .answers import refresh_answer
from .request import read_refresh_request

STATUSES = ("pending", "processing", "completed", "failed", "cancelled")
Answer = tuple[dict[str, Any], int, dict[str, str]]


class RefreshQuery(ObjectSchema):
    """Which refreshes to list."""

    page = page()
    per_page = per_page()
    resource = fields.CollectionName()
    status = fields.Choice(*STATUSES)
    mode = fields.Choice(*MODES)
    error_code = fields.Choice(*RefreshCode)


def starter(name: str) -> Callable[[str], Answer]:
    """What starts a refresh of a collection."""

    def start(instance_id: str) -> Answer:
        return _start(instance_id, name)

    start.__name__ = f"post_{name}_refresh"
    return start


def get_refreshes(instance_id: str) -> dict[str, Any]:
    """The refreshes of an instance, the newest first."""
    context = authorize("read", instance_id)
    query = read_query(request, RefreshQuery())
    views, total = list_refreshes(context, **query)
    data = [refresh_answer(view) for view in views]
    return {"data": data, **page_answer(page=query["page"], per_page=query["per_page"], total=total)}


def get_refresh(instance_id: str, refresh_id: str) -> dict[str, Any]:
    """How far one refresh is."""
    return {"data": refresh_answer(authorize_refresh("read", instance_id, refresh_id))}


def post_cancel(instance_id: str, refresh_id: str) -> dict[str, Any]:
    """Stop a refresh at its next page."""
    context = authorize("refresh", instance_id)
    return {"data": refresh_answer(cancel_refresh(context, parse_id(refresh_id)))}


def post_retry(instance_id: str, refresh_id: str) -> Answer:
    """Let a refresh go on that failed or was cancelled."""
    context = authorize("refresh", instance_id)
    return accepted(context, retry_refresh(context, parse_id(refresh_id)))


def _start(instance_id: str, resource: str) -> Answer:
    context = authorize("refresh", instance_id)
    mode, parameters = read_refresh_request(request, start_date=context.instance.start_date)
    return accepted(context, start_refresh(context, resource, mode, parameters))


def accepted(context: RequestContext, view: RefreshView) -> Answer:
    """202, with the path at which the refresh can be followed."""
    location = url_for(".get_refresh", instance_id=context.instance.id, refresh_id=view.row.id)
    return {"data": refresh_answer(view)}, 202, {"Location": location}
