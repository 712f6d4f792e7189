"""The body that requests a refresh."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Request

from ...refresh.job.parameters import Mode, Parameters
from ...schemas.refreshes import FIELDS_OF, REQUIRED_OF, RefreshRequest, load_refresh_request
from ..http.body import read_json_object
from ..openapi.shapes import described, object_of


def _shape(mode: Mode, names: tuple[str, ...]) -> dict[str, Any]:
    """The body of one mode: ``RefreshRequest`` without the fields that belong to others."""
    known = described(RefreshRequest)
    known["mode"] = {"description": known["mode"]["description"], "const": mode}
    # An incremental refresh is what a body without a mode asks for.
    required = [*(() if mode == "incremental" else ("mode",)), *REQUIRED_OF.get(mode, ())]
    return object_of({name: known[name] for name in ("mode", *names)}, *required)


REQUEST_SHAPE = {
    "description": "A refresh that is to begin.",
    "anyOf": [_shape(mode, names) for mode, names in FIELDS_OF.items()],
}


def read_refresh_request(request: Request, *, start_date: date) -> tuple[Mode, Parameters]:
    """The mode and its parameters, an incremental refresh for an empty body; ``Invalid`` with every bad field."""
    return load_refresh_request({} if _is_empty(request) else read_json_object(request), start_date=start_date)


def _is_empty(request: Request) -> bool:
    """Whether there is no body at all: then its type is nobody's mistake."""
    return not request.content_length and "Transfer-Encoding" not in request.headers
