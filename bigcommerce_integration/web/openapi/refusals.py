"""The answers that refuse, by status; the host's own among them."""

from __future__ import annotations

from typing import Any

from .shapes import ID, STRING, JSONSchema, list_of, nullable, record, ref

_MESSAGE: JSONSchema = {"type": "string", "minLength": 1}

SCHEMAS: dict[str, JSONSchema] = {
    "Refusal": record("What is wrong, in a sentence for people.", message=_MESSAGE),
    "Conflict": record("Names the refresh that stands in the way.", message=_MESSAGE, refresh_id=nullable(ID)),
    "Invalid": record(
        "Every field that cannot be accepted, by its dotted path, each with its reasons. After a hundred, `_schema` "
        "says how many more there are.",
        message=_MESSAGE,
        errors={
            "type": "object",
            "additionalProperties": {**list_of(STRING), "minItems": 1},
            "minProperties": 1,
            "examples": [{"integration_settings.store_id": ["There is no store with this id."]}],
        },
    ),
    "LoginRefusal": {
        "description": "The host's own answer to a JWT that it does not take; this is Flask-JWT-Extended's.",
        "type": "object",
        "properties": {"msg": STRING},
    },
}

_NAMES = {
    400: "Malformed",
    401: "NotLoggedIn",
    403: "NotPermitted",
    404: "NotFound",
    409: "Conflict",
    412: "Changed",
    413: "TooLarge",
    415: "NotJSON",
    422: "Invalid",
    503: "Busy",
}
BAD_JWT = "BadJWT"


def response_name(status: int) -> str:
    """The name of the refusal with this status among the document's responses."""
    return _NAMES[status]


def responses() -> dict[str, dict[str, Any]]:
    """All of them by name."""
    refusal, login = ref("Refusal"), ref("LoginRefusal")
    login_example = {"msg": "Token has expired"}
    bad_jwt = {"msg": "Not enough segments"}
    invalid = {
        "message": "The input is invalid; see errors.",
        "errors": {"mode": ["Must be one of: incremental, full, date_range, ids."]},
    }
    return {
        "Malformed": _response(
            "The body is not a JSON object.", refusal, {"message": "The body is not JSON: line 1, column 2."}
        ),
        "NotLoggedIn": _response("No JWT, or one that has expired or was revoked.", login, login_example),
        "NotPermitted": _response(
            "The host does not permit it.", refusal, {"message": "You are not permitted to do this."}
        ),
        "NotFound": _response(
            "There is no such thing, or it is another tenant's or another instance's.",
            refusal,
            {"message": "There is no such BigCommerce integration instance."},
        ),
        "Conflict": _response(
            "A refresh is in no state for this.",
            ref("Conflict"),
            {
                "message": "Refresh 12 of the products is open already: wait for its end, or cancel it.",
                "refresh_id": 12,
            },
        ),
        "Changed": _response(
            "Somebody else has changed it since the version that If-Match names.",
            refusal,
            {"message": "The instance was changed since you read it. Read it again and repeat your change."},
        ),
        "TooLarge": _response(
            "The body is larger than 64 KiB.", refusal, {"message": "The body must not exceed 65536 bytes."}
        ),
        "NotJSON": _response(
            "The body is not declared as JSON, or it is encoded.",
            refusal,
            {"message": "Send the body as JSON, with the header Content-Type: application/json."},
        ),
        "Invalid": {
            "description": "Fields or parameters that cannot be accepted; or, by the host, a JWT that cannot be read.",
            "content": {
                "application/json": {
                    "schema": {"anyOf": [ref("Invalid"), login]},
                    "examples": {"invalid": {"value": invalid}, "jwt": {"value": bad_jwt}},
                }
            },
        },
        BAD_JWT: _response("The JWT cannot be read.", login, bad_jwt),
        "Busy": _response(
            "Other transactions stood in the way for too long, or the store that had to be asked did not answer: send "
            "the same request again. Or the host's migration for our tables is missing. Nothing was changed.",
            refusal,
            {"message": "The database is busy. Nothing was changed; try again in a moment."},
        ),
    }


def _response(description: str, schema: JSONSchema, example: Any) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema, "example": example}}}
