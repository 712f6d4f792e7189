"""JSON Schema in few words, for answers: every property is there, and there are no others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...errors import Code

JSONSchema = dict[str, Any]

INTEGER: JSONSchema = {"type": "integer"}
COUNT: JSONSchema = {"type": "integer", "minimum": 0}
ID: JSONSchema = {"type": "integer", "minimum": 1}
STRING: JSONSchema = {"type": "string"}
BOOLEAN: JSONSchema = {"type": "boolean"}
SECONDS: JSONSchema = {"type": "number", "minimum": 0}
DAY: JSONSchema = {"type": "string", "format": "date"}
MOMENT: JSONSchema = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$",
}
PERCENTAGE: JSONSchema = {"type": "number", "minimum": 0, "maximum": 100}


HOST_PRODUCT_ID = "HostProductId"
"""The name of the shape that depends on the app: the key of a product of the host."""
COLLECTION_NAME = "CollectionName"
"""The name of the shape that depends on the app: what it mirrors."""


def record(described: str = "", /, **properties: JSONSchema) -> JSONSchema:
    """An object with exactly these properties."""
    shape: JSONSchema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {"description": described, **shape} if described else shape


def with_optional(shape: JSONSchema, **properties: JSONSchema) -> JSONSchema:
    """The same object, which may have these properties too."""
    return shape | {"properties": shape["properties"] | properties}


def nullable(shape: JSONSchema, described: str = "") -> JSONSchema:
    """The same, or null."""
    made: JSONSchema
    if "type" not in shape:
        made = {"anyOf": [shape, {"type": "null"}]}
    else:
        made = shape | {"type": [shape["type"], "null"]}
        if "enum" in shape:
            made["enum"] = [*shape["enum"], None]
    return made | {"description": described} if described else made


def told(shape: JSONSchema, description: str) -> JSONSchema:
    """The same with a description."""
    return shape | {"description": description}


def one_of(words: Iterable[str]) -> JSONSchema:
    """One of a few words."""
    return {"type": "string", "enum": list(words)}


def meanings(codes: type[Code]) -> str:
    """What each of the codes means, for a description."""
    return " ".join(f"`{code}`: {code.meaning}" for code in codes)


def list_of(shape: JSONSchema) -> JSONSchema:
    """A list of such."""
    return {"type": "array", "items": shape}


def ref(name: str) -> JSONSchema:
    """A named shape of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def data(shape: JSONSchema) -> JSONSchema:
    """One thing, as every answer wraps it."""
    return record(data=shape)


def numbered_page(shape: JSONSchema) -> JSONSchema:
    """A list by page number."""
    return record(data=list_of(shape), pagination=ref("Pagination"))


PAGINATION = record(page=ID, per_page=ID, total=COUNT, pages=COUNT)
