"""What an explanation says."""

from __future__ import annotations

from ...operations.explain.reasons import ReasonCode
from ...operations.findings.finding import Action
from ..openapi.fields import AnswerSchema, Coded, Part, Shown
from ..openapi.shapes import ID, STRING


class ExplainedReason(AnswerSchema):
    """One reason."""

    bigcommerce_id = Shown(ID, "What it is about; null where nothing here has the SKU.", 101, is_null=True)
    code = Coded(ReasonCode, "The reason for programs; later versions may add some.", "before_start_date")
    message = Shown(
        STRING,
        "The reason for people.",
        "It is in the store, placed 22 Oct 2025, before your first day 26 Nov 2025, so it was left out on purpose.",
    )
    action = Coded(Action, "What a person can do about it.", Action.OPEN_SETTINGS)
    rejected_id = Shown(ID, "The rejected record that can be tried again; null if it is about none.", is_null=True)
    link = Shown(STRING, "The host's own page about what is here or linked; null if it has none.", is_null=True)


class ExplainedThing(AnswerSchema):
    """What was given; one of these."""

    order = Shown(ID, "The id of the order.", 101, is_optional=True)
    refund = Shown(ID, "The id of the refund.", is_optional=True)
    variant = Shown(ID, "The id of the variant.", is_optional=True)
    sku = Shown(STRING, "The SKU.", is_optional=True)


class Explanation(AnswerSchema):
    """Why an order or refund is not here, or a variant not linked."""

    asked = Part(ExplainedThing, "What was asked about.", minProperties=1)
    reasons = Part(ExplainedReason, "The surest first.", many=True, minItems=1)
