"""A form as a body of the API: texts become what the API's own schema reads, and its errors stand at their fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask import request
from marshmallow import Schema
from marshmallow.fields import Nested

from ..models.instances import PATHS, IntegrationInstance
from ..schemas import fields
from ..schemas.base import load
from ..schemas.patterns import find_store_hash

_INTEGER = re.compile(r"[+-]?[0-9]{1,25}")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,25}([.][0-9]{1,25})?")
_SECRET = "access_token"  # noqa: S105 - the name of a field
ON = "on"


def body_of(schema: Schema, typed: Mapping[str, str], path: str = "") -> dict[str, Any]:
    """The body that the form stands for; what is typed in no field of the schema is left out.

    The name of an input is the dotted path of its field. A blank is null where that is allowed, and else not given.
    """
    body: dict[str, Any] = {}
    for name, each in schema.fields.items():
        at = f"{path}{name}"
        if isinstance(each, Nested):
            body[name] = body_of(each.schema, typed, f"{at}.")
            continue
        if isinstance(each, fields.Boolean):
            body[name] = typed.get(at) == ON
            continue
        text = typed.get(at, "").strip()
        if text:
            body[name] = _value(each, text)
        elif each.allow_none and at in typed:
            body[name] = None
    return body


def _value(each: object, text: str) -> object:
    """The text as its kind; as it is where it is no such thing, for the schema to refuse."""
    for kind, read in _READ.items():
        if isinstance(each, kind):
            return read(text)
    return text


def _integer(text: str) -> object:
    return int(text) if _INTEGER.fullmatch(text) else text


def _percentage(text: str) -> object:
    return float(text) if _DECIMAL.fullmatch(text) else text


def _ids(text: str) -> object:
    return [_integer(each) for each in re.split(r"[\s,;]+", text) if each]


_READ: Mapping[type[fields.StrictField], Callable[[str], object]] = {
    fields.Integer: _integer,
    fields.Percentage: _percentage,
    fields.Ids: _ids,
    fields.StoreHash: lambda text: find_store_hash(text) or text,
}


def read_filters(schema: Schema) -> dict[str, Any]:
    """The filters in the address; ``Invalid`` for a bad one. A blank one is none, and what is no filter is passed over.

    The default of the schema holds for what is not given.
    """
    given = {name: text for name, text in request.args.items() if name in schema.fields and text.strip()}
    values, errors = load(schema, given)
    errors.refuse()
    return values


@dataclass(frozen=True)
class Form:
    """What stands in the fields of a form, and the errors at them, by dotted path; never a token."""

    texts: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def text(self, path: str) -> str:
        """What stands in the field."""
        return self.texts.get(path, "")

    def is_on(self, path: str) -> bool:
        """Whether the box is ticked."""
        return self.texts.get(path) == ON

    def elsewhere(self, shown: Sequence[str]) -> list[str]:
        """The errors at none of these fields: they stand at the top."""
        return [each for path, messages in self.errors.items() if path not in shown for each in messages]


def form_of(typed: Mapping[str, str], errors: Mapping[str, Sequence[str]] | None = None) -> Form:
    """The form as it was typed."""
    texts = {name: text for name, text in typed.items() if not name.endswith(_SECRET)}
    return Form(texts, errors or {})


def form_of_instance(instance: IntegrationInstance) -> Form:
    """The form of what is stored."""
    return Form({path: _text(getattr(instance, name)) for name, path in PATHS.items() if name != _SECRET})


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return ON if value else ""
    if isinstance(value, date):
        return value.isoformat()
    return f"{value:g}" if isinstance(value, float) else str(value)
