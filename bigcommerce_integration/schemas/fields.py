"""Marshmallow fields that take exactly what they name.

Marshmallow's own are too lax for books: they read ``1`` as true, ``"2.5"`` as a number and ``20240102`` as a date.
No message repeats the value: it may be a token in the wrong place.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

from marshmallow import ValidationError, fields

from ..app_state import current_state
from ..encryption import TOKEN
from ..models.types import NAME_LENGTH
from ..resources.values import INT64_MAX, INT64_MIN, STORE_HASH
from .patterns import NOT_IN_NAMES, UNSEEN, find_store_hash, name_patterns

if TYPE_CHECKING:
    AnyField = fields.Field[Any]
else:  # marshmallow 3: not generic
    AnyField = fields.Field

MASK = "•" * 8
"""What answers show in place of a token."""

# Years that time zones and a day more or less do not carry out of the calendar.
_DATE = re.compile(r"(19|2[0-9])[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")


class StrictField(AnyField):
    """What all of ours share: the words of the errors, and ``read`` as the only rule."""

    shape: ClassVar[dict[str, Any]]

    def __init__(self, description: str = "", *, example: Any = None, **kwargs: Any) -> None:
        super().__init__(metadata={"description": description}, **kwargs)
        self.example = example

    default_error_messages = {  # noqa: RUF012 - marshmallow's way
        "required": "This field is required.",
        "null": "This field may not be null.",
    }

    def read(self, value: Any) -> Any:
        """The value to keep; ``ValidationError`` describes what is wrong."""
        raise NotImplementedError

    def json_schema(self) -> dict[str, Any]:
        """What ``read`` takes, in the words of JSON Schema; by default ``shape``."""
        return dict(self.shape)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG002 - marshmallow's signature
        return self.read(value)


class Integer(StrictField):
    """A whole number that a 64-bit column holds; neither ``true`` nor ``1.0`` nor ``"1"``."""

    shape: ClassVar = {"type": "integer", "minimum": INT64_MIN, "maximum": INT64_MAX}

    def read(self, value: Any) -> int:
        if type(value) is not int:
            raise ValidationError("Must be a whole number.")
        if not INT64_MIN <= value <= INT64_MAX:
            raise ValidationError("Is out of range.")
        return value


class Boolean(StrictField):
    """``true`` or ``false``."""

    shape: ClassVar = {"type": "boolean"}

    def read(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Must be true or false.")
        return value


class Percentage(StrictField):
    """A number from 0 to 100."""

    shape: ClassVar = {"type": "number", "minimum": 0, "maximum": 100}

    def read(self, value: Any) -> float:
        if type(value) not in (int, float) or not 0 <= value <= 100:
            raise ValidationError("Must be a number from 0 to 100.")
        return float(value)


class Choice(StrictField):
    """One of a few words."""

    def __init__(self, description: str, choices: Iterable[str], **kwargs: Any) -> None:
        super().__init__(description, **kwargs)
        self.choices = tuple(map(str, choices))

    def read(self, value: Any) -> str:
        if not isinstance(value, str) or value not in self.choices:
            raise ValidationError(f"Must be one of: {', '.join(self.choices)}.")
        return value

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.choices)}


class CollectionName(StrictField):
    """The name of a collection that the current app mirrors."""

    shape: ClassVar = {"$ref": "#/components/schemas/CollectionName"}

    def read(self, value: Any) -> str:
        return Choice("", current_state().tables.registry.names).read(value)


class Day(StrictField):
    """A real date as ``YYYY-MM-DD``, from 1900 to 2999."""

    shape: ClassVar = {"type": "string", "format": "date", "pattern": f"^{_DATE.pattern}$"}

    def read(self, value: Any) -> date:
        day = _real_date(value) if isinstance(value, str) and _DATE.fullmatch(value) else None
        if day is None:
            raise ValidationError("Must be a real date from 1900 to 2999, written as YYYY-MM-DD.")
        return day


def _real_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


class Ids(StrictField):
    """A list of ids, 1 to ``most`` of them, each once."""

    def __init__(self, description: str, most: int, **kwargs: Any) -> None:
        super().__init__(description, **kwargs)
        self.most = most

    def read(self, value: Any) -> tuple[int, ...]:
        if not isinstance(value, list) or not 1 <= len(value) <= self.most:
            raise ValidationError(f"Must be a list of 1 to {self.most} ids.")
        wrong = [place for place, each in enumerate(value) if type(each) is not int or not 1 <= each <= INT64_MAX]
        if wrong:
            raise ValidationError({place: ["Must be a whole number above 0."] for place in wrong})
        if len(set(value)) != len(value):
            raise ValidationError("Must not name an id twice.")
        return tuple(value)

    def json_schema(self) -> dict[str, Any]:
        return {
            "type": "array",
            "items": {"type": "integer", "minimum": 1, "maximum": INT64_MAX},
            "minItems": 1,
            "maxItems": self.most,
            "uniqueItems": True,
        }


class Name(StrictField):
    """A visible text of one line, kept without the blanks around it."""

    def read(self, value: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError("Must be a string.")
        name = value.strip()
        kinds = {unicodedata.category(character) for character in name}
        if kinds & NOT_IN_NAMES:
            raise ValidationError("Must not contain control characters, line breaks or lone surrogates.")
        if not kinds - UNSEEN:
            raise ValidationError("Must not be blank.")
        if len(name) > NAME_LENGTH:
            raise ValidationError(f"Must have at most {NAME_LENGTH} characters.")
        return name

    def json_schema(self) -> dict[str, Any]:
        trimmed, visible = name_patterns(NAME_LENGTH)
        return {"type": "string", "pattern": trimmed, "allOf": [{"pattern": visible}]}


class AccessToken(StrictField):
    """A BigCommerce access token; never part of a message."""

    shape: ClassVar = {"type": "string", "pattern": f"^{TOKEN.pattern}$", "writeOnly": True}

    def read(self, value: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError("Must be a string.")
        if value.startswith(MASK[0]):
            raise ValidationError(
                "This is the mask that answers show, not a token: give the token itself, or leave this field out to "
                "keep the one that is stored."
            )
        if not TOKEN.fullmatch(value):
            raise ValidationError("Must have 1 to 255 printable ASCII characters and no spaces or line breaks.")
        return value


class StoreHash(StrictField):
    """The hash alone; it becomes a part of URLs."""

    shape: ClassVar = {"type": "string", "pattern": f"^{STORE_HASH.pattern}$"}

    def read(self, value: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError("Must be a string.")
        if not STORE_HASH.fullmatch(value):
            found = find_store_hash(value)
            hint = (
                f"give only the hash: {found}"
                if found
                else "in https://api.bigcommerce.com/stores/abc123/v3/ it is abc123"
            )
            raise ValidationError(f"Must be 1 to 32 of the letters A-Z, a-z and the digits 0-9; {hint}.")
        return value
