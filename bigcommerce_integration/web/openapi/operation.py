"""What the document says of one route and method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from marshmallow import Schema

from .shapes import JSONSchema

Route = tuple[str, str]
"""A rule of the blueprint and a method, as ``routes`` has them."""


@dataclass(frozen=True)
class Answer:
    """An answer that is no refusal; ``headers`` by name."""

    description: str
    schema: JSONSchema
    example: Any
    headers: Mapping[str, JSONSchema] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """One operation. ``refusals`` are status codes beyond those that every operation of its kind has."""

    id: str
    tag: str
    summary: str
    answers: Mapping[int, Answer]
    description: str = ""
    query: type[Schema] | None = None
    body: type[Schema] | JSONSchema | None = None
    body_examples: Mapping[str, Any] = field(default_factory=dict)
    is_body_required: bool = True
    headers: Sequence[Mapping[str, Any]] = ()
    refusals: Sequence[int] = ()
    needs_login: bool = True


@dataclass(frozen=True)
class Subject:
    """The operations of one subject, and the named shapes that they share."""

    schemas: Mapping[str, JSONSchema]
    operations: Mapping[Route, Operation]
