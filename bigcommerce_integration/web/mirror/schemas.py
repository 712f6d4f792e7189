"""What answers say of rows, made from the declarations of their collections; and of where a list goes on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from marshmallow import Schema

from ...operations.lists.columns import child_names, record_names
from ...resources.base import Child, Field, Kind, Resource
from ...resources.orders import ORDER_LINES, ORDERS
from ...resources.products import VARIANTS
from ..openapi.fields import AnswerSchema, Part, Shown
from ..openapi.shapes import BOOLEAN, COUNT, HOST_PRODUCT_ID, INTEGER, MOMENT, STRING, JSONSchema, decimals, one_of
from .row_answers import LINE, VARIANT

_SHAPES: Mapping[Kind, JSONSchema] = {
    Kind.MONEY: decimals(4),
    Kind.RATE: decimals(10),
    Kind.INTEGER: INTEGER,
    Kind.BOOLEAN: BOOLEAN,
    Kind.CODE: STRING,
    Kind.TEXT: STRING,
    Kind.WORD: STRING,
    Kind.MOMENT: MOMENT,
    Kind.HOST_KEY: HOST_PRODUCT_ID,
}


class Note(AnswerSchema):
    """A field of the record that could not be read."""

    field = Shown(STRING, "The field's name in the record, or `lines`.")
    reason = Shown(STRING, "What is wrong with it.")


def _common() -> dict[str, Any]:
    notes = (
        "What of the record could not be read, and is null or cut here: the payload has it whole. Null if all could."
    )
    return {
        "bigcommerce_id": Shown(INTEGER, "The record's id in the store.", 101),
        "position": Shown(INTEGER, "Its place within the record, from 1 on: it has no id.", 1),
        "notes": Part(Note, notes, many=True, is_null=True),
        "observed_at": Shown(MOMENT, "When the store sent it.", "2026-02-01T12:00:00.000000Z"),
        "change_number": Shown(INTEGER, "Rises with each change here; see `changed_after`.", 4711),
        "deleted_at": Shown(MOMENT, "When it was found gone from the store; null while it is there.", is_null=True),
    }


def _shown(field: Field) -> Shown:
    shape = one_of(field.choices) if field.choices else _SHAPES[field.kind]
    return Shown(shape, field.description, field.example, is_null=not field.required)


def row_schema(
    name: str, declared: Resource | Child, names: Iterable[str], described: str = "", **more: Any
) -> type[Schema]:
    """The schema of rows with these columns, as declared; ``more`` are fields beside them."""
    known = _common() | {field.name: _shown(field) for field in declared.fields} | more
    if isinstance(declared, Child):
        known[declared.owner] = Shown(INTEGER, "The id in the store of the record that it belongs to.", 77)
    made = AnswerSchema.from_dict({each: known[each] for each in (*names, *more)}, name=name)
    made.__doc__ = described or getattr(declared, "description", "")
    return made


def _payload(more: str = "", *, is_null: bool = False) -> Shown:
    shape = {"type": "string", "contentMediaType": "application/json"}
    description = f"The record's own text as the store sent it; given with include=payload.{more}"
    return Shown(shape, description, is_null=is_null, is_optional=True)


def record_schema(resource: Resource, **more: Any) -> type[Schema]:
    """A record of a collection; ``more`` is what is within it."""
    name = resource.noun.capitalize() + ("With" + "And".join(map(str.capitalize, more)) if more else "")
    return row_schema(name, resource, record_names(resource), **more, payload=_payload())


def child_schema(child: Child) -> type[Schema]:
    """What is within a record."""
    name = "".join(map(str.capitalize, child.name.split("_")))
    return row_schema(name, child, child_names(child), f"One of the {child.shown_as} of a record.")


_HOST_PRODUCT = "The host's product that the line's variant is linked to."
Variant = row_schema("Variant", VARIANTS, VARIANT, "What is sold, with its link to the host's product.")
OrderLine = row_schema(
    "OrderLine",
    ORDER_LINES,
    LINE,
    "A line of an order.",
    host_product_id=Shown(HOST_PRODUCT_ID, _HOST_PRODUCT, 900, is_null=True),
    payload=_payload(" Null unless the line was fetched apart from its order.", is_null=True),
)
OrderWithLines = record_schema(ORDERS, lines=Part(OrderLine, "Its lines.", many=True))


class NextPage(AnswerSchema):
    """Where a list goes on."""

    next = Shown(STRING, "What to give as `after` for the next page; null at the end.", "101", is_null=True)


class NextChanges(AnswerSchema):
    """Where a list of changes goes on."""

    next_changed_after = Shown(COUNT, "What to give as `changed_after` for what changed since.", 4711)
    is_last = Shown(BOOLEAN, "Whether there was no more when this was read.", True)
