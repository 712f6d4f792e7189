"""The batches of goods documents, and one of them."""

from __future__ import annotations

from flask import Response, redirect, url_for
from flask.typing import ResponseReturnValue

from ....accounting.document import GOODS
from ....errors import Conflict
from ....operations.accounting import batches, decisions
from ....operations.context import RequestContext
from ....schemas.accounting import BatchesQuery
from ... import login
from ...forms import read_filters
from ...render import render
from .overview import POST, READ


def get_accounting_batches(instance_id: int) -> Response:
    """The newest first."""
    context = login.authorize(READ, instance_id)
    query = read_filters(BatchesQuery())
    views, total = batches.list_batches(context, **query)
    return render(
        "accounting_batches.html",
        instance=context.instance,
        views=views,
        total=total,
        page=query["page"],
        per_page=query["per_page"],
        kinds=GOODS,
        statuses=batches.STATUSES,
    )


def get_accounting_batch(instance_id: int, number: int) -> Response:
    """One batch with its lines."""
    return _page(login.authorize(READ, instance_id), number)


def post_accounting_batch_retry(instance_id: int, number: int) -> ResponseReturnValue:
    """Hand it over again."""
    context = login.authorize(POST, instance_id)
    try:
        decisions.retry_batch(context, login.checked_id(number))
    except Conflict as refusal:
        return _page(context, number, status=409, problem=refusal.message)
    address = url_for(".get_accounting_batch", instance_id=instance_id, number=number, done="posting_retried")
    return redirect(address, 303)


def _page(context: RequestContext, number: int, *, status: int = 200, problem: str | None = None) -> Response:
    context.require(READ)
    view = batches.find_batch(context, login.checked_id(number))
    return render(
        "accounting_batch.html",
        status=status,
        instance=context.instance,
        view=view,
        problem=problem,
        can_retry=view.row.status == "failed" or (view.row.status == "pending" and view.row.tries > 0),
    )
