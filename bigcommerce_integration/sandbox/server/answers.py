"""The dialects in which the API and its gateway answer errors (fact sheet, section 1)."""

from http import HTTPStatus

from ..records.jsontext import dumps
from .http_values import Answer

_TYPE = "https://docs.sandbox.invalid/status-codes"


def reason(status: int) -> str:
    """The standard text for a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def v2_error(status: int, message: str) -> Answer:
    """An array with one object."""
    return Answer(status, dumps([{"status": status, "message": message}]))


def v3_error(status: int, title: str, **errors: str) -> Answer:
    """An object with a title; also what the gateway answers for both versions."""
    return Answer(status, dumps({"status": status, "title": title, "type": _TYPE, "errors": errors}))


def error(version: str, status: int, text: str) -> Answer:
    """An error in the dialect of the version."""
    return v2_error(status, text) if version == "v2" else v3_error(status, text)


def not_found(version: str) -> Answer:
    """The entity or the path does not exist."""
    return error(version, 404, "The requested resource was not found.")


def unauthorized() -> Answer:
    """The token is missing, unknown or for another store."""
    return v3_error(401, "Unauthorized")


def scope_missing() -> Answer:
    """The gateway's answer for either version (T: @space48/bigcommerce-token-validator)."""
    return v3_error(403, "You don't have a required scope to access the endpoint")


def rate_limited() -> Answer:
    """The quota is used up, or the platform has too much to do."""
    return v3_error(429, "Too many requests. Try again later.")


def html(status: int) -> Answer:
    """A page of the web server in front, as for a wrong store hash (I:bigcommerce/bigcommerce-api-ruby#134)."""
    page = f"<html><head><title>{status} {reason(status)}</title></head><body><h1>{reason(status)}</h1></body></html>"
    return Answer(status, page, "text/html; charset=utf-8")
