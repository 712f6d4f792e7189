"""What every schema of a request has: unknown fields are refused, and no error shows the input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from marshmallow import RAISE, Schema, ValidationError
from marshmallow.fields import Nested

from ..operations.instances.draft import FieldErrors

UNKNOWN = "Unknown field."


class ObjectSchema(Schema):
    """Unknown fields are refused, so that a typo is not lost."""

    class Meta:
        unknown = RAISE

    error_messages = {"type": "Must be an object.", "unknown": UNKNOWN}  # noqa: RUF012 - marshmallow's way


def load(schema: Schema, body: Any) -> tuple[dict[str, Any], FieldErrors]:
    """The fields that are valid by themselves, nested as in the request, and the errors by dotted path.

    marshmallow's own error keeps the whole input, token included, so it must not leave this function. Unknown fields
    are found before: marshmallow takes seconds for very many.
    """
    unknown = FieldErrors()
    known = _known(schema, body, unknown)
    values: dict[str, Any]
    try:
        values, errors = dict(schema.load(known)), FieldErrors()
    except ValidationError as error:
        messages: Any = error.messages
        values, errors = dict(error.valid_data or {}), FieldErrors(_flattened(messages))
    for path, unknown_messages in unknown.items():
        errors.note(path, unknown_messages)
    errors.more += unknown.more
    return values, errors


def _known(schema: Schema, body: Any, unknown: FieldErrors, path: str = "") -> Any:
    """The body with the fields that the schema has; notes the others."""
    if not isinstance(body, Mapping):
        return body
    known = {}
    for name, value in body.items():
        field = schema.fields.get(name)
        if field is None:
            unknown.note(f"{path}{name}", [UNKNOWN])
        elif isinstance(field, Nested):
            known[name] = _known(field.schema, value, unknown, f"{path}{name}.")
        else:
            known[name] = value
    return known


def _flattened(messages: Mapping[str, Any] | list[str], path: str = "") -> Iterator[tuple[str, list[str]]]:
    if not isinstance(messages, Mapping):
        yield path, [str(message) for message in messages]
        return
    for key, inner in messages.items():
        # "_schema" is marshmallow's word for the object itself.
        yield from _flattened(inner, (path or "_schema") if key == "_schema" else f"{path}.{key}" if path else str(key))
