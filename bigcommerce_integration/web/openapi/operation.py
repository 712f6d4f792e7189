"""What the document says of one route: an ``Operation`` decorates the view that answers there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from marshmallow import Schema, fields

from .fields import AnswerSchema, Part, Shown, example_of
from .shapes import COUNT, ID, JSONSchema

View = TypeVar("View", bound=Callable[..., Any])
Header = tuple[str, str]
"""The name of a header and what it says."""
Answered = tuple[dict[str, Any], int, dict[str, str]]
"""What a view answers: the body, the status and the headers."""

LOCATION: Header = ("Location", "Where it can be read.")
RETRY_AFTER: Header = ("Retry-After", "In how many seconds to look again, while it is not finished.")


@dataclass(frozen=True)
class Answer:
    """An answer that is no refusal."""

    description: str
    schema: type[Schema] | JSONSchema
    example: Any
    headers: Sequence[Header] = ()
    media_type: str = "application/json"


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation. ``refusals`` are status codes beyond those that every operation of its kind has.

    ``summary`` is the docstring of the view if it is not given.
    """

    id: str
    tag: str
    answers: Mapping[int, Answer]
    summary: str = ""
    description: str = ""
    query: type[Schema] | None = None
    body: type[Schema] | JSONSchema | None = None
    body_type: str = "application/json"
    body_examples: Mapping[str, Any] = field(default_factory=dict)
    is_body_required: bool = True
    headers: Sequence[Header] = ()
    # With their shapes.
    required_headers: Mapping[Header, JSONSchema] = field(default_factory=dict)
    refusals: Sequence[int] = ()
    needs_login: bool = True
    # Whether it answers with more to whoever is logged in; ``needs_login`` is false then.
    tells_more: bool = False
    # The kind of step that this is, and those that its answers lead to, with what goes along (see ``next_steps``).
    step: str = ""
    leads_to: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def __call__(self, view: View) -> View:
        """The same view, which the document tells of."""
        summary = self.summary or (view.__doc__ or "").removesuffix(".")
        view.operation = replace(self, summary=summary)  # type: ignore[attr-defined]
        return view


class Pagination(AnswerSchema):
    """Where a page of a list by page number stands."""

    page = Shown(ID, "The number of this page, from 1.", 1)
    per_page = Shown(ID, "How many items a page has at most.", 25)
    total = Shown(COUNT, "How many items there are.", 1)
    pages = Shown(COUNT, "How many pages there are.", 1)


def answer_of(
    schema: type[Schema],
    description: str,
    *,
    many: bool = False,
    headers: Sequence[Header] = (),
    example: Mapping[str, Any] | None = None,
    **beside: fields.Field[Any],
) -> Answer:
    """One thing, or a list of such, as every answer wraps it; ``beside`` are other fields of the answer.

    ``example`` has what is otherwise than in the schema's own.
    """
    whole = {"data": Part(schema, description, many=many, example=example or {}), **beside}
    wrapped = AnswerSchema.from_dict(whole, name=WRAPPED)
    return Answer(description, wrapped, example_of(wrapped), headers)


def page_of(schema: type[Schema], description: str = "One page of them.") -> Answer:
    """A list by page number."""
    return answer_of(schema, description, many=True, pagination=Part(Pagination, "Which page it is, and of how many."))


WRAPPED = "Wrapped"
"""The name of schemas that the document does not name."""
