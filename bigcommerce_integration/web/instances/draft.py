"""An instance as the request describes it, before the host was asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import Request
from marshmallow import Schema

from ...encryption import TokenCipher
from .. import schemas
from ..http.body import read_json_object


@dataclass(frozen=True)
class Draft:
    """The columns that are valid by themselves, and the errors of the others by dotted path.

    The token is ciphertext already: no frame from here on holds the plain one, so no traceback can show it.
    """

    columns: dict[str, Any] = field(repr=False)
    errors: schemas.Errors


def read_draft(request: Request, cipher: TokenCipher, schema: Schema | None = None) -> Draft:
    """The body as a draft, by default that of ``POST``; raises as ``read_json_object`` does."""
    values, errors = schemas.load(schema or schemas.NewInstance(), read_json_object(request))
    token = values.pop("connection_settings", {}).get("access_token")
    columns = values | values.pop("integration_settings", {})
    if token is not None:
        columns["access_token"] = cipher.encrypt(token)
    return Draft(columns, errors)
