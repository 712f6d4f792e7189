"""Records that could not be stored, why, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Row

from ....errors import Forbidden, RejectionCode
from ....operations.context import RequestContext
from ....operations.lists.rejected import find_rejected, rejected_after, retry_rejected, what_to_do
from ....schemas.lists import ListQuery, RejectedFilters
from ... import login
from ...forms import read_filters
from ...render import render


class RejectedPage(ListQuery, RejectedFilters):
    """What the page takes."""


def get_rejected(instance_id: int) -> Response:
    """The newest first."""
    context = login.authorize("read", instance_id)
    rows, cursor = rejected_after(context, read_filters(RejectedPage(exclude=("include", "changed_after"))))
    return render(
        "rejected.html",
        instance=context.instance,
        rows=rows,
        next_page=cursor,
        collections=context.state.tables.registry.names,
        codes=list(RejectionCode),
        name_of=_name_of(context),
    )


def get_rejected_record(instance_id: int, rejected_id: int) -> Response:
    """One of them, with what the store sent for who may see that."""
    context = login.authorize("read", instance_id)
    row = _with_payload(context, login.checked_id(rejected_id))
    payload = row._mapping.get("payload")
    return render(
        "rejected_record.html",
        instance=context.instance,
        row=row,
        name_of=_name_of(context),
        payload=None if payload is None else bytes(payload).decode("utf-8", "replace"),
        to_do=what_to_do(row.bigcommerce_id, row.reason_code),
    )


def _name_of(context: RequestContext) -> Callable[[Row[Any]], str]:
    """What a rejected record is called, such as "Order 1234"."""

    def name(row: Row[Any]) -> str:
        noun = context.state.tables.registry[row.resource].noun.capitalize()
        return f"{noun} {'without a number' if row.bigcommerce_id is None else row.bigcommerce_id}"

    return name


def _with_payload(context: RequestContext, rejected_id: int) -> Row[Any]:
    try:
        return find_rejected(context, rejected_id, with_payload=True)
    except Forbidden:
        return find_rejected(context, rejected_id, with_payload=False)


def post_rejected_retry(instance_id: int, rejected_id: int) -> ResponseReturnValue:
    """Fetch it again by its id."""
    context = login.authorize("refresh", instance_id)
    started = retry_rejected(context, login.checked_id(rejected_id))
    return redirect(url_for(".get_refresh", instance_id=instance_id, refresh_id=started.row.id, done="started"), 303)
