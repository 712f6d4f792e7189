"""The form of a store's settings, which connect and settings share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import request
from marshmallow import Schema
from werkzeug.datastructures import ImmutableMultiDict

from ...errors import Invalid
from ...models.instances import PATHS, SETTINGS, TOKEN_PATH, IntegrationInstance
from ...operations.instances import verification
from ...operations.instances.draft import Draft, draft_of
from ...schemas.base import load
from .. import login
from ..forms import body_of

INTEGRATION, VERSION = "integration_id", "version"
LINKING = "linking"
"""One question for two settings."""
_ANSWERS = {"link": (True, False), "create": (True, True), "none": (False, False), "only_create": (False, True)}
_ACCOUNTING = SETTINGS[SETTINGS.index("auto_create_products") + 1 :]
_BEGIN = "accounting_from"
FIELDS: dict[str, Any] = {
    "shown": [*PATHS.values(), _BEGIN],
    "accounting_paths": [*(PATHS[name] for name in _ACCOUNTING), _BEGIN],
}
"""What the template has to know of its fields."""


@dataclass(frozen=True)
class Sent:
    """What a person has sent: the texts without the token, and the draft that they stand for."""

    typed: dict[str, str]
    draft: Draft


def read(schema: Schema, known: Mapping[str, str], *, defaults: Mapping[str, str] | None = None) -> Sent:
    """The form of this request, with what is known beside it; ``defaults`` stand for blanks in the draft alone.

    The request keeps no token afterwards, and neither does any frame: no report of a later error can show it.
    """
    typed = request.form.to_dict() | dict(known)
    blanks = {name: text for name, text in (defaults or {}).items() if not typed.get(name, "").strip()}
    body = body_of(schema, typed | blanks)
    links, creates = _ANSWERS.get(typed.get(LINKING, ""), _ANSWERS["none"])
    body["integration_settings"] |= {"auto_link_products": links, "auto_create_products": creates}
    draft = draft_of(*load(schema, body), login.caller().state.cipher)
    kept = {name: text for name, text in typed.items() if name != TOKEN_PATH}
    request.form = ImmutableMultiDict(kept)
    return Sent(kept, draft)


def linking_of(instance: IntegrationInstance) -> str:
    """The answer that is stored."""
    stored = (instance.auto_link_products, instance.auto_create_products)
    return next(answer for answer, meant in _ANSWERS.items() if meant == stored)


def plain(refusal: Invalid) -> dict[str, list[str]]:
    """The errors at their fields, without advice on HTTP: the page has a button for that."""
    return {
        path: [each.replace(verification.SKIP, "").strip() for each in messages]
        for path, messages in refusal.errors.items()
    }


def has_skip(refusal: Invalid) -> bool:
    """Whether the store alone refuses, so that the form can be saved all the same."""
    return any(verification.SKIP in each for messages in refusal.errors.values() for each in messages)
