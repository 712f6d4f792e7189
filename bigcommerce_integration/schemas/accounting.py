"""What requests about accounting take."""

from __future__ import annotations

import re
from datetime import date
from typing import Any, ClassVar

from marshmallow import ValidationError

from ..accounting.document import KINDS, STATUSES
from ..operations.accounting.batches import STATUSES as BATCH_STATUSES
from ..resources.values import INT64_MAX
from . import fields
from .base import ObjectSchema
from .lists import ListQuery
from .query import PageQuery, QueryInteger, QueryText

_MONTH = re.compile(r"2[0-9]{3}-(0[1-9]|1[0-2])")
MOST_LINES = 500
"""How many lines of an order one return names."""
MOST_PIECES = 2**31 - 1


class QueryMonth(fields.StrictField):
    """A month as ``YYYY-MM``; given as its first day."""

    shape: ClassVar = {"type": "string", "pattern": f"^{_MONTH.pattern}$"}

    def read(self, value: Any) -> date:
        if not isinstance(value, str) or not _MONTH.fullmatch(value):
            raise ValidationError("Must be a month such as 2026-03.")
        return date.fromisoformat(f"{value}-01")


class DocumentFilters(ObjectSchema):
    """Which documents."""

    kind = fields.Choice("What they book.", KINDS)
    status = fields.Choice("Where they stand.", STATUSES)
    batch_period = QueryText("The period of the batch that they are in, such as 2026-03 or 2026-03-02.", longest=16)
    bigcommerce_order_id = QueryInteger("The order that they are about.", 1)


class DocumentsQuery(ListQuery, DocumentFilters):
    """What the list of documents takes."""


class BatchesQuery(PageQuery):
    """Which batches."""

    kind = fields.Choice("What they book.", KINDS)
    status = fields.Choice("Where they stand.", BATCH_STATUSES)
    batch_period = QueryText("Their period, such as 2026-03 or 2026-03-02.", longest=16)


class TieOutQuery(ObjectSchema):
    """Which month."""

    month = QueryMonth("The month, such as 2026-03.", required=True)


class ReturnLines(fields.StrictField):
    """What came back: lines of the order with their pieces, each line once. Given as pieces by the id of the line."""

    def read(self, value: Any) -> dict[int, int]:
        if not isinstance(value, list) or not 1 <= len(value) <= MOST_LINES:
            raise ValidationError(f"Must be a list of 1 to {MOST_LINES} lines.")
        errors = {place: [problem] for place, each in enumerate(value) if (problem := _problem(each)) is not None}
        if errors:
            raise ValidationError(errors)
        pieces = {each["line_id"]: each["quantity"] for each in value}
        if len(pieces) < len(value):
            raise ValidationError("Must not name a line twice.")
        return pieces

    def json_schema(self) -> dict[str, Any]:
        line = {
            "type": "object",
            "description": "Pieces of one line.",
            "properties": {
                "line_id": _number(INT64_MAX) | {"description": "The line of the order."},
                "quantity": _number(MOST_PIECES) | {"description": "How many pieces of it came back."},
            },
            "required": ["line_id", "quantity"],
            "additionalProperties": False,
        }
        return {"type": "array", "items": line, "minItems": 1, "maxItems": MOST_LINES}


def _number(most: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": 1, "maximum": most}


def _problem(line: Any) -> str | None:
    if not isinstance(line, dict) or set(line) != {"line_id", "quantity"}:
        return "Must be an object with line_id and quantity, and nothing else."
    for name, most in (("line_id", INT64_MAX), ("quantity", MOST_PIECES)):
        if type(line[name]) is not int or not 1 <= line[name] <= most:
            return f"{name} must be a whole number from 1 to {most}."
    return None


class NewReturn(ObjectSchema):
    """Goods that came back."""

    reference = fields.Name("What you call the return; unique within the instance.", required=True)
    received_at = fields.Day(
        "The day on which the goods arrived, in the store's time zone: tomorrow at the latest.", required=True
    )
    lines = ReturnLines("What came back.", required=True)
