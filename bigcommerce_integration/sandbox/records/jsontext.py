"""JSON as text: dumping, and templates that make thousands of records a second."""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from operator import itemgetter
from typing import Any

# Made once: `json.dumps` with separators makes an encoder a call.
_encode = json.JSONEncoder(separators=(",", ":")).encode
_SLOT = re.compile(r'"\\u0000(\w+)"')


def dumps(value: object) -> str:
    """Compact JSON in ASCII: NUL and lone surrogates stay escaped, as the store sends them."""
    return _encode(value)


def loads(text: str) -> dict[str, Any]:
    """The object in a record's text."""
    value: dict[str, Any] = json.loads(text)
    return value


def slot(name: str) -> str:
    """A place in a template's shape that is filled for each record."""
    return "\0" + name


def slots(names: str) -> dict[str, object]:
    """Slots, each with the name of its own field; the names have blanks between them."""
    return {name: slot(name) for name in names.split()}


def always(value: object, names: str) -> dict[str, object]:
    """Fields that have this value in every record; the names have blanks between them."""
    return dict.fromkeys(names.split(), value)


class Template:
    """The text of one kind of record with named slots; the slots take JSON texts (or integers).

    Dumping a dict of sixty fields for each line of each order would make building a big store,
    not the client, the thing that is measured.
    """

    def __init__(self, shape: Mapping[str, object]) -> None:
        text = dumps(shape).replace("%", "%%")
        self._text = _SLOT.sub("%s", text)
        # By place: half the time that formatting by name takes.
        self._values = itemgetter(*_SLOT.findall(text))

    def fill(self, values: Mapping[str, object]) -> str:
        """The record's text."""
        text: str = self._text % self._values(values)
        return text


def with_members(text: str, members: str) -> str:
    """An object's text with further members, given as text, at its end."""
    return f"{text[:-1]},{members}}}"


def number(cents: int) -> str:
    """An amount as V3 writes it: a JSON number."""
    whole, rest = divmod(cents, 100)
    return str(whole) if rest == 0 else repr(cents / 100)


@lru_cache(maxsize=50_000)
def money(cents: int) -> str:
    """An amount as V2 writes it: a quoted string of four decimals."""
    return f'"{cents / 100:.4f}"'
