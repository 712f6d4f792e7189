"""The answers that refuse, by status; the host's own among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import INCLUDE, Schema

from .fields import AnswerSchema, Shown, example_of
from .shapes import ID, SENTENCE, STRING, list_of, ref


class Refusal(AnswerSchema):
    """What is wrong, in a sentence for people."""

    message = Shown(SENTENCE, "What is wrong.", "You are not permitted to do this.")


class Conflict(Refusal):
    """What stands in the way."""

    refresh_id = Shown(ID, "The refresh that stands in the way; null where none does.", 12, is_null=True)


class Invalid(Refusal):
    """Every field that cannot be accepted."""

    errors = Shown(
        {"type": "object", "additionalProperties": list_of(STRING, minItems=1), "minProperties": 1},
        "By a field's dotted path, the reasons. After a hundred, `_schema` says how many more there are.",
        {"integration_settings.store_id": ["There is no store with this id."]},
    )


class LoginRefusal(Schema):
    """The host's own answer to a JWT that it does not take; this is Flask-JWT-Extended's."""

    class Meta:
        unknown = INCLUDE

    msg = Shown(STRING, "What is wrong with the JWT.", is_optional=True)


_LOGIN = {"msg": "Not enough segments"}
_BY_STATUS: Mapping[int, tuple[str, str, Any]] = {
    400: (
        "Malformed",
        "The body cannot be read.",
        "The body is not JSON: line 1, column 2.",
    ),
    401: ("NotLoggedIn", "No JWT, or one that has expired or was revoked.", {"msg": "Token has expired"}),
    403: ("NotPermitted", "The host does not permit it.", "You are not permitted to do this."),
    404: (
        "NotFound",
        "There is no such thing, or it is another tenant's or another instance's.",
        "There is no such BigCommerce integration instance.",
    ),
    409: (
        "Conflict",
        "A refresh, a link import, an accounting document or a batch is in no state for this; or what is acknowledged "
        "is not so any longer.",
        "Refresh 12 of the products is open already: wait for its end, or cancel it.",
    ),
    412: (
        "Changed",
        "Somebody else has changed it since the version that If-Match names.",
        "The instance was changed since you read it. Read it again and repeat your change.",
    ),
    413: (
        "TooLarge",
        "The body is larger than the operation takes.",
        "The body must not exceed 65536 bytes.",
    ),
    415: (
        "NotJSON",
        "The body is not declared as what the operation takes, or it is encoded.",
        "Send the body as JSON, with the header Content-Type: application/json.",
    ),
    428: (
        "VersionMissing",
        "If-Match names no version.",
        "Say which version you have seen: send its ETag as If-Match.",
    ),
    503: (
        "Busy",
        "Other transactions stood in the way for too long, or the store that had to be asked did not answer: send "
        "the same request again. Or the host's migration for our tables is missing. Nothing was changed.",
        "The database is busy. Nothing was changed; try again in a moment.",
    ),
}
"""The name of the response, when it is given, and what it says for example."""
_SCHEMAS = {401: LoginRefusal, 409: Conflict}
NAMED = (Refusal, Conflict, Invalid, LoginRefusal)


def response_name(status: int, *, validates: bool) -> str:
    """The name of the refusal with this status; of 422 it depends on whether there is something to be invalid."""
    if status == 422:
        return "Invalid" if validates else "BadJWT"
    return _BY_STATUS[status][0]


def responses() -> dict[str, dict[str, Any]]:
    """All of them by name."""
    invalid = example_of(Invalid, message="The input is invalid; see errors.")
    shape = {"anyOf": [ref("Invalid"), ref("LoginRefusal")]}
    examples = {"invalid": {"value": invalid}, "jwt": {"value": _LOGIN}}
    found = {
        "Invalid": _response(
            "Fields or parameters that cannot be accepted; or, by the host, a JWT that cannot be read.",
            {"schema": shape, "examples": examples},
        ),
        "BadJWT": _response("The JWT cannot be read.", {"schema": LoginRefusal, "example": _LOGIN}),
    }
    for status, (name, description, said) in _BY_STATUS.items():
        schema = _SCHEMAS.get(status, Refusal)
        example = said if schema is LoginRefusal else example_of(schema, message=said)
        found[name] = _response(description, {"schema": schema, "example": example})
    return found


def _response(description: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": content}}
