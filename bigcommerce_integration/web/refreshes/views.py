"""``/api/big-commerce/<id>/refreshes`` and what starts, cancels and retries one."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from flask import request, url_for

from ...answers.refreshes import refresh_answer
from ...operations.context import RequestContext
from ...operations.queries import RefreshView
from ...operations.refreshes import cancel_refresh, list_refreshes, retry_refresh, start_refresh
from ...schemas.query import read_query
from ...schemas.refreshes import RefreshListQuery
from ..http.access import authorize, authorize_refresh, parse_id, polled
from ..http.page_answer import page_answer
from ..openapi.next_steps import FROM_REFRESH
from ..openapi.operation import LOCATION, RETRY_AFTER, Answered, Operation, answer_of, page_of
from .request import REQUEST_SHAPE, read_refresh_request
from .schemas import BEGUN, Refresh

_TAG = "Refreshes"
_CANCELLED = {"status": "cancelled", "eta_s": None, "finished_at": "2026-02-01T12:00:02.000000Z"}


def _starts_refresh(resource: str) -> Operation:
    """What the document says of the route that starts a refresh of this collection."""
    return Operation(
        id=f"refresh{resource.capitalize()}",
        tag=_TAG,
        summary=f"Refresh the {resource}",
        description=(
            "Without a body an incremental refresh begins. `allow_mass_delete` goes with mode `full` only, `date_from` "
            "and `date_to` (whole days in the store's time zone, both included, not before the instance's start date) "
            "with `date_range` and, both optional, with `reconcile`, which compares and writes nothing; `ids` with "
            "`ids`. One walk of a resource can be open at a time; a refresh of `ids` "
            "may run beside it."
        ),
        body=REQUEST_SHAPE,
        is_body_required=False,
        body_examples={
            "incremental": {"mode": "incremental"},
            "full": {"mode": "full", "allow_mass_delete": True},
            "days": {"mode": "date_range", "date_from": "2026-01-01", "date_to": "2026-01-31"},
            "ids": {"mode": "ids", "ids": [101, 102]},
            "comparison": {"mode": "reconcile"},
        },
        answers={202: answer_of(Refresh, "It has begun.", headers=[LOCATION, RETRY_AFTER], example=BEGUN)},
        refusals=(409,),
        step="instance",
        leads_to=FROM_REFRESH,
    )


@cache
def starter(name: str) -> Callable[[str], Answered]:
    """What starts a refresh of a collection."""

    def start(instance_id: str) -> Answered:
        return _start(instance_id, name)

    start.__name__ = f"post_{name}_refresh"
    return _starts_refresh(name)(start)


@Operation(
    id="listRefreshes",
    tag=_TAG,
    query=RefreshListQuery,
    answers={200: page_of(Refresh)},
    step="instance",
)
def get_refreshes(instance_id: str) -> dict[str, Any]:
    """The refreshes of an instance, the newest first."""
    context = authorize("read", instance_id)
    query = read_query(request, RefreshListQuery)
    views, total = list_refreshes(context, **query)
    return page_answer([refresh_answer(view) for view in views], total, query)


@Operation(
    id="getRefresh",
    tag=_TAG,
    answers={200: answer_of(Refresh, "The refresh.", headers=[RETRY_AFTER])},
    step="refresh",
    leads_to=FROM_REFRESH,
)
def get_refresh(instance_id: str, refresh_id: str) -> Answered:
    """How far a refresh is."""
    with polled():
        view = authorize_refresh("read", instance_id, refresh_id)
    return {"data": refresh_answer(view)}, 200, _retry_after(view)


@Operation(
    id="cancelRefresh",
    tag=_TAG,
    answers={200: answer_of(Refresh, "It is cancelled.", example=_CANCELLED)},
    refusals=(409,),
    step="refresh",
    leads_to=FROM_REFRESH,
)
def post_cancel(instance_id: str, refresh_id: str) -> dict[str, Any]:
    """Stop a refresh at its next page; what was stored stays."""
    context = authorize("refresh", instance_id)
    return {"data": refresh_answer(cancel_refresh(context, parse_id(refresh_id)))}


@Operation(
    id="retryRefresh",
    tag=_TAG,
    answers={202: answer_of(Refresh, "It is open again.", headers=[LOCATION, RETRY_AFTER], example=BEGUN)},
    refusals=(409,),
    step="refresh",
    leads_to=FROM_REFRESH,
)
def post_retry(instance_id: str, refresh_id: str) -> Answered:
    """Let a failed or cancelled refresh go on where it stopped."""
    context = authorize("refresh", instance_id)
    return accepted(context, retry_refresh(context, parse_id(refresh_id)))


def _start(instance_id: str, resource: str) -> Answered:
    context = authorize("refresh", instance_id)
    mode, parameters = read_refresh_request(request, start_date=context.instance.start_date)
    return accepted(context, start_refresh(context, resource, mode, parameters))


def accepted(context: RequestContext, view: RefreshView) -> Answered:
    """202, with the path at which the refresh can be followed."""
    location = url_for(".get_refresh", instance_id=context.instance.id, refresh_id=view.row.id)
    return {"data": refresh_answer(view)}, 202, {"Location": location, **_retry_after(view)}


def _retry_after(view: RefreshView) -> dict[str, str]:
    return {} if view.ask_again_s is None else {"Retry-After": str(view.ask_again_s)}
