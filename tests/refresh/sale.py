"""An order as the store answers it, and its columns."""

from __future__ import annotations

from typing import Any

from bigcommerce_integration.resources.mapping import Mapped
from bigcommerce_integration.resources.registry import REGISTRY

from .conftest import payload, record


def sale(**changes: Any) -> dict[str, Any]:
    """An order of seven pieces in five lines: shipped (two), picked up, downloaded, sent by e-mail."""
    return payload("orders", **changes)


def shipped(value: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = value["consignments"]["shipping"][0]
    return found


def mapped(value: dict[str, Any]) -> Mapped:
    return REGISTRY.mappers["orders"].map_record(record(value))
