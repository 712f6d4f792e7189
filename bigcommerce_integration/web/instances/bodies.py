"""What a request holds about an instance: its body as a draft, and the version that it names."""

from __future__ import annotations

from collections.abc import Set

from flask import Request
from marshmallow import Schema

from ...encryption import TokenCipher
from ...models.instances import IntegrationInstance
from ...operations.instances.draft import Draft, draft_of
from ...schemas.base import load
from ...schemas.instances import NewInstance
from ..http.body import read_json_object

_NEW = NewInstance()


def read_draft(request: Request, cipher: TokenCipher, schema: Schema | None = None) -> Draft:
    """The body as a draft, by default that of ``POST``; raises as ``read_json_object`` does."""
    values, errors = load(schema or _NEW, read_json_object(request))
    return draft_of(values, errors, cipher)


def etag(instance: IntegrationInstance) -> str:
    """The value of the header; it counts changes by people, not what refreshes do."""
    return f'"{instance.version}"'


def read_if_match(request: Request) -> Set[str] | None:
    """The versions that ``If-Match`` names; None (all of them) without the header and for ``*``."""
    if "If-Match" not in request.headers or request.if_match.star_tag:
        return None
    return request.if_match.as_set()
