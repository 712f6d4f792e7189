"""What a refresh is asked for beside its resource and mode."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import Any, get_args

from ...resources.base import LARGEST_PAGE, Mode

__all__ = ["BESIDE_WALKS", "MODES", "MOST_IDS", "Mode", "Parameters", "load_parameters"]

MODES: tuple[Mode, ...] = get_args(Mode)
BESIDE_WALKS: tuple[Mode, ...] = ("ids", "create")
"""No walks: many of them may be open at a time, and beside one."""
MOST_IDS = LARGEST_PAGE
"""As many as one request for products may name."""


@dataclass(frozen=True)
class Parameters:
    """``date_from`` and ``date_to`` (both included, days in the store's time zone) belong to ``date_range`` and
    ``reconcile``, ``ids`` (at most ``MOST_IDS``) to ``ids``, ``allow_mass_delete`` to ``full``.

    ``is_repair``, with ``ids``: rows are written also where they seem to be unchanged.
    """

    date_from: date | None = None
    date_to: date | None = None
    ids: tuple[int, ...] = ()
    allow_mass_delete: bool = False
    is_repair: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Those that are set, as plain JSON values."""
        return {name: _plain(value) for name, value in vars(self).items() if value}

    def dump(self) -> str | None:
        """As the refresh row holds them: JSON text, or None where nothing is set."""
        values = self.as_dict()
        return json.dumps(values) if values else None


def load_parameters(text: str | None) -> Parameters:
    """What ``dump`` wrote."""
    values: dict[str, Any] = json.loads(text) if text else {}
    days = {name: date.fromisoformat(values[name]) for name in ("date_from", "date_to") if name in values}
    return Parameters(
        **days,
        ids=tuple(values.get("ids", ())),
        allow_mass_delete="allow_mass_delete" in values,
        is_repair="is_repair" in values,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value
