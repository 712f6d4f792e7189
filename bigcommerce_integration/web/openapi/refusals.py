"""The answers that refuse, by status; the host's own among them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from marshmallow import INCLUDE, Schema

from .shapes import ID, SENTENCE, STRING, AnswerSchema, Shown, list_of, ref


class Refusal(AnswerSchema):
    """What is wrong, in a sentence for people."""

    message = Shown(SENTENCE, "What is wrong.", "You are not permitted to do this.")


class Conflict(Refusal):
    """What stands in the way."""

    refresh_id = Shown(ID, "The refresh that stands in the way; null where none does.", 12, is_null=True)


class Invalid(Refusal):
    """Every field that cannot be accepted."""

    errors = Shown(
        {
            "type": "object",
            "additionalProperties": list_of(STRING, minItems=1),
            "minProperties": 1,
            "examples": [{"integration_settings.store_id": ["There is no store with this id."]}],
        },
        "By a field's dotted path, the reasons. After a hundred, `_schema` says how many more there are.",
    )


class LoginRefusal(Schema):
    """The host's own answer to a JWT that it does not take; this is Flask-JWT-Extended's."""

    class Meta:
        unknown = INCLUDE

    msg = Shown(STRING, "What is wrong with the JWT.", is_optional=True)


@dataclass(frozen=True)
class _Response:
    """A refusal: when it is given, and what it says for example."""

    name: str
    description: str
    example: dict[str, Any]
    schema: type[Schema] = field(default=Refusal)

    def described(self) -> dict[str, Any]:
        content = {"schema": self.schema, "example": self.example}
        return {"description": self.description, "content": {"application/json": content}}


def _refusal(name: str, description: str, message: str) -> _Response:
    return _Response(name, description, {"message": message})


_BAD_JWT = {"msg": "Not enough segments"}
_BY_STATUS = {
    400: _refusal("Malformed", "The body is not a JSON object.", "The body is not JSON: line 1, column 2."),
    401: _Response(
        "NotLoggedIn", "No JWT, or one that has expired or was revoked.", {"msg": "Token has expired"}, LoginRefusal
    ),
    403: _refusal("NotPermitted", "The host does not permit it.", "You are not permitted to do this."),
    404: _refusal(
        "NotFound",
        "There is no such thing, or it is another tenant's or another instance's.",
        "There is no such BigCommerce integration instance.",
    ),
    409: _Response(
        "Conflict",
        "A refresh is in no state for this.",
        {
            "message": "Refresh 12 of the products is open already: wait for its end, or cancel it.",
            "refresh_id": 12,
        },
        Conflict,
    ),
    412: _refusal(
        "Changed",
        "Somebody else has changed it since the version that If-Match names.",
        "The instance was changed since you read it. Read it again and repeat your change.",
    ),
    413: _refusal("TooLarge", "The body is larger than 64 KiB.", "The body must not exceed 65536 bytes."),
    415: _refusal(
        "NotJSON",
        "The body is not declared as JSON, or it is encoded.",
        "Send the body as JSON, with the header Content-Type: application/json.",
    ),
    503: _refusal(
        "Busy",
        "Other transactions stood in the way for too long, or the store that had to be asked did not answer: send "
        "the same request again. Or the host's migration for our tables is missing. Nothing was changed.",
        "The database is busy. Nothing was changed; try again in a moment.",
    ),
}
_UNREADABLE_JWT = _Response("BadJWT", "The JWT cannot be read.", _BAD_JWT, LoginRefusal)
_INVALID = {
    "description": "Fields or parameters that cannot be accepted; or, by the host, a JWT that cannot be read.",
    "content": {
        "application/json": {
            "schema": {"anyOf": [ref("Invalid"), ref("LoginRefusal")]},
            "examples": {
                "invalid": {
                    "value": {
                        "message": "The input is invalid; see errors.",
                        "errors": {"mode": ["Must be one of: incremental, full, date_range, ids."]},
                    }
                },
                "jwt": {"value": _BAD_JWT},
            },
        }
    },
}


NAMED = (Refusal, Conflict, Invalid, LoginRefusal)


def response_name(status: int, *, validates: bool) -> str:
    """The name of the refusal with this status; of 422 it depends on whether there is something to be invalid."""
    if status == 422:
        return "Invalid" if validates else _UNREADABLE_JWT.name
    return _BY_STATUS[status].name


def responses() -> dict[str, dict[str, Any]]:
    """All of them by name."""
    plain = (*_BY_STATUS.values(), _UNREADABLE_JWT)
    return {"Invalid": _INVALID} | {each.name: each.described() for each in plain}
