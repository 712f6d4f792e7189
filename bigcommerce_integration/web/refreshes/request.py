"""The body that requests a refresh."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, cast

from flask import Request

from ...refresh.job.parameters import MOST_IDS, Mode, Parameters
from .. import fields
from ..http.body import read_json_object
from ..schemas import ObjectSchema, load

FIELDS_OF: Mapping[Mode, tuple[str, ...]] = {
    "incremental": (),
    "full": ("allow_mass_delete",),
    "date_range": ("date_from", "date_to"),
    "ids": ("ids",),
}
"""The fields that each mode that can be requested takes beside its name."""
REQUIRED = frozenset({"date_from", "date_to", "ids"})
"""Those of them without which the mode means nothing."""


class RefreshRequest(ObjectSchema):
    """The fields by themselves; which belong together is judged by ``read_refresh_request``."""

    mode = fields.Choice("What is read; without it, what was changed.", FIELDS_OF, load_default="incremental")
    allow_mass_delete = fields.Boolean("Whether more may be marked as deleted than a store plausibly deletes.")
    date_from = fields.Day("The first day, in the store's time zone.")
    date_to = fields.Day("The last day, in the store's time zone.")
    ids = fields.Ids("The ids of the records in the store.", MOST_IDS)


def _shape(mode: str, names: tuple[str, ...]) -> dict[str, Any]:
    """The body of one mode: ``RefreshRequest`` without the fields that belong to others."""
    fields: Any = RefreshRequest().fields
    shapes = {
        name: {"description": fields[name].metadata["description"], **fields[name].json_schema()} for name in names
    }
    return {
        "type": "object",
        "properties": {"mode": {"const": mode, "description": fields["mode"].metadata["description"]}, **shapes},
        # An incremental refresh is what a body without a mode asks for.
        "required": [*(() if mode == "incremental" else ("mode",)), *sorted(REQUIRED.intersection(names))],
        "additionalProperties": False,
    }


REQUEST_SHAPE = {
    "description": "A refresh that is to begin.",
    "anyOf": [_shape(mode, names) for mode, names in FIELDS_OF.items()],
}


def read_refresh_request(request: Request, *, start_date: date) -> tuple[Mode, Parameters]:
    """The mode and its parameters, an incremental refresh for an empty body; ``Invalid`` with every bad field."""
    body = {} if _is_empty(request) else read_json_object(request)
    values, errors = load(RefreshRequest(), body)
    for path, message in (*_misplaced(body, errors), *_bad_dates(values, start_date)):
        errors.setdefault(path, []).append(message)
    if errors:
        raise errors.refusal()
    mode: Mode = values.pop("mode")
    return mode, Parameters(**values)


def _is_empty(request: Request) -> bool:
    """Whether there is no body at all: then its type is nobody's mistake."""
    return not request.content_length and "Transfer-Encoding" not in request.headers


def _misplaced(body: Mapping[str, Any], errors: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "mode" in errors:
        return
    mode = cast(Mode, body.get("mode", "incremental"))
    for other, names in FIELDS_OF.items():
        for name in names:
            if other != mode and name in body:
                yield name, f"Belongs to mode {other}, not to {mode}."
            elif other == mode and name in REQUIRED and name not in body:
                yield name, f"Mode {mode} needs this field."


def _bad_dates(values: Mapping[str, Any], start_date: date) -> Iterator[tuple[str, str]]:
    date_from, date_to = values.get("date_from"), values.get("date_to")
    for name, day in (("date_from", date_from), ("date_to", date_to)):
        if day is not None and day < start_date:
            yield name, f"Must not be before the instance's start date, {start_date.isoformat()}."
    if date_from is not None and date_to is not None and date_to < date_from:
        yield "date_to", "Must not be before date_from."
