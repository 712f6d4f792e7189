"""Refreshes: one run that brings an instance's rows of one resource up to date."""

from __future__ import annotations

from typing import Any

from ...errors import RefreshCode
from ...models.refreshes import COUNTERS
from ...refresh.job.parameters import MODES
from ...resources.orders import ORDERS
from ...resources.registry import REGISTRY
from ..refreshes.request import FIELDS_OF, REQUIRED, RefreshRequest
from ..refreshes.views import STATUSES, RefreshQuery
from .operation import Answer, Operation, Subject
from .shapes import (
    COLLECTION_NAME,
    COUNT,
    DAY,
    ID,
    MOMENT,
    SECONDS,
    STRING,
    JSONSchema,
    data,
    list_of,
    meanings,
    nullable,
    numbered_page,
    one_of,
    record,
    ref,
    told,
)

_TAG = "Refreshes"

EXAMPLE: dict[str, Any] = {
    "id": 12,
    "resource": ORDERS.name,
    "mode": "date_range",
    "parameters": {"date_from": "2026-01-01", "date_to": "2026-01-31"},
    "requested_by": "ada",
    "status": "processing",
    "phase": "walk",
    "progress_percentage": 50,
    "message": "Reading orders: 500 of 1000.",
    "error_code": None,
    "results": {
        **dict.fromkeys(COUNTERS, 0),
        "fetched": 500,
        "created": 120,
        "updated": 3,
        "unchanged": 377,
        "requests": 4,
        "waited_s": 0.0,
        "total": 1000,
    },
    "records_per_s": 250.0,
    "eta_s": 2.0,
    "quota_left": 143,
    "created_at": "2026-02-01T12:00:00.000000Z",
    "started_at": "2026-02-01T12:00:00.250000Z",
    "finished_at": None,
}
_BEGUN = EXAMPLE | {
    "status": "pending",
    "phase": None,
    "progress_percentage": None,
    "message": None,
    "results": {**dict.fromkeys(COUNTERS, 0), "waited_s": 0.0, "total": None},
    "records_per_s": None,
    "eta_s": None,
    "quota_left": None,
    "started_at": None,
}
_CANCELLED = EXAMPLE | {"status": "cancelled", "eta_s": None, "finished_at": "2026-02-01T12:00:02.000000Z"}

_PARAMETERS = {
    "type": "object",
    "description": "What the mode was given.",
    "properties": {
        "date_from": DAY,
        "date_to": DAY,
        "ids": list_of(ID),
        "allow_mass_delete": {"const": True},
    },
    "additionalProperties": False,
}
_RESULTS = record(
    "Counts of records, but for notes, requests and seconds.",
    **dict.fromkeys(COUNTERS, COUNT)
    | {
        "notes": told(
            COUNT,
            "How many rows this refresh wrote with notes: of products, variants, orders and order lines. One that is "
            "written again counts again, one that did not change does not.",
        )
    },
    waited_s=told(SECONDS, "Seconds without work: for the store's quota or recovery, and until a retry."),
    total=nullable(COUNT, "How many the store said there are; null if it has not said."),
)
REFRESH = record(
    id=ID,
    resource=ref(COLLECTION_NAME),
    mode=one_of(MODES),
    parameters=_PARAMETERS,
    requested_by=nullable(STRING, "Who asked for it; null is the automatic sync."),
    status=one_of(STATUSES),
    phase=nullable(STRING, "What is being done."),
    progress_percentage=nullable(
        {"type": "integer", "minimum": 0, "maximum": 100}, "100 only once it is completed; null before the start."
    ),
    message=nullable(STRING, "What is being done, or what a person has to do."),
    error_code=nullable(
        one_of(RefreshCode),
        f"Why it has failed, for programs; null otherwise, and of refreshes of 0.1.0. {meanings(RefreshCode)}",
    ),
    results=ref("RefreshResults"),
    records_per_s=nullable(SECONDS, "Records a second while it works; waits are left out."),
    eta_s=nullable(SECONDS, "Seconds of reading that are left at that rate."),
    quota_left=nullable(COUNT, "What the store last said is left of its quota of requests."),
    created_at=MOMENT,
    started_at=nullable(MOMENT),
    finished_at=nullable(MOMENT),
)


def _request(mode: str, names: tuple[str, ...]) -> JSONSchema:
    """The body of one mode: ``RefreshRequest`` without the fields that belong to others."""
    fields: Any = RefreshRequest().fields
    return {
        "type": "object",
        "properties": {"mode": {"const": mode}} | {name: fields[name].json_schema() for name in names},
        # An incremental refresh is what a body without a mode asks for.
        "required": [*(() if mode == "incremental" else ("mode",)), *sorted(REQUIRED.intersection(names))],
        "additionalProperties": False,
    }


_REQUEST = {"anyOf": [_request(mode, names) for mode, names in FIELDS_OF.items()]}


def _begin(resource: str) -> Operation:
    return Operation(
        id=f"refresh{resource.capitalize()}",
        tag=_TAG,
        summary=f"Refresh the {resource}",
        description=(
            "Without a body an incremental refresh begins. `allow_mass_delete` goes with mode `full` only, `date_from` "
            "and `date_to` (whole days in the store's time zone, both included, not before the instance's start date) "
            "with `date_range`, `ids` with `ids`. One walk of a resource can be open at a time; a refresh of `ids` "
            "may run beside it."
        ),
        body=ref("RefreshRequest"),
        is_body_required=False,
        body_examples={
            "incremental": {"mode": "incremental"},
            "full": {"mode": "full", "allow_mass_delete": True},
            "days": {"mode": "date_range", "date_from": "2026-01-01", "date_to": "2026-01-31"},
            "ids": {"mode": "ids", "ids": [101, 102]},
        },
        answers={202: Answer("It has begun.", data(ref("Refresh")), {"data": _BEGUN}, headers={"Location": STRING})},
        refusals=(409,),
    )


SUBJECT = Subject(
    schemas={"RefreshRequest": _REQUEST, "RefreshResults": _RESULTS, "Refresh": REFRESH},
    operations={
        **{(f"/<instance_id>/{name}/refresh", "POST"): _begin(name) for name in REGISTRY.names},
        ("/<instance_id>/refreshes", "GET"): Operation(
            id="listRefreshes",
            tag=_TAG,
            summary="The refreshes of an instance, the newest first",
            query=RefreshQuery,
            answers={
                200: Answer(
                    "One page of them.",
                    numbered_page(ref("Refresh")),
                    {"data": [EXAMPLE], "pagination": {"page": 1, "per_page": 25, "total": 1, "pages": 1}},
                )
            },
        ),
        ("/<instance_id>/refreshes/<refresh_id>", "GET"): Operation(
            id="getRefresh",
            tag=_TAG,
            summary="How far a refresh is",
            answers={200: Answer("The refresh.", data(ref("Refresh")), {"data": EXAMPLE})},
        ),
        ("/<instance_id>/refreshes/<refresh_id>/cancel", "POST"): Operation(
            id="cancelRefresh",
            tag=_TAG,
            summary="Stop a refresh at its next page; what was stored stays",
            answers={
                200: Answer("It is cancelled.", data(ref("Refresh")), {"data": _CANCELLED}),
            },
            refusals=(409,),
        ),
        ("/<instance_id>/refreshes/<refresh_id>/retry", "POST"): Operation(
            id="retryRefresh",
            tag=_TAG,
            summary="Let a failed or cancelled refresh go on where it stopped",
            answers={
                202: Answer("It is open again.", data(ref("Refresh")), {"data": _BEGUN}, headers={"Location": STRING})
            },
            refusals=(409,),
        ),
    },
)
