"""What a person decides: release and retry, and goods that came back."""

from __future__ import annotations

from typing import Any

from flask import request

from ...answers.accounting import batch_answer, return_answer
from ...operations.accounting import decisions
from ...schemas.accounting import NewReturn
from ..http.access import authorize, parse_id
from ..http.body import read_body
from ..instances.bodies import read_if_match
from ..openapi.next_steps import FROM_BATCH, FROM_DOCUMENT
from ..openapi.operation import Answered, Operation, answer_of
from .documents import ETAG, TAG, answered
from .schemas import AccountingBatch, AccountingDocumentWithLines, Return

POST = "post_accounting"
_IF_MATCH = ("If-Match", "The ETag of the version that was seen and is released.")


@Operation(
    id="releaseAccountingDocument",
    tag=TAG,
    description=(
        "A worker then hands it over as it is. The release holds for the version that was seen: if the order changes "
        "before that, the document is held anew. Without `If-Match` it is a 428."
    ),
    required_headers={_IF_MATCH: {"type": "string", "pattern": '^"[0-9a-f]{64}"$'}},
    answers={200: answer_of(AccountingDocumentWithLines, "The document, no longer held.", headers=[ETAG])},
    refusals=(409, 412, 428),
    step="release",
    leads_to=FROM_DOCUMENT,
)
def post_accounting_release(instance_id: str, number: str) -> Answered:
    """Release a document that is held."""
    context = authorize(POST, instance_id)
    return answered(decisions.release_document(context, parse_id(number), read_if_match(request)))


@Operation(
    id="retryAccountingDocument",
    tag=TAG,
    description="Also one that would be tried again later: it is tried as soon as a worker has time.",
    answers={200: answer_of(AccountingDocumentWithLines, "The document, to be handed over.", headers=[ETAG])},
    refusals=(409,),
    step="document",
    leads_to=FROM_DOCUMENT,
)
def post_accounting_retry(instance_id: str, number: str) -> Answered:
    """Hand over a document again that the host did not take."""
    context = authorize(POST, instance_id)
    return answered(decisions.retry_document(context, parse_id(number)))


@Operation(
    id="retryAccountingBatch",
    tag=TAG,
    description="Also one that would be tried again later: it is tried as soon as a worker has time.",
    answers={200: answer_of(AccountingBatch, "The batch, to be handed over.")},
    refusals=(409,),
    step="batch",
    leads_to=FROM_BATCH,
)
def post_accounting_batch_retry(instance_id: str, number: str) -> dict[str, Any]:
    """Hand over a batch again that the host did not take."""
    return {"data": batch_answer(decisions.retry_batch(authorize(POST, instance_id), parse_id(number)))}


@Operation(
    id="recordReturn",
    tag=TAG,
    description=(
        "A refund does not say that goods came back; this does. Its document is the reverse of the fulfilment, at the "
        "cost that was booked. The same `reference` again is the same return: it is answered as it is stored, and with "
        "other contents refused."
    ),
    body=NewReturn,
    body_examples={
        "one piece": {"reference": "RMA-7", "received_at": "2026-03-09", "lines": [{"line_id": 11, "quantity": 1}]}
    },
    answers={
        200: answer_of(Return, "It was reported before."),
        201: answer_of(Return, "It is noted."),
    },
    refusals=(409,),
)
def post_return(instance_id: str, bigcommerce_id: str) -> tuple[dict[str, Any], int]:
    """Report goods that came back."""
    context = authorize(POST, instance_id)
    order_id = parse_id(bigcommerce_id)
    body = read_body(request, NewReturn())
    recorded = decisions.record_return(context, order_id, body["reference"], body["received_at"], body["lines"])
    return {"data": return_answer(recorded.row, recorded.quantities)}, 201 if recorded.is_new else 200
