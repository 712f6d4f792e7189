"""``/api/big-commerce/<id>/refreshes`` and what begins, cancels and retries one."""

from __future__ import annotations

from typing import Any

from flask import request, url_for

from ...errors import RefreshCode
from ...operations import queries
from ...refresh import RESOURCES
from ...refresh.job.parameters import MODES
from ...signals import refresh_finished
from ...worker import actors
from .. import fields
from ..http.access import Asked, ask, ask_for_refresh, caller
from ..http.announce import announce
from ..http.answers import refresh_answer
from ..http.page_answer import page_answer
from ..http.query_args import page, per_page, read_query
from ..schemas import ObjectSchema
from .changes import begin_refresh, cancel_refresh, retry_refresh
from .request import read_refresh_request

STATUSES = ("pending", "processing", "completed", "failed", "cancelled")
Answer = tuple[dict[str, Any], int, dict[str, str]]


class RefreshQuery(ObjectSchema):
    """Which refreshes to list."""

    page = page()
    per_page = per_page()
    resource = fields.Choice(*RESOURCES)
    status = fields.Choice(*STATUSES)
    mode = fields.Choice(*MODES)
    error_code = fields.Choice(*RefreshCode)


def post_products_refresh(instance_id: str) -> Answer:
    """Begin a refresh of the products."""
    return _begin(instance_id, "products")


def post_orders_refresh(instance_id: str) -> Answer:
    """Begin a refresh of the orders."""
    return _begin(instance_id, "orders")


def get_refreshes(instance_id: str) -> dict[str, Any]:
    """The refreshes of an instance, the newest first."""
    asked = ask("read", instance_id)
    query = read_query(request, RefreshQuery())
    state = asked.state
    views, total = queries.refreshes_of(asked.session, state.tables, state.config, asked.instance.id, **query)
    data = [refresh_answer(view) for view in views]
    return {"data": data, **page_answer(page=query["page"], per_page=query["per_page"], total=total)}


def get_refresh(instance_id: str, refresh_id: str) -> dict[str, Any]:
    """How far one refresh is."""
    return {"data": refresh_answer(ask_for_refresh("read", instance_id, refresh_id))}


def post_cancel(instance_id: str, refresh_id: str) -> dict[str, Any]:
    """Stop a refresh at its next page."""
    asked = ask("refresh", instance_id)
    cancelled = cancel_refresh(asked, queries.parse_id(refresh_id))
    announce(refresh_finished, instance_id=asked.instance.id, refresh_id=cancelled.row.id)
    return {"data": refresh_answer(cancelled)}


def post_retry(instance_id: str, refresh_id: str) -> Answer:
    """Let a refresh go on that failed or was cancelled."""
    asked = ask("refresh", instance_id)
    return accepted(asked, retry_refresh(asked, queries.parse_id(refresh_id)))


def _begin(instance_id: str, resource: str) -> Answer:
    asked = ask("refresh", instance_id)
    wanted = read_refresh_request(request, start_date=asked.instance.start_date)
    return accepted(asked, begin_refresh(asked, resource, wanted, requested_by=caller()))


def accepted(asked: Asked, begun: queries.RefreshView) -> Answer:
    """Hinted at after the commit."""
    row = begun.row
    actors.send_hints(asked.state, [(row.resource, row.id)])
    location = url_for(".get_refresh", instance_id=asked.instance.id, refresh_id=row.id)
    return {"data": refresh_answer(begun)}, 202, {"Location": location}
