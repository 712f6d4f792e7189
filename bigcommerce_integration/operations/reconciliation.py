"""What a reconciliation has found, and its repair."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from ..errors import Conflict, NotFound
from ..models.refreshes import OPEN
from ..refresh.drift import Drift, load_drift
from ..refresh.job.parameters import MOST_IDS, Parameters
from .context import RequestContext
from .queries import RefreshView
from .refreshes import refresh_now, start_refresh


@dataclass(frozen=True)
class Reconciliation:
    """A refresh that compares, and what it has found so far."""

    view: RefreshView
    drift: Drift

    @property
    def is_over(self) -> bool:
        """Whether everything has been compared."""
        return bool(self.view.row.status == "completed")


def reconciliation(context: RequestContext, refresh_id: int) -> Reconciliation:
    """The reconciliation of this id; ``NotFound`` for another refresh, ``Forbidden`` if its records are secret."""
    view = refresh_now(context, refresh_id)
    if view.row.mode != "reconcile":
        raise NotFound("This refresh is no reconciliation, so it has no drift.")
    context.require(context.state.tables.registry[view.row.resource].permission)
    table = context.state.tables.refreshes
    stored = context.session.scalar(select(table.c.drift).where(table.c.id == refresh_id))
    return Reconciliation(view, load_drift(stored))


def repair(context: RequestContext, refresh_id: int) -> list[RefreshView]:
    """Refreshes of exactly the records that a reconciliation names, committed; ``Conflict`` if there is nothing to do.

    They write also what seems to be unchanged, and mark as deleted what the store confirms to be gone.
    """
    found = reconciliation(context, refresh_id)
    if found.view.row.status in OPEN:
        raise Conflict("This reconciliation goes on: wait for its end, then repair.", refresh_id=refresh_id)
    ids = sorted(found.drift.records)
    if not ids:
        raise Conflict("This reconciliation has found nothing to repair.", refresh_id=refresh_id)
    parts = (ids[start : start + MOST_IDS] for start in range(0, len(ids), MOST_IDS))
    name = found.view.row.resource
    return [start_refresh(context, name, "ids", Parameters(ids=tuple(part), is_repair=True)) for part in parts]
