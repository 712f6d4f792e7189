"""What follows for the refreshes when settings are changed; in the transaction that changes them.

``columns`` are those that really change, with their new values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import case, or_, update
from sqlalchemy.orm import Session

from ...models import Tables
from ...models.instances import IntegrationInstance
from ...models.refreshes import OPEN
from ...refresh.job.lease import fence
from ...refresh.job.regional import NOTHING_KNOWN
from ...refresh.lifecycle.transitions import reopen
from ...refresh.run.products import is_linking_switched_on
from ...worker.messages.sender import Hint
from ..context import Caller
from ..refreshes import failed_refreshes

REACHING = frozenset({"access_token", "store_hash"})
"""How the store is reached."""


def instance_values(instance: IntegrationInstance, columns: Mapping[str, Any]) -> dict[str, Any]:
    """More columns of the instance's row: the connection may work again, and nothing is known of another store yet."""
    is_reconnected = instance.status == "needs_attention" and not REACHING.isdisjoint(columns)
    active = {"status": "active", "status_message": None} if is_reconnected else {}
    return {**active, **(NOTHING_KNOWN if "store_hash" in columns else {})}


def concerns_leases(columns: Mapping[str, Any]) -> bool:
    """Whether ``apply`` would write."""
    return "start_date" in columns or _is_due(columns)


def apply(caller: Caller, instance: IntegrationInstance, columns: Mapping[str, Any]) -> None:
    """Note in the leases, which the caller has locked, what the next tick has to begin."""
    session, tables = caller.session, caller.state.tables
    leases = tables.leases
    mine = leases.c.instance_id == instance.id
    if not REACHING.isdisjoint(columns):
        # A slice that goes on with the old token would mark the instance again when the store refuses it.
        fence(session, tables, instance.id)
    values: dict[str, Any] = {}
    if "start_date" in columns:
        values["backfill_to"] = _backfill_to(tables, instance, columns)
        values["next_backfill_at"] = None
    if not REACHING.isdisjoint(columns):
        values["off_reason"] = None
    if _is_due(columns) or columns.get("start_date", instance.start_date) < instance.start_date:
        values["next_sync_at"] = None
    if values:
        session.execute(update(leases).where(mine).values(values))
    for name, collection in caller.state.collections.items():
        if own := collection.behaviour.settings_changed(columns):
            session.execute(update(leases).where(mine, leases.c.resource == name).values(**own))
    if "store_hash" in columns:
        _begin_anew(session, tables, instance.id)


def _is_due(columns: Mapping[str, Any]) -> bool:
    """Whether the tick has something to begin at once."""
    is_switched_on: bool = columns.get("is_automatic_sync_enabled", False)
    return is_switched_on or is_linking_switched_on(columns) or not REACHING.isdisjoint(columns)


def _backfill_to(tables: Tables, instance: IntegrationInstance, columns: Mapping[str, Any]) -> Any:
    """Up to the latest start date that a walk may have gone by; nothing once the new one is not before it."""
    known, old, new = tables.leases.c.backfill_to, instance.start_date, columns["start_date"]
    if new < old:
        return case((or_(known.is_(None), known < old), old), else_=known)
    return case((known > new, known), else_=None)


def continue_failed(session: Session, tables: Tables, instance_id: int, *, hint_after_s: float) -> list[Hint]:
    """Open again what has failed since the last success of its resource: the newest walk, and refreshes of ids.

    As far as is known these failed for the want of the right token alone, and nobody has repeated them since.
    """
    return [
        (resource, refresh_id)
        for resource, refresh_id in failed_refreshes(session, tables, instance_id)
        if reopen(session, tables, refresh_id, hint_after_s=hint_after_s)
    ]


def _begin_anew(session: Session, tables: Tables, instance_id: int) -> None:
    """Another store, while nothing of the old one is stored: its watermark and its walks are useless."""
    leases, refreshes = tables.leases, tables.refreshes
    session.execute(update(leases).where(leases.c.instance_id == instance_id).values(watermark=None))
    session.execute(
        update(refreshes)
        .where(refreshes.c.instance_id == instance_id, refreshes.c.status.in_(OPEN))
        .values(checkpoint=None, total=None, attempts=0, resume_at=None)
    )
