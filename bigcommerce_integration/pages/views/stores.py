"""The stores, worst first."""

from __future__ import annotations

from flask import Response

from ...operations.instances.views import InstanceView, list_instances
from .. import login
from ..render import render

_ALL = 10_000
"""A tenant has few stores: all stand on one page, so that the worst is first."""


def get_stores() -> Response:
    """The stores that the caller may read, with what needs a person."""
    views, _ = list_instances(login.caller(), page=1, per_page=_ALL)
    return render("stores.html", views=sorted(views, key=_rank))


def _rank(view: InstanceView) -> tuple[bool, str]:
    return view.instance.status == "active", view.instance.name.casefold()
