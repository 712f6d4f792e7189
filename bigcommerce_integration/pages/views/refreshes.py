"""Start a refresh, follow it, cancel it, let it go on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from ...errors import Conflict, Invalid, RefreshCode
from ...models.refreshes import COUNTERS, OPEN, STOPPED
from ...operations.context import RequestContext, authorize_refresh
from ...operations.queries import RefreshView
from ...operations.reconciliation import reconciliation, repair
from ...operations.refreshes import cancel_refresh, list_refreshes, retry_refresh, start_refresh
from ...refresh.drift import Drift
from ...refresh.job.parameters import load_parameters
from ...schemas.refreshes import FIELDS_OF, RefreshListQuery, RefreshRequest, load_refresh_request
from .. import login
from ..forms import Form, body_of, form_of, read_filters
from ..render import as_fragment, render
from ..words import NEEDS_TOKEN

_COLLECTION = "resource"


def get_refresh_form(instance_id: int) -> Response:
    """What can be read anew."""
    return _start_page(login.authorize("refresh", instance_id), form_of(request.args))


def post_refresh_form(instance_id: int) -> ResponseReturnValue:
    """Start it."""
    context = login.authorize("refresh", instance_id)
    typed = request.form
    collection = typed.get(_COLLECTION, "")
    try:
        if collection not in _collections(context):
            raise Invalid({_COLLECTION: ["Choose one."]})
        mode, parameters = load_refresh_request(_body(typed), start_date=context.instance.start_date)
        started = start_refresh(context, collection, mode, parameters)
    except Invalid as refusal:
        return _start_page(context, form_of(typed, refusal.errors), status=422)
    except Conflict as refusal:
        return _start_page(context, form_of(typed), status=409, conflict=refusal)
    return _to_refresh(instance_id, started.row.id, "started")


def _body(typed: Mapping[str, str]) -> dict[str, Any]:
    """The body of the API: what belongs to another mode than the one that was chosen is left out."""
    body = body_of(RefreshRequest(), typed)
    wanted: tuple[str, ...] = next((names for mode, names in FIELDS_OF.items() if mode == typed.get("mode")), ())
    return {name: value for name, value in body.items() if name == "mode" or (name in wanted and value is not False)}


def _start_page(
    context: RequestContext, form: Form, *, status: int = 200, conflict: Conflict | None = None
) -> Response:
    texts = {"mode": "incremental", _COLLECTION: next(iter(_collections(context)), ""), **form.texts}
    return render(
        "refresh.html",
        status=status,
        instance=context.instance,
        form=Form(texts, form.errors),
        collections=_collections(context),
        conflict=conflict,
        shown=[*RefreshRequest().fields, _COLLECTION],
    )


def _collections(context: RequestContext) -> list[str]:
    registry = context.state.tables.registry
    return [name for name in registry.names if registry[name].reader is not None]


def get_refreshes(instance_id: int) -> Response:
    """The refreshes of a store, the newest first."""
    context = login.authorize("read", instance_id)
    query = read_filters(RefreshListQuery())
    views, total = list_refreshes(context, **query)
    return render(
        "refreshes.html",
        instance=context.instance,
        views=views,
        page=query["page"],
        per_page=query["per_page"],
        total=total,
        collections=context.state.tables.registry.names,
    )


def get_refresh(instance_id: int, refresh_id: int) -> Response:
    """One of them with its results."""
    context = login.authorize("read", instance_id)
    return render("refresh_one.html", instance=context.instance, **_values(context, refresh_id))


def get_refresh_live(instance_id: int, refresh_id: int) -> ResponseReturnValue:
    """What of that page changes by itself."""
    context = login.authorize("read", instance_id)
    return as_fragment(render("_refresh_live.html", instance=context.instance, **_values(context, refresh_id)))


def _values(context: RequestContext, refresh_id: int) -> dict[str, Any]:
    view = authorize_refresh(login.caller(), "read", context.instance.id, login.checked_id(refresh_id))
    return {
        "refresh": view,
        "parameters": load_parameters(view.row.parameters),
        "results": [(name, view.row._mapping[name]) for name in COUNTERS],
        "drift": _drift(context, view),
        "can_retry": view.row.status in STOPPED,
        "is_over": view.row.status not in OPEN,
        "needs_token": view.row.status in STOPPED and view.row.error_code in NEEDS_TOKEN,
        "can_allow_deletion": _is_held_back(view),
    }


def _drift(context: RequestContext, view: RefreshView) -> Drift | None:
    """What a comparison has found, for those who may see the records."""
    permission = context.state.tables.registry[view.row.resource].permission
    is_shown = view.row.mode == "reconcile" and context.permits(permission)
    return reconciliation(context, view.row.id).drift if is_shown else None


def _is_held_back(view: RefreshView) -> bool:
    return bool(view.row.status == "failed" and view.row.error_code == RefreshCode.MASS_DELETION)


def post_cancel(instance_id: int, refresh_id: int) -> ResponseReturnValue:
    """Stop it at its next page."""
    context = login.authorize("refresh", instance_id)
    cancel_refresh(context, login.checked_id(refresh_id))
    return _to_refresh(instance_id, refresh_id, "cancelled")


def post_retry(instance_id: int, refresh_id: int) -> ResponseReturnValue:
    """Let it go on where it stopped."""
    context = login.authorize("refresh", instance_id)
    retry_refresh(context, login.checked_id(refresh_id))
    return _to_refresh(instance_id, refresh_id, "retried")


def post_repair(instance_id: int, refresh_id: int) -> ResponseReturnValue:
    """Read again exactly what a comparison has found."""
    context = login.authorize("refresh", instance_id)
    begun = repair(context, login.checked_id(refresh_id))
    return _to_refresh(instance_id, begun[0].row.id, "repairing")


def post_allow_deletion(instance_id: int, refresh_id: int) -> ResponseReturnValue:
    """Read all of the collection again, and this time mark as deleted whatever is gone."""
    context = login.authorize("refresh", instance_id)
    held_back = authorize_refresh(login.caller(), "refresh", instance_id, login.checked_id(refresh_id))
    if not _is_held_back(held_back):
        raise Conflict("This refresh held no deletion back.", refresh_id=refresh_id)
    body = {"mode": "full", "allow_mass_delete": True}
    mode, parameters = load_refresh_request(body, start_date=context.instance.start_date)
    started = start_refresh(context, held_back.row.resource, mode, parameters)
    return _to_refresh(instance_id, started.row.id, "started")


def _to_refresh(instance_id: int, refresh_id: int, done: str) -> ResponseReturnValue:
    return redirect(url_for(".get_refresh", instance_id=instance_id, refresh_id=refresh_id, done=done), 303)
