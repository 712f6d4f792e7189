"""Products of the host for variants that have none: what would come of it is shown first, and then a worker does it."""

from __future__ import annotations

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from ....errors import Invalid
from ....operations.context import RequestContext
from ....operations.creation.job import create_products
from ....operations.creation.preview import Verdict, preview
from ....operations.creation.selection import ACTION, Selection
from ....schemas.lists import VariantFilters
from ... import login
from ...forms import read_filters
from ...render import render
from .many import numbers

_SHOWN = 100
"""How many variants the preview names."""


def get_creation(instance_id: int) -> Response:
    """What would come of it for the variants that were chosen, or for those that pass the filters."""
    return _page(login.authorize(ACTION, instance_id))


def post_creation(instance_id: int) -> ResponseReturnValue:
    """Let a worker make the products."""
    context = login.authorize(ACTION, instance_id)
    try:
        started = create_products(context, _selection())
    except Invalid as refusal:
        return _page(context, status=422, problems=[each for found in refusal.errors.values() for each in found])
    return redirect(url_for(".get_refresh", instance_id=instance_id, refresh_id=started.row.id, done="creating"), 303)


def _selection() -> Selection:
    """The variants that are chosen in the address, or all that pass its filters."""
    if "ids" in request.args:
        return Selection(ids=numbers(request.args.getlist("ids")))
    return Selection(filters=read_filters(VariantFilters()))


def _page(context: RequestContext, *, status: int = 200, problems: list[str] | None = None) -> Response:
    found = preview(context, _selection())
    return render(
        "create.html",
        status=status,
        instance=context.instance,
        total=found.total,
        looked_at=len(found.planned),
        counts=[(each, found.counts[each]) for each in Verdict if found.counts.get(each)],
        creates=found.counts.get(Verdict.CREATE, 0) + found.counts.get(Verdict.LINK, 0),
        planned=found.planned[:_SHOWN],
        problems=problems or [],
    )
