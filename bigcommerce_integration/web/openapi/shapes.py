"""JSON Schema: of the values in answers, and of the fields of requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from marshmallow import Schema

from ...schemas.fields import StrictField

JSONSchema = dict[str, Any]

INTEGER: JSONSchema = {"type": "integer"}
COUNT: JSONSchema = {"type": "integer", "minimum": 0}
ID: JSONSchema = {"type": "integer", "minimum": 1}
WHOLE_PERCENTAGE: JSONSchema = {"type": "integer", "minimum": 0, "maximum": 100}
STRING: JSONSchema = {"type": "string"}
SENTENCE: JSONSchema = {"type": "string", "minLength": 1}
BOOLEAN: JSONSchema = {"type": "boolean"}
OBJECT: JSONSchema = {"type": "object"}
SECONDS: JSONSchema = {"type": "number", "minimum": 0}
DAY: JSONSchema = {"type": "string", "format": "date"}
MOMENT: JSONSchema = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$",
}
MONTH: JSONSchema = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"}


def ref(name: str) -> JSONSchema:
    """A shape that depends on the app: the document of each says what it is there."""
    return {"$ref": f"#/components/schemas/{name}"}


HOST_PRODUCT_ID = ref("HostProductId")
COLLECTION = ref("CollectionName")


def one_of(words: Iterable[str]) -> JSONSchema:
    """One of a few words."""
    return {"type": "string", "enum": [str(word) for word in words]}


def list_of(shape: JSONSchema, **more: Any) -> JSONSchema:
    """A list of such."""
    return {"type": "array", "items": shape, **more}


def decimals(count: int) -> JSONSchema:
    """A decimal number as text."""
    return {"type": "string", "pattern": rf"^-?[0-9]+\.[0-9]{{{count}}}$"}


def nullable(shape: JSONSchema) -> JSONSchema:
    """The same, or null."""
    if "type" not in shape:
        return {"anyOf": [shape, {"type": "null"}]}
    also = {"enum": [*shape["enum"], None]} if "enum" in shape else {}
    return {**shape, "type": [shape["type"], "null"], **also}


def object_of(properties: Mapping[str, JSONSchema], *required: str) -> JSONSchema:
    """An object with these properties and no others."""
    shape = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    return shape | ({"required": list(required)} if required else {})


def described(schema: type[Schema]) -> dict[str, JSONSchema]:
    """What each field of a request takes and means, by its name."""
    return {
        name: {"description": field.metadata["description"], **shape}
        for name, field in schema._declared_fields.items()
        if isinstance(field, StrictField)
        for shape in [nullable(field.json_schema()) if field.allow_none else field.json_schema()]
    }
