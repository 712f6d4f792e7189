"""The health of an instance, as every answer that shows one tells it."""

from __future__ import annotations

from typing import Any

from ...errors import RefreshCode
from ...operations.warnings import CODES
from ...resources.registry import REGISTRY
from ..refreshes.views import STATUSES
from .shapes import COUNT, ID, MOMENT, SECONDS, STRING, JSONSchema, list_of, nullable, one_of, record, ref, told

WARNINGS = told(list_of(ref("Warning")), "What is legal, but probably not meant.")
WARNING_EXAMPLE = {
    "field": "integration_settings.store_hash",
    "code": "store_connected_twice",
    "message": "This store is also connected as 'Old shop' (instance 2): whoever adds up sales counts its orders more "
    "than once.",
}
_PERCENTAGE: JSONSchema = {"type": "integer", "minimum": 0, "maximum": 100}
_OPEN = record("The open walk.", id=ID, status=one_of(STATUSES), progress_percentage=nullable(_PERCENTAGE))
_FAILURE = record(
    "The last refresh that failed.",
    id=ID,
    message=nullable(STRING),
    error_code=nullable(one_of(RefreshCode)),
    finished_at=nullable(MOMENT),
)
_LEFT_OUT = record(
    "Records that killed workers or met an error that nobody expected: not stored, and tried again by themselves.",
    count=COUNT,
    message=STRING,
)
_STANDING = record(
    last_success_at=nullable(MOMENT, "When a refresh that is not of some days or ids alone was last completed."),
    age_s=nullable(SECONDS, "Seconds since then."),
    watermark=nullable(MOMENT, "What the store changed before is mirrored."),
    next_refresh_at=nullable(MOMENT, "The next automatic one; null if there is none, or a walk is open."),
    conflicts=nullable(COUNT, "Variants that the last of them left unlinked with a reason; null before the first."),
    refused=nullable(COUNT, "Products that the host would not make in it."),
    open_refresh=nullable(_OPEN),
    left_out=nullable(_LEFT_OUT),
    trouble=nullable(STRING, "What ended the last tries of the open walk; it tries again by itself."),
    last_failure=nullable(_FAILURE),
)
SCHEMAS: dict[str, JSONSchema] = {
    "Standing": _STANDING,
    "Warning": record(
        field=told(STRING, "The dotted path of the setting that it is about."),
        code=told(one_of(CODES), "What it is, for programs."),
        message=told(STRING, "What it is, for people."),
    ),
    "Health": record(
        **dict.fromkeys(REGISTRY.names, ref("Standing")),
        last_worker_tick_at=nullable(MOMENT),
        warnings=WARNINGS,
    ),
}
_EXAMPLE: dict[str, Any] = {
    "last_success_at": "2026-02-01T11:55:00.000000Z",
    "age_s": 300.5,
    "watermark": "2026-02-01T11:54:58.000000Z",
    "next_refresh_at": None,
    "conflicts": 2,
    "refused": 0,
    "open_refresh": {"id": 12, "status": "processing", "progress_percentage": 50},
    "left_out": None,
    "trouble": None,
    "last_failure": None,
}
EXAMPLE: dict[str, Any] = {
    **dict.fromkeys(REGISTRY.names, _EXAMPLE),
    "last_worker_tick_at": "2026-02-01T12:00:00.000000Z",
    "warnings": [],
}
