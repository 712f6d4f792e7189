"""The form of a store's settings, which connect and settings share."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema
from werkzeug.datastructures import MultiDict

from ...errors import Invalid
from ...models.instances import PATHS, SETTINGS, IntegrationInstance
from ...operations.instances import verification
from ..forms import body_of

INTEGRATION, VERSION = "integration_id", "version"
LINKING = "linking"
"""One question for two settings."""
_ANSWERS = {"link": (True, False), "create": (True, True), "none": (False, False), "only_create": (False, True)}
_ACCOUNTING = SETTINGS[SETTINGS.index("auto_create_products") + 1 :]
FIELDS: dict[str, Any] = {
    "shown": [*PATHS.values()],
    "accounting_paths": [PATHS[name] for name in _ACCOUNTING],
}
"""What the template has to know of its fields."""


def body(schema: Schema, typed: MultiDict[str, str]) -> dict[str, Any]:
    """The body of the API that this form stands for."""
    made = body_of(schema, typed)
    links, creates = _ANSWERS.get(typed.get(LINKING, ""), _ANSWERS["none"])
    made["integration_settings"] |= {"auto_link_products": links, "auto_create_products": creates}
    return made


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
