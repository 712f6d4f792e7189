"""Checks: what a store answers, before it is connected and afterwards."""

from __future__ import annotations

from typing import Any

from ...resources.orders import ORDERS
from ...resources.products import PRODUCTS
from ..schemas import NewInstance
from . import of_health, of_instances
from .operation import Answer, Operation, Subject
from .shapes import BOOLEAN, COUNT, INTEGER, SECONDS, STRING, list_of, nullable, record, ref, told

_TAG = "Checks"
_ABOUT = "Asks the store for 5 seconds at most and saves nothing. What could not be found out is null, with a reason."

CHECK = record(
    is_ready=told(BOOLEAN, "Whether a refresh would have all that it needs."),
    message=nullable(STRING, "Why the store could not be asked at all; then everything else is null."),
    is_token_accepted=nullable(BOOLEAN),
    is_store_hash_right=nullable(BOOLEAN),
    missing_scopes=told(list_of(STRING), "Those that are known to be missing, by BigCommerce's names."),
    store_name=nullable(STRING),
    plan=nullable(STRING),
    currency=nullable(STRING),
    timezone=nullable(STRING),
    clock_skew_s=nullable(INTEGER, "How many seconds the store's clock is ahead, give or take one."),
    quota=nullable(
        record(limit=nullable(COUNT), left=nullable(COUNT), window_s=nullable(SECONDS), resets_in_s=nullable(SECONDS))
    ),
    products=nullable(COUNT, "How many an initial refresh would bring."),
    orders=nullable(COUNT, "How many an initial refresh would bring."),
    reasons=told({"type": "object", "additionalProperties": STRING}, "Why something is null or false, by its name."),
)
EXAMPLE: dict[str, Any] = {
    "is_ready": False,
    "message": None,
    "is_token_accepted": True,
    "is_store_hash_right": True,
    "missing_scopes": ["store_v2_orders_read_only"],
    "store_name": "Main shop",
    "plan": "Pro",
    "currency": "USD",
    "timezone": "America/Chicago",
    "clock_skew_s": 0,
    "quota": {"limit": 150, "left": 146, "window_s": 30.0, "resets_in_s": 12.5},
    PRODUCTS.name: 1200,
    ORDERS.name: None,
    "reasons": {ORDERS.name: "BigCommerce store abc123 answered 403 for the number of orders: …"},
}
_ANSWER = Answer(
    "What was found out.",
    record(data=ref("Check"), warnings=of_health.WARNINGS),
    {"data": EXAMPLE, "warnings": [of_health.WARNING_EXAMPLE]},
)

SUBJECT = Subject(
    schemas={"Check": CHECK},
    operations={
        ("/check", "POST"): Operation(
            id="checkNewInstance",
            tag=_TAG,
            summary="Check a store before it is connected",
            description=f"Takes the body of a create, and refuses it likewise, but for a name that is taken. {_ABOUT}",
            body=NewInstance,
            body_examples={"all settings": of_instances.BODY},
            answers={200: _ANSWER},
        ),
        ("/<instance_id>/check", "POST"): Operation(
            id="checkInstance",
            tag=_TAG,
            summary="Check a connected store",
            description=_ABOUT,
            answers={200: _ANSWER},
        ),
    },
)
