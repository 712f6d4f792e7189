"""Records that could not be stored."""

from __future__ import annotations

from typing import Any

from ...errors import RejectionCode
from ...operations.lists.rejected import MEND_AND_RETRY
from ...resources.orders import ORDERS
from ..mirror.rejected import RejectedQuery
from . import of_refreshes
from .operation import Answer, Operation, Subject
from .shapes import (
    BOOLEAN,
    COLLECTION_NAME,
    ID,
    MOMENT,
    STRING,
    data,
    meanings,
    nullable,
    numbered_page,
    one_of,
    record,
    ref,
    told,
    with_optional,
)

_TAG = "Rejected records"
_EXAMPLE: dict[str, Any] = {
    "id": 3,
    "refresh_id": 12,
    "resource": ORDERS.name,
    "bigcommerce_id": 101,
    "reason": "status_id is no whole number.",
    "reason_code": "unreadable_field",
    "what_to_do": MEND_AND_RETRY,
    "is_payload_cut": False,
    "created_at": "2026-02-01T12:00:00.000000Z",
}
_RECORD = with_optional(
    record(
        id=ID,
        refresh_id=ID,
        resource=ref(COLLECTION_NAME),
        bigcommerce_id=nullable(ID, "Null where the record has no readable id."),
        reason=STRING,
        reason_code=nullable(
            one_of(RejectionCode), f"The same for programs; null in records of 0.1.0. {meanings(RejectionCode)}"
        ),
        what_to_do=STRING,
        is_payload_cut=told(BOOLEAN, "Whether the payload was longer than what is kept of it, one mebibyte."),
        created_at=MOMENT,
    ),
    payload=nullable(STRING, "The record's text, given with include=payload."),
)

SUBJECT = Subject(
    schemas={"RejectedRecord": _RECORD},
    operations={
        ("/<instance_id>/rejected", "GET"): Operation(
            id="listRejected",
            tag=_TAG,
            summary="What was set aside, why, and what to do; the newest first",
            description=(
                "But for `resource=products` the permission `read_orders` is needed too, and with payloads "
                "`read_person_data`."
            ),
            query=RejectedQuery,
            answers={
                200: Answer(
                    "One page of them.",
                    numbered_page(ref("RejectedRecord")),
                    {"data": [_EXAMPLE], "pagination": {"page": 1, "per_page": 25, "total": 1, "pages": 1}},
                )
            },
        ),
        ("/<instance_id>/rejected/<rejected_id>/retry", "POST"): Operation(
            id="retryRejected",
            tag=_TAG,
            summary="Fetch a rejected record again by its id",
            description="422 says what to do about a record that has no id.",
            answers={
                202: Answer(
                    "A refresh of this one record has begun.",
                    data(ref("Refresh")),
                    {"data": of_refreshes.EXAMPLE | {"mode": "ids", "parameters": {"ids": [101]}}},
                    headers={"Location": STRING},
                )
            },
            refusals=(422,),
        ),
    },
)
