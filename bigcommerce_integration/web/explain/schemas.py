"""What an explanation says."""

from __future__ import annotations

from ...operations.explain.reasons import ReasonCode
from ..openapi.shapes import ID, STRING, AnswerSchema, Coded, Part, Shown


class ExplainedReason(AnswerSchema):
    """One reason."""

    bigcommerce_id = Shown(ID, "What it is about; null where nothing here has the SKU.", 101, is_null=True)
    code = Coded(ReasonCode, "The reason for programs; later versions may add some.", "before_start_date")
    message = Shown(
        STRING,
        "The reason for people.",
        "The order was created on 2025-12-31T20:00:00.000000Z, before the start date, 2026-01-01, which begins there "
        "at 2026-01-01T05:00:00.000000Z.",
    )


class ExplainedThing(AnswerSchema):
    """What was given; one of these."""

    order = Shown(ID, "The id of the order.", 101, is_optional=True)
    variant = Shown(ID, "The id of the variant.", is_optional=True)
    sku = Shown(STRING, "The SKU.", is_optional=True)


class Explanation(AnswerSchema):
    """Why an order is not here, or a variant not linked."""

    asked = Part(ExplainedThing, "What was asked about.", minProperties=1)
    reasons = Part(ExplainedReason, "The surest first.", many=True, minItems=1)
