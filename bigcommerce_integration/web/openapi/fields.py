"""What answers are made of: their fields, each with its JSON Schema, what it means and an example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from marshmallow import RAISE, Schema, fields

from ...errors import Code
from ...schemas.fields import AnyField
from .shapes import JSONSchema, one_of


class AnswerSchema(Schema):
    """An answer, or a part of one. There are no fields beside those that are named here."""

    class Meta:
        unknown = RAISE


class Shown(AnyField):
    """A field that is always there, unless it ``is_optional``; by its name or by that of each collection of the app."""

    def __init__(
        self,
        shape: JSONSchema,
        description: str,
        example: Any = None,
        *,
        is_null: bool = False,
        is_optional: bool = False,
        for_each_collection: bool = False,
    ) -> None:
        super().__init__(required=not is_optional, allow_none=is_null, metadata={"description": description})
        self.shape, self.example, self.for_each_collection = shape, example, for_each_collection

    def json_schema(self) -> JSONSchema:
        """What it holds."""
        return dict(self.shape)


class Coded(Shown):
    """A code for programs, or null; the description says what each means."""

    def __init__(self, codes: type[Code], description: str, example: str | None = None, **more: Any) -> None:
        super().__init__(one_of(codes), f"{description} {codes.meanings()}", example, **more)


class Part(fields.Nested):
    """A part with fields of its own, or a list of such; ``limits`` in the words of JSON Schema."""

    def __init__(
        self,
        schema: type[Schema],
        description: str,
        *,
        many: bool = False,
        is_null: bool = False,
        example: Mapping[str, Any] | None = None,
        is_optional: bool = False,
        for_each_collection: bool = False,
        **limits: int,
    ) -> None:
        described = {"description": description}
        super().__init__(schema, required=not is_optional, allow_none=is_null, many=many, metadata=described)
        self.limits = limits
        whole = None if is_null and example is None else example_of(schema, **(example or {}))
        self.example = None if is_optional else [whole] if many and whole is not None else whole
        self.for_each_collection = for_each_collection


class Either(AnyField):
    """One of several parts; the first is the example."""

    def __init__(self, schemas: Sequence[type[Schema]], description: str) -> None:
        super().__init__(required=True, metadata={"description": description})
        self.schemas, self.example = schemas, example_of(schemas[0])


EACH_COLLECTION = "<collection>"
"""In an example: for each collection, by its name."""


def example_of(schema: type[Schema], **changes: Any) -> dict[str, Any]:
    """An answer of this schema, put together from the examples of its fields; ``changes`` by name."""
    examples = {}
    for name, field in schema._declared_fields.items():
        example = _example_of_field(field)
        if field.required or example is not None:
            examples[EACH_COLLECTION if getattr(field, "for_each_collection", False) else name] = example
    return examples | changes


def _example_of_field(field: Any) -> Any:
    if isinstance(field, fields.Nested) and not isinstance(field, Part):
        return example_of(cast(type[Schema], field.nested))
    return getattr(field, "example", None)
