"""The stores, worst first."""

from __future__ import annotations

from flask import Response

from ...operations.findings.finding import SEVERITIES, rank, worst_first
from ...operations.instances.views import InstanceView, list_instances
from .. import login
from ..render import render

_ALL = 10_000
"""A tenant has few stores: all stand on one page, so that the worst is first."""


def get_stores() -> Response:
    """The stores that the caller may read, with what needs a person."""
    views, _ = list_instances(login.caller(), page=1, per_page=_ALL)
    shared = {each for view in views for each in view.findings if each.instance_id is None}
    return render("stores.html", views=sorted(views, key=_rank), shared=worst_first(shared))


def _rank(view: InstanceView) -> tuple[int, int, str]:
    """Those that need a person first, by how much, then those that mend themselves."""
    own = [each for each in view.findings if each.instance_id is not None]
    severity = min((SEVERITIES.index(each.severity) for each in own), default=len(SEVERITIES))
    worst = min((rank(each) for each in own if SEVERITIES.index(each.severity) == severity), default=0)
    return severity, worst, view.instance.name.casefold()
