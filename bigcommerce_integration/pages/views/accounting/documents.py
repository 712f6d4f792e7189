"""The documents, the newest first, and one of them with its lines and what a person may do."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from ....accounting.document import KINDS, STATUSES
from ....answers.files import file_answer
from ....errors import Conflict, VersionMismatch
from ....operations.accounting import decisions, documents
from ....operations.accounting.documents import DocumentView
from ....operations.accounting.exports import export_documents
from ....operations.context import RequestContext
from ....operations.links.your_products import your_products
from ....operations.lists.paging import page_after
from ....schemas.accounting import DocumentFilters, DocumentsQuery
from ... import login
from ...forms import read_filters
from ...render import render
from .overview import POST, READ

_NOTHING = Decimal(0)


def get_accounting_documents(instance_id: int) -> Response:
    """The documents that pass the filters in the address."""
    context = login.authorize(READ, instance_id)
    query = read_filters(DocumentsQuery())
    wanted = documents.wanted(context, query, is_descending=True)
    table = context.state.tables.accounting_documents
    columns = [*documents.shown_columns(context), table.c.tries, table.c.next_try_at]
    rows, cursor = page_after(context, wanted, columns, query)
    return render(
        "accounting_documents.html",
        instance=context.instance,
        rows=list(zip(rows, documents.why_of(context, rows), strict=True)),
        next_page=cursor,
        kinds=KINDS,
        statuses=STATUSES,
    )


def get_accounting_documents_file(instance_id: int) -> Response:
    """The documents with their lines, with the filters of the page."""
    context = login.authorize("export", instance_id)
    context.require(READ)
    return file_answer(export_documents(context, read_filters(DocumentFilters())))


def get_accounting_document(instance_id: int, number: int) -> Response:
    """One document."""
    return _page(login.authorize(READ, instance_id), number)


def post_accounting_release(instance_id: int, number: int) -> ResponseReturnValue:
    """Release it in the version that the person has seen."""
    context = login.authorize(POST, instance_id)
    seen = request.form.get("version", "")
    try:
        decisions.release_document(context, login.checked_id(number), {seen})
    except VersionMismatch:
        text = "It was changed since you opened this page, and nothing was released. Look at it as it is now."
        return _page(context, number, status=409, problem=text)
    except Conflict as refusal:
        return _page(context, number, status=409, problem=refusal.message)
    return _shown(context, number, "released")


def post_accounting_retry(instance_id: int, number: int) -> ResponseReturnValue:
    """Hand it over again."""
    context = login.authorize(POST, instance_id)
    try:
        decisions.retry_document(context, login.checked_id(number))
    except Conflict as refusal:
        return _page(context, number, status=409, problem=refusal.message)
    return _shown(context, number, "posting_retried")


def _shown(context: RequestContext, number: int, done: str) -> ResponseReturnValue:
    address = url_for(".get_accounting_document", instance_id=context.instance.id, number=number, done=done)
    return redirect(address, 303)


def _page(context: RequestContext, number: int, *, status: int = 200, problem: str | None = None) -> Response:
    context.require(READ)
    view = documents.find_document(context, login.checked_id(number), with_order=True)
    return render(
        "accounting_document.html",
        status=status,
        instance=context.instance,
        view=view,
        problem=problem,
        sums=_sums(view),
        can_retry=_can_retry(view),
        your_products=your_products(context, (line.host_product_id for line in view.lines)),
    )


def _sums(view: DocumentView) -> dict[str, Decimal | None]:
    """What debits and credits add up to; None where an amount is missing."""
    return {side: _sum(view, side) for side in ("debit", "credit")}


def _sum(view: DocumentView, side: str) -> Decimal | None:
    amounts = [line.amount for line in view.lines if line.side == side]
    known: list[Any] = [each for each in amounts if each is not None]
    return sum(known, _NOTHING) if len(known) == len(amounts) else None


def _can_retry(view: DocumentView) -> bool:
    """Whether the host has not taken it when it was called."""
    row = view.row
    return row.batch_number is None and (row.status == "failed" or (row.status == "pending" and row.tries > 0))
