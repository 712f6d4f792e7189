"""Explanations as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..operations.explain.reasons import Explanation
from .text import encodable


def explanation_answer(subject: str, value: object, explained: Sequence[Explanation]) -> dict[str, Any]:
    """What was asked (``subject``: order, refund, variant or sku), and the reasons, each with the id that it is of."""
    reasons = [
        {
            "bigcommerce_id": each.bigcommerce_id,
            "code": reason.code,
            "message": encodable(reason.message),
            "action": reason.action,
            "rejected_id": reason.rejected_id,
            "link": reason.link and encodable(reason.link),
        }
        for each in explained
        for reason in each.reasons
    ]
    return {"asked": {subject: value}, "reasons": reasons}
