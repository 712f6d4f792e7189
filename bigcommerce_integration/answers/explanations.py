"""Explanations as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..operations.explain.reasons import Explanation
from .text import shown


def explanation_answer(subject: str, value: object, explained: Sequence[Explanation]) -> dict[str, Any]:
    """What was asked (``subject``: order, refund, variant or sku), and the reasons, each with the id that it is of."""
    reasons = [
        {"bigcommerce_id": each.bigcommerce_id, **shown(reason, "code", "message", "action", "rejected_id", "link")}
        for each in explained
        for reason in each.reasons
    ]
    return {"asked": {subject: value}, "reasons": reasons}
