"""``/api/big-commerce/<id>/rejected``: which records were rejected, why, and what to do."""

from __future__ import annotations

from typing import Any

from flask import request
from sqlalchemy import Row

from ...errors import RejectionCode
from ...models.types import moment_text
from ...operations.lists.rejected import list_rejected, retry_rejected, what_to_do
from .. import fields
from ..http.access import authorize, parse_id
from ..http.page_answer import page_answer
from ..http.query_args import page, per_page, read_query
from ..refreshes.views import Answer, accepted
from ..schemas import ObjectSchema


class RejectedQuery(ObjectSchema):
    """The filters, and whether to show payloads."""

    page = page()
    per_page = per_page()
    resource = fields.CollectionName()
    reason_code = fields.Choice(*RejectionCode)
    include = fields.Choice("payload")


def get_rejected(instance_id: str) -> dict[str, Any]:
    """Records that could not be stored, the newest first."""
    context = authorize("read", instance_id)
    query = read_query(request, RejectedQuery())
    with_payload = query.pop("include", None) is not None
    rows, total = list_rejected(context, with_payload=with_payload, **query)
    data = [_record(row) for row in rows]
    return {"data": data, **page_answer(page=query["page"], per_page=query["per_page"], total=total)}


def post_rejected_retry(instance_id: str, rejected_id: str) -> Answer:
    """Fetch one again by its id."""
    context = authorize("refresh", instance_id)
    return accepted(context, retry_rejected(context, parse_id(rejected_id)))


def _record(row: Row[Any]) -> dict[str, Any]:
    answer = {
        "id": row.id,
        "refresh_id": row.refresh_id,
        "resource": row.resource,
        "bigcommerce_id": row.bigcommerce_id,
        "reason": row.reason,
        "reason_code": row.reason_code,
        "what_to_do": what_to_do(row.bigcommerce_id, row.reason_code),
        "is_payload_cut": row.is_payload_cut,
        "created_at": moment_text(row.created_at),
    }
    if "payload" in row._mapping:
        answer["payload"] = None if row.payload is None else bytes(row.payload).decode("utf-8", "replace")
    return answer
