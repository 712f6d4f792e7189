"""Apispec's reading of marshmallow schemas, taught what our strict fields take."""

from __future__ import annotations

from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin

from ..fields import StrictField


def marshmallow_plugin() -> MarshmallowPlugin:
    """For one document; its converter is set once the document is made."""
    return _StrictFields()


class _StrictFields(MarshmallowPlugin):
    def init_spec(self, spec: Any) -> None:
        super().init_spec(spec)
        assert self.converter is not None
        self.converter.add_attribute_function(_of_strict_field)  # type: ignore[no-untyped-call]


def _of_strict_field(_converter: Any, field: Any, ret: dict[str, Any], **_options: Any) -> dict[str, Any]:  # noqa: ARG001
    """Apispec binds this to its converter and merges what it gives into the property."""
    return field_schema(field) if isinstance(field, StrictField) else {}


def field_schema(field: StrictField) -> dict[str, Any]:
    """What the field takes."""
    schema = field.json_schema()
    if field.allow_none and "$ref" in schema:
        schema = {"anyOf": [schema, {"type": "null"}]}
    elif field.allow_none:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    return schema
