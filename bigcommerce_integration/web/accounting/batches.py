"""``/api/big-commerce/<id>/accounting-batches``: goods documents that are handed over together."""

from __future__ import annotations

from typing import Any

from flask import request

from ...answers.accounting import batch_answer
from ...operations.accounting import batches
from ...schemas.accounting import BatchesQuery
from ...schemas.query import read_query
from ..http.access import authorize, parse_id
from ..http.page_answer import page_answer
from ..openapi.next_steps import FROM_BATCH
from ..openapi.operation import Operation, answer_of, page_of
from .documents import READ, TAG
from .schemas import AccountingBatch


@Operation(
    id="listAccountingBatches",
    tag=TAG,
    query=BatchesQuery,
    answers={200: page_of(AccountingBatch)},
    step="instance",
)
def get_accounting_batches(instance_id: str) -> dict[str, Any]:
    """The batches of goods documents, the newest first."""
    context = authorize(READ, instance_id)
    query = read_query(request, BatchesQuery)
    views, total = batches.list_batches(context, **query)
    return page_answer([batch_answer(view) for view in views], total, query)


@Operation(
    id="getAccountingBatch",
    tag=TAG,
    description="Its documents are those of `GET …/accounting-documents?batch_period=…` with its number.",
    answers={200: answer_of(AccountingBatch, "The batch.")},
    step="batch",
    leads_to=FROM_BATCH,
)
def get_accounting_batch(instance_id: str, number: str) -> dict[str, Any]:
    """One batch with its lines."""
    return {"data": batch_answer(batches.find_batch(authorize(READ, instance_id), parse_id(number)))}
