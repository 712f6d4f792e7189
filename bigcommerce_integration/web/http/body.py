"""The request's body as a JSON object or array, whatever JSON provider the host uses; or as a CSV file."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from flask import Request
from marshmallow import Schema
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge

from ...errors import BodyTooLarge, MalformedBody, RequestRefused, UnsupportedMediaType
from ...schemas.base import load

MAX_BODY_BYTES = 64 * 1024
# More digits than any column holds: read as one that is out of range, not by Python's slow or refused conversion.
_MAX_DIGITS = 25


def read_json_object(request: Request) -> dict[str, Any]:
    """The JSON object in the body; a ``RequestRefused`` with 400, 413 or 415 if there is none.

    No error keeps a part of the body, for it may hold a token: neither in a variable of a frame that it
    passes, nor as the context of an exception.
    """
    value: dict[str, Any] = _read(request, MAX_BODY_BYTES, dict)
    return value


def read_body(request: Request, schema: Schema) -> dict[str, Any]:
    """The JSON object in the body as the schema reads it; ``Invalid`` with every bad field."""
    values, errors = load(schema, read_json_object(request))
    errors.refuse()
    return values


def read_json_array(request: Request, *, max_bytes: int) -> list[Any]:
    """The JSON array in the body; else as ``read_json_object``."""
    value: list[Any] = _read(request, max_bytes, list)
    return value


def _read(request: Request, max_bytes: int, kind: type[dict[str, Any] | list[Any]]) -> Any:
    _check_media_type(request)
    value, refusal = _parsed(_read_limited(request, max_bytes), max_bytes, kind)
    if refusal is not None:
        raise refusal
    return value


def read_csv(request: Request, *, max_bytes: int) -> bytes:
    """The bytes of a CSV file, from the stream; a ``RequestRefused`` with 400, 413 or 415 if there is none."""
    if request.mimetype != "text/csv":
        raise UnsupportedMediaType("Send the body as CSV, with the header Content-Type: text/csv.")
    _check_encoding(request)
    data = _read_limited(request, max_bytes)
    if len(data) > max_bytes:
        raise _too_large(max_bytes)
    return data


def _check_media_type(request: Request) -> None:
    kind = request.mimetype
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise UnsupportedMediaType("Send the body as JSON, with the header Content-Type: application/json.")
    _check_encoding(request)


def _check_encoding(request: Request) -> None:
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise UnsupportedMediaType("Send the body without a Content-Encoding.")


def _read_limited(request: Request, limit: int) -> bytes:
    """At most one byte more than allowed is read: the declared length may be absent or false."""
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    refusal: RequestRefused
    try:
        # A hook of the host that has read the body has left it in Werkzeug's cache, not in the stream.
        return _read_up_to(request, limit + 1) or request.get_data()
    except RequestEntityTooLarge:
        refusal = _too_large(limit)
    except BadRequest:
        refusal = MalformedBody("The body ended before its Content-Length.")
    except HTTPException:
        raise
    except Exception:  # noqa: BLE001 - each server has errors of its own for a body that is not HTTP
        refusal = MalformedBody("The body could not be read: its chunks are malformed, or the connection broke off.")
    raise refusal


def _read_up_to(request: Request, limit: int) -> bytes:
    """A raw stream may give fewer bytes than requested before its end."""
    parts: list[bytes] = []
    missing = limit
    while missing and (part := request.stream.read(missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body must not exceed {limit} bytes.")


def _parsed(body: bytes, limit: int, kind: type[dict[str, Any] | list[Any]]) -> tuple[Any, RequestRefused | None]:
    """The object or array, or the refusal: raised by the caller, or it would carry the body along."""
    if len(body) > limit:
        return None, _too_large(limit)
    try:
        return _load(body, kind), None
    except UnicodeDecodeError:
        problem = "The body is not UTF-8."
    except json.JSONDecodeError as error:
        problem = f"The body is not JSON: line {error.lineno}, column {error.colno}."
    except RecursionError:
        problem = "The body is nested too deeply."
    except _NotPlainJSON as error:
        problem = str(error)
    return None, MalformedBody(problem)


def _load(body: bytes, kind: type[dict[str, Any] | list[Any]]) -> Any:
    value = json.loads(
        body.decode("utf-8-sig"), object_pairs_hook=_object, parse_constant=_refuse_constant, parse_int=_integer
    )
    if not isinstance(value, kind):
        raise _NotPlainJSON(f"The body must be a JSON {'object' if kind is dict else 'array'}.")
    return value


class _NotPlainJSON(Exception):
    """Python's parser would let it pass."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A key given twice is refused: the first value would be lost in silence."""
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _NotPlainJSON("The body has a field twice in one object.")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise _NotPlainJSON(f"The body is not JSON: {name} is not a JSON number.")


def _integer(text: str) -> int:
    return int(text[:_MAX_DIGITS])
