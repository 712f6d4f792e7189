"""``/api/big-commerce/<id>/rejected``: which records were rejected, why, and what to do."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from sqlalchemy import Row

from ...answers.files import file_answer
from ...answers.text import shown
from ...errors import RejectionCode
from ...operations.exports.rejected import export_rejected
from ...operations.lists.rejected import MEND_AND_RETRY, list_rejected, retry_rejected, what_to_do
from ...resources.orders import ORDERS
from ...schemas.lists import RejectedFilters
from ...schemas.query import PageQuery, read_query
from ..http.access import authorize, parse_id
from ..http.page_answer import page_answer
from ..openapi.fields import AnswerSchema, Coded, Shown
from ..openapi.next_steps import FROM_REFRESH
from ..openapi.operation import LOCATION, RETRY_AFTER, Answered, Operation, answer_of, page_of
from ..openapi.shapes import BOOLEAN, COLLECTION, ID, MOMENT, STRING
from ..refreshes.schemas import BEGUN, Refresh
from ..refreshes.views import accepted
from .exports import authorize_export, exports

_TAG = "Rejected records"
_PERMITTED = (
    "But for `resource=products` the permission `read_orders` is needed too, and with payloads `read_person_data`."
)


class RejectedQuery(PageQuery, RejectedFilters):
    """What the list takes."""


class RejectedRecord(AnswerSchema):
    """A record that could not be stored."""

    id = Shown(ID, "Its id here.", 3)
    refresh_id = Shown(ID, "The refresh that rejected it.", 12)
    resource = Shown(COLLECTION, "The collection that it belongs to.", ORDERS.name)
    bigcommerce_id = Shown(ID, "Its id in the store; null where it has none that can be read.", 101, is_null=True)
    reason = Shown(STRING, "Why it was rejected.", "total_inc_tax is not a number")
    reason_code = Coded(
        RejectionCode, "The same for programs; null in records of 0.1.0.", "unreadable_field", is_null=True
    )
    what_to_do = Shown(STRING, "What a person has to do.", MEND_AND_RETRY)
    is_payload_cut = Shown(BOOLEAN, "Whether it was longer than what is kept of it, one mebibyte.", False)
    created_at = Shown(MOMENT, "When it was rejected.", "2026-02-01T12:00:00.000000Z")
    payload = Shown(STRING, "The record's text, given with include=payload.", is_null=True, is_optional=True)


@Operation(
    id="listRejected",
    tag=_TAG,
    description=_PERMITTED,
    query=RejectedQuery,
    answers={200: page_of(RejectedRecord)},
    step="instance",
)
def get_rejected(instance_id: str) -> dict[str, Any]:
    """What was rejected, why, and what to do; the newest first."""
    context = authorize("read", instance_id)
    query = read_query(request, RejectedQuery)
    with_payload = query.pop("include", None) is not None
    rows, total = list_rejected(context, with_payload=with_payload, **query)
    return page_answer([_record(row) for row in rows], total, query)


@exports("Rejected", "What was rejected", RejectedFilters, "id,refresh_id,resource\r\n3,12,orders\r\n", note=_PERMITTED)
def get_rejected_export(instance_id: str) -> Response:
    """Records that could not be stored, as a file."""
    context = authorize_export(instance_id, "read")
    query = read_query(request, RejectedFilters)
    with_payload = query.pop("include", None) is not None
    return file_answer(export_rejected(context, with_payload=with_payload, **query))


@Operation(
    id="retryRejected",
    tag=_TAG,
    description="422 says what to do about a record that has no id.",
    answers={
        202: answer_of(
            Refresh,
            "A refresh of this one record has begun.",
            headers=[LOCATION, RETRY_AFTER],
            example=BEGUN | {"mode": "ids", "parameters": {"ids": [101]}},
        )
    },
    refusals=(422,),
    leads_to=FROM_REFRESH,
)
def post_rejected_retry(instance_id: str, rejected_id: str) -> Answered:
    """Fetch a rejected record again by its id."""
    context = authorize("refresh", instance_id)
    return accepted(context, retry_rejected(context, parse_id(rejected_id)))


def _record(row: Row[Any]) -> dict[str, Any]:
    answer = shown(row, "id", "refresh_id", "resource", "bigcommerce_id", "reason", "reason_code")
    answer |= shown(row, "is_payload_cut", "created_at")
    answer["what_to_do"] = what_to_do(row.bigcommerce_id, row.reason_code)
    if "payload" in row._mapping:
        answer["payload"] = None if row.payload is None else bytes(row.payload).decode("utf-8", "replace")
    return answer
