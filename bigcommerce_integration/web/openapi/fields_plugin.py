"""Apispec's reading of marshmallow schemas, taught what our own fields are."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow.fields import Nested

from ...schemas.fields import StrictField
from .fields import Either, Shown
from .operation import WRAPPED
from .shapes import nullable


class _Converter(OpenAPIConverter):
    collections: Sequence[str] = ()

    def fields2jsonschema(self, fields: Mapping[str, Any], **options: Any) -> dict[str, Any]:
        """With a property for each of the app's collections, where there is to be one."""
        each = {
            inner: field
            for name, field in fields.items()
            for inner in (self.collections if getattr(field, "for_each_collection", False) else (name,))
        }
        made: dict[str, Any] = super().fields2jsonschema(each, **options)  # type: ignore[no-untyped-call]
        return made

    def schema2jsonschema(self, schema: Any) -> dict[str, Any]:
        """With the schema's docstring for a description."""
        made: dict[str, Any] = super().schema2jsonschema(schema)  # type: ignore[no-untyped-call]
        kind = schema if isinstance(schema, type) else type(schema)
        return {"description": inspect.cleandoc(kind.__doc__), **made} if kind.__doc__ else made


class SchemaPlugin(MarshmallowPlugin):
    """For one document; its converter is set once the document is made."""

    Converter = _Converter

    def __init__(self, collections: Sequence[str]) -> None:
        super().__init__(schema_name_resolver=_name)
        self._collections = collections

    def init_spec(self, spec: Any) -> None:
        super().init_spec(spec)
        assert self.converter is not None
        self.converter.collections = self._collections  # type: ignore[attr-defined]
        self.converter.add_attribute_function(_of_own_field)  # type: ignore[no-untyped-call]


def _name(schema: Any) -> str:
    """The name among the document's schemas; empty for one that stands where it is used."""
    kind = schema if isinstance(schema, type) else type(schema)
    return "" if kind.__name__ == WRAPPED else kind.__name__


def _of_own_field(converter: Any, field: Any, ret: dict[str, Any], **_options: Any) -> dict[str, Any]:
    """Apispec binds this to its converter and merges what it gives into ``ret``, the property."""
    if isinstance(field, Nested):
        shape, limits = converter.resolve_nested_schema(field.schema), getattr(field, "limits", {})
    elif isinstance(field, Either):
        shape, limits = {"anyOf": [converter.resolve_nested_schema(schema) for schema in field.schemas]}, {}
    elif isinstance(field, Shown | StrictField):
        shape, limits = field.json_schema(), {}
    else:
        return {}
    # Each version of apispec writes a null, and a reference beside a description, in a way of its own.
    for name in ("type", "allOf", "anyOf", "$ref"):
        ret.pop(name, None)
    return {**(nullable(shape) if field.allow_none else shape), **limits}
