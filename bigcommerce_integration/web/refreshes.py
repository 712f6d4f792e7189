"""``/api/big-commerce/<id>/refreshes/<refresh_id>``."""

from __future__ import annotations

from typing import Any

from ..state import current_state
from . import queries
from .access import require_login, require_permission, tenant_of
from .answers import refresh_answer


def get_refresh(instance_id: str, refresh_id: str) -> dict[str, Any]:
    """How far one refresh is."""
    require_login()
    state = current_state()
    session = state.db.session()
    instance = queries.instance(session, state.tables, queries.parse_id(instance_id), tenant=tenant_of(state.host))
    require_permission(state.host, "read", instance)
    found = queries.refresh(
        session, state.tables, state.config, instance_id=instance.id, refresh_id=queries.parse_id(refresh_id)
    )
    return {"data": refresh_answer(found)}
