"""What a person has changed of an instance, as the audit trail tells it: by dotted path, and never the token."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from ...models.instances import IntegrationInstance
from ..schemas import SETTINGS

TOKEN_PATH = "connection_settings.access_token"  # noqa: S105 - where it stands, not what it is
_OWN = ("name", "integration_id", "is_automatic_sync_enabled")
PATHS: Mapping[str, str] = {
    **{name: name for name in _OWN},
    **{name: f"integration_settings.{name}" for name in SETTINGS},
    "access_token": TOKEN_PATH,
}
"""Where each column that a request may name stands in it."""


def created(instance: IntegrationInstance) -> dict[str, Any]:
    """All that a new instance was given."""
    given = {name: getattr(instance, name) for name in PATHS if name != "access_token"}
    return {TOKEN_PATH: "set", **{PATHS[name]: _step(None, value) for name, value in given.items()}}


def changed_columns(instance: IntegrationInstance, columns: Mapping[str, Any]) -> dict[str, Any]:
    """Those of ``columns`` that are not what is stored; a token that was given always counts as a new one."""
    return {
        name: value for name, value in columns.items() if name == "access_token" or value != getattr(instance, name)
    }


def changed(instance: IntegrationInstance, columns: Mapping[str, Any]) -> dict[str, Any]:
    """From what is stored to ``columns``."""
    return dict(_changed(instance, columns))


def _changed(instance: IntegrationInstance, columns: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in columns.items():
        if name == "access_token":
            yield TOKEN_PATH, "replaced"
        else:
            yield PATHS[name], _step(getattr(instance, name), value)


def _step(before: Any, after: Any) -> dict[str, Any]:
    return {"from": _plain(before), "to": _plain(after)}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
