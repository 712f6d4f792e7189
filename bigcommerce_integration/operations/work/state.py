"""Whether any work is done at all: one cheap query over all tenants, for ``GET /health`` and the doctor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, and_, exists, func, select
from sqlalchemy.orm import Session

from ...config import Config
from ...models import Tables, db_now, is_due
from ...models.clock import ALLOWED_S
from ...models.refreshes import OPEN
from ...refresh.job.lease import is_free_to_take
from ...refresh.lifecycle.claim import LONGEST_PAUSE_S
from ...refresh.removal.purge import DELETING

IDLE_FOR_S = 300.0
"""For how long no slice may end while work is due."""


@dataclass(frozen=True)
class WorkState:
    """Whether a store is connected (``is_needed``), whether a worker runs (``is_ticking``), and whether work is undone.

    ``tick_s_ago`` is how long ago one ticked, also one that has ended since; None if none has within a day.
    ``window_s`` is how old a tick may be. ``stuck_s``: work is due, and so many seconds ago a slice of any store ended
    (of a new worker: it began to listen); None if no work is due, or if the workers are of a version that does not
    tell. ``broker_down_since``: the broker does not answer a worker that runs (naive UTC); None if it answers, or
    nobody has asked it.
    """

    is_needed: bool
    is_ticking: bool
    tick_s_ago: float | None
    stuck_s: float | None
    window_s: float
    broker_down_since: datetime | None = None

    @property
    def is_done(self) -> bool:
        """Whether work is done, or none is needed: one store's trouble changes nothing about it."""
        if not self.is_needed:
            return True
        return self.is_ticking and (self.stuck_s is None or self.stuck_s <= IDLE_FOR_S)


def work_state(session: Session, tables: Tables, config: Config) -> WorkState:
    """In one query."""
    row = session.execute(_statement(tables, config)).one()
    stuck = row.now - row.slice_at if row.is_due and row.slice_at is not None else None
    return WorkState(
        is_needed=bool(row.is_needed),
        is_ticking=row.running > 0,
        tick_s_ago=None if row.tick_at is None else (row.now - row.tick_at).total_seconds(),
        stuck_s=None if stuck is None else stuck.total_seconds(),
        window_s=max(60.0, 3 * config.tick_s),
        broker_down_since=row.broker_down_since,
    )


def _statement(tables: Tables, config: Config) -> Select[tuple[object, ...]]:
    workers, instances, refreshes, leases = tables.workers, tables.instances, tables.refreshes, tables.leases
    # Not what a worker noted while the database's clock was wrong.
    ticked_at = select(func.max(workers.c.last_tick_at)).where(workers.c.last_tick_at <= db_now(ALLOWED_S))
    has_ticked = workers.c.last_tick_at.between(db_now(-max(60.0, 3 * config.tick_s)), db_now(ALLOWED_S))
    is_running = and_(workers.c.ended_at.is_(None), has_ticked)
    running = select(func.count()).select_from(workers).where(is_running)
    slice_at = select(func.max(workers.c.last_slice_at)).where(is_running)
    broker_down_since = select(func.min(workers.c.broker_down_since)).where(is_running)
    of_both = and_(leases.c.instance_id == refreshes.c.instance_id, leases.c.resource == refreshes.c.resource)
    is_work_due = exists().where(
        of_both,
        refreshes.c.status.in_(OPEN),
        refreshes.c.resource.in_(tables.registry.names),
        is_due(refreshes.c.resume_at, within_s=LONGEST_PAUSE_S),
        is_free_to_take(tables, config.lease_s),
    )
    return select(
        exists().where(instances.c.status != DELETING).label("is_needed"),
        running.scalar_subquery().label("running"),
        ticked_at.scalar_subquery().label("tick_at"),
        slice_at.scalar_subquery().label("slice_at"),
        broker_down_since.scalar_subquery().label("broker_down_since"),
        is_work_due.label("is_due"),
        db_now().label("now"),
    )
