"""Why an order is not here, or a variant not linked."""

from __future__ import annotations

from ...operations.explain.reasons import ReasonCode
from ..explain.views import ExplainQuery
from .operation import Answer, Operation, Subject
from .shapes import ID, STRING, data, list_of, meanings, nullable, one_of, record, ref, told

_EXAMPLE = {
    "asked": {"order": 101},
    "reasons": [
        {
            "bigcommerce_id": 101,
            "code": "before_start_date",
            "message": (
                "The order was created on 2025-12-31T20:00:00.000000Z, before the start date, 2026-01-01, which begins "
                "there at 2026-01-01T05:00:00.000000Z."
            ),
        }
    ],
}
_REASON = record(
    bigcommerce_id=nullable(ID, "What it is about; null where nothing here has the SKU."),
    code=told(one_of(ReasonCode), f"The same for programs; later versions may add some. {meanings(ReasonCode)}"),
    message=STRING,
)
_EXPLANATION = record(
    asked={
        "type": "object",
        "properties": {"order": ID, "variant": ID, "sku": STRING},
        "additionalProperties": False,
        "minProperties": 1,
    },
    reasons={**list_of(_REASON), "minItems": 1, "description": "The surest first."},
)

SUBJECT = Subject(
    schemas={"Explanation": _EXPLANATION},
    operations={
        ("/<instance_id>/explain", "GET"): Operation(
            id="explain",
            tag="Mirror",
            summary="Why an order is not here, or a variant not linked",
            description=(
                "Give exactly one of `order`, `variant` (BigCommerce ids) and `sku`. With `ask_store=true` the store "
                "is asked too, for five seconds at most. Needs `read`; about an order `read_orders` too, and to ask "
                "the store `check` too."
            ),
            query=ExplainQuery,
            answers={200: Answer("The reasons.", data(ref("Explanation")), {"data": _EXAMPLE})},
        ),
    },
)
