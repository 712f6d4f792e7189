"""From the fields of a record to columns: what may be null, what may be cut, and what must be readable.

What databases refuse is replaced or cut; the payload keeps it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from types import GenericAlias
from typing import Annotated, Any, TypedDict

from msgspec import Meta

from ..errors import BadRecord
from . import values
from .base import Field, Kind, Resource

CODE_LENGTH = 255
MESSAGE_LENGTH = 1000
TEXT_LENGTH = 16_383
"""MySQL's TEXT holds 65,535 bytes, and a character may take four."""

Read = Callable[[object, str], Any]
_MOST_KNOWN = 8192


class TooLong(BadRecord):
    """A text that its column does not hold; ``cut`` is as much of it as the column does."""

    def __init__(self, field: str, length: int, text: str) -> None:
        super().__init__(f"{field} is longer than {length} characters and is cut")
        self.cut = text[:length]


class _Memo(dict[Any, Any]):
    """What a parser makes of values, of which most come again and again."""

    def __init__(self, read: Read) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, value: object) -> Any:
        if len(self) >= _MOST_KNOWN:
            self.clear()
        made = self[value] = self._read(value, "The field")
        return made


class FieldTable:
    """What reads the fields of one kind of record; ``within`` stands before their names in a reason for rejection."""

    def __init__(self, fields: Sequence[Field], within: str = "") -> None:
        self._fields = tuple(
            (each.name, source, f"{within}{source}", PARSERS[each.kind], each.vital)
            for each in fields
            if not each.derived
            for source in (each.source or each.name,)
        )
        self._shaped = tuple(
            (each.name, each.source or each.name, _MEMOS.get(each.kind)) for each in fields if not each.derived
        )

    def read(self, record: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, str]]]:
        """The columns in the order of the fields, and a note ``{"field", "reason"}`` for each that cannot be read.

        Raises ``BadRecord`` if one of those is vital.
        """
        get = record.get
        try:
            return {column: read(get(name), path) for column, name, path, read, _ in self._fields}, []
        except BadRecord:
            return self._read_leniently(record)

    def read_shaped(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """The same columns of a record whose fields are of their kinds; ``BadRecord`` if one cannot be read even so."""
        get = record.get
        return {column: get(name) if memo is None else memo[get(name)] for column, name, memo in self._shaped}

    def _read_leniently(self, record: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, str]]]:
        columns: dict[str, Any] = {}
        notes: list[dict[str, str]] = []
        for column, name, path, read, is_vital in self._fields:
            try:
                columns[column] = read(record.get(name), path)
            except BadRecord as error:
                if is_vital:
                    raise
                columns[column] = error.cut if isinstance(error, TooLong) else None
                notes.append(note(name, str(error).removeprefix(path).strip()))
        return columns, notes


def note(field: str, reason: str) -> dict[str, str]:
    """What a row says of a field that is not as the store has it."""
    return {"field": field, "reason": reason}


def notes_column(notes: list[dict[str, str]]) -> str | None:
    """The notes as the column ``notes`` holds them: a JSON list, NULL without any."""
    return json.dumps(notes) if notes else None


def notes_of(column: str | None) -> list[dict[str, str]]:
    """The notes that the column holds."""
    found: list[dict[str, str]] = json.loads(column) if column else []
    return found


def is_noted(field: str, column: str | None) -> bool:
    """Whether the notes in the column name this field."""
    return any(each["field"] == field for each in notes_of(column))


def message(text: str) -> str:
    """A message or reason as it is stored: whatever it quotes, it is short and no database refuses it."""
    return values.storable(values.shortened(text, MESSAGE_LENGTH))


def free_text(value: object, field: str) -> str | None:
    """Text for a column without a length, or None; ``TooLong`` if it is longer than each database holds."""
    # The usual case, many times a record.
    if type(value) is str and len(value) <= TEXT_LENGTH and value.isascii() and "\x00" not in value:
        return value
    return _text(value, field, TEXT_LENGTH)


def code(value: object, field: str) -> str | None:
    """Text for a column of 255 characters, or None; ``TooLong`` if it is longer: it is not cut in silence."""
    if type(value) is str and len(value) <= CODE_LENGTH and value.isascii() and "\x00" not in value:
        return value
    return _text(value, field, CODE_LENGTH)


def _text(value: object, field: str, length: int) -> str | None:
    text = values.text(value, field)
    if text is not None and len(text) > length:
        raise TooLong(field, length, text)
    return text


def sku_key(sku: str | None) -> str | None:
    """What links are looked up by: the SKU trimmed; None if blank."""
    return (sku.strip() or None) if sku else None


PARSERS: Mapping[Kind, Read] = {
    Kind.MONEY: values.money,
    Kind.RATE: values.rate,
    Kind.INTEGER: values.integer,
    Kind.BOOLEAN: values.boolean,
    Kind.CODE: code,
    Kind.TEXT: free_text,
    Kind.MOMENT: values.date_time,
}
"""Of what is read from records; our own words and the keys of the host's products are not."""
_MEMOS = {kind: _Memo(PARSERS[kind]) for kind in (Kind.MONEY, Kind.RATE, Kind.MOMENT)}
"""Of what is not yet what its column holds, though the record is of its shape."""


# What of a record is looked at, as a type: a parser that knows it can step over the rest.

_INTEGER = Annotated[int, Meta(ge=values.INT64_MIN, le=values.INT64_MAX)]
_KINDS: Mapping[Kind, Any] = {
    Kind.MONEY: str | int | float | None,
    Kind.RATE: str | int | float | None,
    Kind.INTEGER: _INTEGER | None,
    Kind.BOOLEAN: bool | None,
    Kind.CODE: Annotated[str, Meta(max_length=CODE_LENGTH)] | None,
    Kind.TEXT: Annotated[str, Meta(max_length=TEXT_LENGTH)] | None,
    Kind.MOMENT: str | None,
}
_ASKED_BY = {"id": _INTEGER, "date_created": str | None, "date_modified": str | None}
"""What answers are checked by, whatever is read of their records."""


def list_of(kind: Any) -> Any:
    """The type of lists of these."""
    return GenericAlias(list, (kind,))


def dict_of(kind: Any) -> Any:
    """The type of objects whose members, of any name, are these."""
    return GenericAlias(dict, (str, kind))


def object_of(name: str, members: Mapping[str, Any], *, is_whole: bool = False) -> Any:
    """The type of objects with these members, each of which may be missing unless it ``is_whole``."""
    return TypedDict(name, dict(members), total=is_whole)  # type: ignore[operator]


def shape_of(resource: Resource) -> Any:
    """The type of its records; None for a resource whose children have no ``found_in``.

    A record of this type has the columns and children that it has when all of it is parsed, and what it holds is what
    its columns hold, but for amounts, rates and dates. One that is not of this type may be as good.
    """
    members: dict[str, Any] = {}
    for child in resource.children:
        if child.found_in is None:
            return None
        members |= child.found_in(_record(child.name, child.read_fields))
    return _record(resource.name, [field for field in resource.fields if not field.derived], members)


def _record(name: str, fields: Sequence[Field], members: dict[str, Any] | None = None) -> Any:
    read = {field.source or field.name: _KINDS[field.kind] for field in fields}
    return object_of(name, {**_ASKED_BY, **read, **(members or {})})
