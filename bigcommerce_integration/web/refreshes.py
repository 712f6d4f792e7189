"""``/api/big-commerce/<id>/refreshes/<refresh_id>``."""

from __future__ import annotations

from typing import Any

from . import queries
from .access import ask
from .answers import refresh_answer


def get_refresh(instance_id: str, refresh_id: str) -> dict[str, Any]:
    """How far one refresh is."""
    asked = ask("read", instance_id)
    found = queries.refresh(
        asked.session,
        asked.state.tables,
        asked.state.config,
        instance_id=asked.instance.id,
        refresh_id=queries.parse_id(refresh_id),
    )
    return {"data": refresh_answer(found)}
