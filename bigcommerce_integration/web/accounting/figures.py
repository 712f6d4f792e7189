"""What is not in the books yet, and a month's orders against their invoices."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from ...answers.accounting import summary_answer, tie_out_answer
from ...answers.files import file_answer
from ...operations.accounting.documents import is_read
from ...operations.accounting.exports import export_summary
from ...operations.accounting.summary import awaiting
from ...operations.accounting.tie_out import tie_out
from ...schemas.accounting import TieOutQuery
from ...schemas.base import ObjectSchema
from ...schemas.query import read_query
from ..http.access import authorize
from ..mirror.exports import authorize_export, exports
from ..openapi.operation import Operation, answer_of
from .documents import READ, TAG
from .schemas import AccountingSummary, AccountingTieOut


class NoFilters(ObjectSchema):
    """It takes none."""


@Operation(
    id="getAccountingSummary",
    tag=TAG,
    answers={200: answer_of(AccountingSummary, "The figures.")},
    step="instance",
)
def get_accounting_summary(instance_id: str) -> dict[str, Any]:
    """What is not in the host's books yet, by kind and why."""
    context = authorize(READ, instance_id)
    return {"data": summary_answer(awaiting(context), is_complete=is_read(context))}


@exports(
    "AccountingSummary",
    "What is not in the host's books yet",
    NoFilters,
    "kind,status,reasons\r\nsales_order_invoice,held,total_mismatch\r\n",
    tag=TAG,
)
def get_accounting_summary_export(instance_id: str) -> Response:
    """The same as a file."""
    context = authorize_export(instance_id, READ)
    read_query(request, NoFilters)
    return file_answer(export_summary(context))


@Operation(
    id="getAccountingTieOut",
    tag=TAG,
    description=(
        "Of the orders whose first invoice is of a day in the month: the sum of their totals, as they are stored now, "
        "and the sums of their invoices with all later adjustments, by status. An order that was changed since "
        "documents were last made differs until they are made anew."
    ),
    query=TieOutQuery,
    answers={200: answer_of(AccountingTieOut, "The sums.")},
    step="instance",
)
def get_accounting_tie_out(instance_id: str) -> dict[str, Any]:
    """A month's orders against their invoices, by currency."""
    context = authorize(READ, instance_id)
    first_day = read_query(request, TieOutQuery)["month"]
    return {"data": tie_out_answer(first_day, tie_out(context, first_day))}
