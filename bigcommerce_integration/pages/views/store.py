"""One store: what it needs, how far its collections are, what happened last, and what has changed in the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from ...history import latest
from ...operations.context import RequestContext
from ...operations.findings.acknowledge import CHANGES, acknowledge
from ...operations.health import ResourceHealth
from ...operations.instances.counts import counts
from ...operations.instances.views import view_of
from ...operations.refreshes import changes_a_day, latest_refreshes
from ...refresh.removal.purge import DELETING
from ...schemas.base import load
from ...schemas.instances import Acknowledgement
from .. import login
from ..render import as_fragment, render
from .chart import chart

_LAST = 8
_DAYS = 14


def get_store(instance_id: int) -> Response:
    """The page of one store."""
    context = login.authorize("read", instance_id, while_deleting=True)
    return render("store.html", chart=chart(changes_a_day(context, _DAYS)), **_values(context))


def get_live(instance_id: int) -> ResponseReturnValue:
    """What of the page changes by itself, as a fragment; 304 while it is the same."""
    context = login.authorize("read", instance_id, while_deleting=True)
    return as_fragment(render("_live.html", **_values(context)))


def get_acknowledge(instance_id: int) -> Response:
    """What has changed in the store, with a button for each."""
    context = login.authorize("change", instance_id)
    changes = [each for each in view_of(context, context.instance).findings if each.code in CHANGES]
    return render("acknowledge.html", instance=context.instance, changes=changes)


def post_acknowledge(instance_id: int) -> ResponseReturnValue:
    """The person knows of it."""
    context = login.authorize("change", instance_id)
    values, errors = load(Acknowledgement(), {name: request.form.get(name) for name in Acknowledgement().fields})
    errors.refuse()
    acknowledge(context, values["code"], values["after"])
    return redirect(url_for(".get_store", instance_id=instance_id, done="acknowledged"), 303)


def _values(context: RequestContext) -> dict[str, Any]:
    instance = context.instance
    view = view_of(context, instance)
    watched = {each.resource: each.open_refresh for each in view.health.resources if _is_watched(each)}
    deeds: Sequence[Any] = ()
    if context.state.host.may("read_history", instance):
        deeds = latest(context.session, context.state.tables, instance.id, _LAST)
    return {
        "instance": instance,
        "view": view,
        "last": latest_refreshes(context, _LAST),
        "deeds": deeds,
        "watched": watched,
        "is_running": bool(watched),
        "is_over": not watched,
        "first_import": _first_import(view.health.resources),
        # A large store is not counted every other second.
        "counts": None if watched or instance.status == DELETING else counts(context),
    }


def _first_import(resources: Sequence[ResourceHealth]) -> Sequence[tuple[str, int]]:
    """The collections with how many records their first import stored, while nothing has been read since."""
    done = [each.last_success.row for each in resources if each.last_success is not None and not each.is_failing]
    is_first = len(done) == len([each for each in resources if each.off_reason is None and each.has_begun])
    if not is_first or any(row.mode != "initial" for row in done) or any(each.open_refresh for each in resources):
        return ()
    return [(row.resource, row.created + row.updated + row.unchanged) for row in done]


def _is_watched(resource: ResourceHealth) -> bool:
    """Whether a refresh is open that a person waits for: one that reads a few changes by itself makes no page jump."""
    opened = resource.open_refresh
    if opened is None:
        return False
    is_routine = resource.last_success is not None and opened.row.mode == "incremental"
    return not is_routine or opened.row.requested_by is not None or opened.lacks_worker or opened.trouble is not None
