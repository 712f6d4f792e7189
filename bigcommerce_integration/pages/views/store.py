"""One store: what it needs, how far its collections are, and what happened last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Response
from flask.typing import ResponseReturnValue

from ...history import entries
from ...models.refreshes import OPEN
from ...operations.context import RequestContext
from ...operations.instances.counts import counts
from ...operations.instances.views import view_of
from ...operations.refreshes import changes_a_day, list_refreshes
from ...refresh.removal.purge import DELETING
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


def _values(context: RequestContext) -> dict[str, Any]:
    instance = context.instance
    view = view_of(context, instance)
    last, _ = list_refreshes(context, page=1, per_page=_LAST)
    is_running = any(each.row.status in OPEN for each in last)
    deeds: Sequence[Any] = ()
    if context.state.host.may("read_history", instance):
        deeds, _ = entries(context.session, context.state.tables, instance.id, page=1, per_page=_LAST)
    return {
        "instance": instance,
        "view": view,
        "last": last,
        "deeds": deeds,
        "is_running": is_running,
        # A large store is not counted every other second.
        "counts": None if is_running or instance.status == DELETING else counts(context),
    }
