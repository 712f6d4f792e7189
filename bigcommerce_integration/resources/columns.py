"""From the fields of a record to columns: what may be null, what may be cut, and what must be readable.

What databases refuse is replaced or cut; the payload keeps it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..errors import BadRecord
from . import values
from .base import Field, Kind

CODE_LENGTH = 255
MESSAGE_LENGTH = 1000
TEXT_LENGTH = 16_383
"""MySQL's TEXT holds 65,535 bytes, and a character may take four."""

Read = Callable[[object, str], Any]


class TooLong(BadRecord):
    """A text that its column does not hold; ``cut`` is as much of it as the column does."""

    def __init__(self, field: str, length: int, text: str) -> None:
        super().__init__(f"{field} is longer than {length} characters and is cut")
        self.cut = text[:length]


class FieldTable:
    """What reads the fields of one kind of record; ``within`` stands before their names in a reason for rejection."""

    def __init__(self, fields: Iterable[Field], within: str = "") -> None:
        self._fields = tuple(
            (each.name, source, f"{within}{source}", PARSERS[each.kind], each.vital)
            for each in fields
            if not each.derived
            for source in (each.source or each.name,)
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
