"""The query string, strict as the body: what is unknown, given twice or misspelt is refused, all mistakes at once."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, ClassVar

from flask import Request
from marshmallow import Schema, ValidationError

from ..models.types import NAME_LENGTH
from ..resources.values import INT64_MAX, INT64_MIN
from . import fields
from .base import ObjectSchema, load

LARGEST_PAGE = 100
_INTEGER = re.compile(r"-?[0-9]{1,19}")
# As RFC 3339 writes them, in years that an offset does not carry out of the calendar.
_MOMENT = re.compile(
    r"[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)


# Once for each class: marshmallow copies every field whenever a schema is made.
_made = lru_cache(maxsize=None)(lambda kind: kind())


def read_query(request: Request, kind: type[Schema]) -> dict[str, Any]:
    """The parameters by name, as a schema of this class has them; ``Invalid`` with every bad one, by its name."""
    given = request.args.to_dict(flat=False)
    values, errors = load(_made(kind), {name: values[0] for name, values in given.items()})
    for name in (name for name, values in given.items() if len(values) > 1):
        errors.note(name, ["Give this parameter once."])
    errors.refuse()
    return values


class QueryInteger(fields.Integer):
    """A whole number written in digits, from ``low`` to ``high``."""

    def __init__(self, description: str = "", low: int = INT64_MIN, high: int = INT64_MAX, **kwargs: Any) -> None:
        super().__init__(description, **kwargs)
        self.low, self.high = low, high

    def read(self, value: Any) -> int:
        if not isinstance(value, str) or not _INTEGER.fullmatch(value):
            raise ValidationError("Must be a whole number.")
        number = super().read(int(value))
        if not self.low <= number <= self.high:
            raise ValidationError(f"Must be from {self.low} to {self.high}.")
        return number

    def json_schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


class QueryBoolean(fields.Boolean):
    """``true`` or ``false``."""

    def read(self, value: Any) -> bool:
        if value not in ("true", "false"):
            raise ValidationError("Must be true or false.")
        return bool(value == "true")


class QueryText(fields.StrictField):
    """A text that a column could hold; blanks around it count."""

    def __init__(self, description: str, longest: int = NAME_LENGTH, **kwargs: Any) -> None:
        super().__init__(description, **kwargs)
        self.longest = longest

    def read(self, value: Any) -> str:
        if not isinstance(value, str) or not 1 <= len(value) <= self.longest or "\0" in value:
            raise ValidationError(f"Must have 1 to {self.longest} characters, none of them NUL.")
        return value

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "maxLength": self.longest, "pattern": r"^[^\x00]*$"}


class QuerySearch(QueryText):
    """What stands in a search box; nothing but blanks searches for nothing."""

    def __init__(self, description: str) -> None:
        super().__init__(description, longest=100)


class QueryMoment(fields.StrictField):
    """A moment in ISO 8601 with ``Z`` or an offset; given as naive UTC."""

    shape: ClassVar = {"type": "string", "format": "date-time", "pattern": f"^{_MOMENT.pattern}$"}

    def read(self, value: Any) -> datetime:
        moment = _moment(value) if isinstance(value, str) else None
        if moment is None:
            raise ValidationError("Must be a moment such as 2026-01-31T12:00:00Z.")
        return moment


def _moment(text: str) -> datetime | None:
    # A "+" that was not encoded arrives as a blank.
    written = text.replace(" ", "+")
    if not _MOMENT.fullmatch(written):
        return None
    try:
        return datetime.fromisoformat(written).astimezone(UTC).replace(tzinfo=None)
    except ValueError:
        return None


class PageQuery(ObjectSchema):
    """Which page of a list by page number."""

    page = QueryInteger("Which page, from 1.", 1, 10**6, load_default=1)
    per_page = QueryInteger("How many items a page has at most.", 1, LARGEST_PAGE, load_default=25)
