"""Instances and refreshes as a person sees them; every query is bound to the tenant."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, exists, func, not_, or_, select
from sqlalchemy.orm import Session

from ..config import Config
from ..errors import NotFound
from ..models import Tables, db_now, is_due
from ..models.instances import IntegrationInstance
from ..models.refreshes import OPEN
from ..refresh.job.progress import Speed, speed
from ..refresh.lifecycle.setbacks import SHOWN_FROM

LONGEST_LEASE_S = 3600.0
NO_REFRESH = "There is no such refresh of this BigCommerce integration instance."
NO_WORKER = (
    "No worker is running, so this refresh waits. Start one with `dramatiq host.worker:broker`, "
    "where host.worker is your module that calls create_app() and exposes its broker."
)
_OF_INSTANCE = "of_instance_"
# Of a refresh: the worker's own affair, and the checkpoint and the drift may be long.
_HIDDEN = frozenset({"checkpoint", "attempts", "drift"})


@dataclass(frozen=True)
class RefreshView:
    """What can be shown of a refresh, and whether it waits for a worker while none is running."""

    row: Row[Any]
    lacks_worker: bool

    @property
    def percentage(self) -> int | None:
        """100 only once it is completed."""
        percentage: int | None = self.row.progress_percentage
        return percentage if percentage is None or self.row.status == "completed" else min(percentage, 99)

    @property
    def trouble(self) -> str | None:
        """What ended the last attempts of an open refresh, if a person should see it."""
        is_shown = self.row.shortages > 0 or self.row.errors >= SHOWN_FROM
        trouble: str | None = self.row.trouble
        return trouble if is_shown and self.row.status in OPEN else None

    @property
    def message(self) -> str | None:
        """What is being done, and what ended the attempts before: a page written since must not hide that."""
        if self.lacks_worker:
            return NO_WORKER
        message: str | None = self.row.message
        trouble = self.trouble
        return message if trouble is None or trouble in (message or "") else f"{message or ''} {trouble}".strip()

    @property
    def ask_again_s(self) -> int | None:
        """In how many seconds it is worth the while to look again, from 1 to 60; None for one that has ended.

        When a long wait for the store is over, or after a tenth of the time that is left.
        """
        row = self.row
        if row.status not in OPEN:
            return None
        waits_s = 0.0 if row.resume_at is None else (row.resume_at - row.now).total_seconds()
        left_s = (self.speed.eta_s or 0.0) / 10 if row.status == "processing" else 0.0
        return min(60, max(1, math.ceil(waits_s), math.ceil(left_s)))

    @property
    def speed(self) -> Speed:
        """The rate, and the time that is left."""
        row = self.row
        return speed(
            fetched=row.fetched,
            total=row.total,
            started_at=row.started_at,
            now=row.finished_at or row.now,
            waited_s=row.waited_s,
        )


def instance(
    session: Session, tables: Tables, instance_id: int, *, tenant: str, locking: bool = False
) -> IntegrationInstance:
    """The tenant's instance; ``NotFound`` if there is none or it is another tenant's.

    ``locking`` reads what is committed now, also where the transaction reads from an older snapshot (MariaDB).
    """
    which = _one_instance(tables)
    found = session.execute(
        which.with_for_update() if locking else which, {"instance_id": instance_id, "tenant": tenant}
    )
    row = found.one_or_none()
    if row is None:
        raise NotFound("There is no such BigCommerce integration instance.")
    return IntegrationInstance.from_row(row)


def with_refreshes(
    session: Session, tables: Tables, config: Config, instance_id: int, *, tenant: str, refresh_id: int | None = None
) -> tuple[IntegrationInstance, list[RefreshView]] | None:
    """The tenant's instance and its refreshes, oldest first, or this one of them; None unless there are both."""
    ids = {"instance_id": instance_id, "tenant": tenant, "refresh_id": refresh_id}
    statement = _both(tables, worker_window_s(config), is_one=refresh_id is not None)
    rows = session.execute(statement, ids).all()
    if not rows:
        return None
    return IntegrationInstance.from_row(rows[0], prefix=_OF_INSTANCE), [_view(row) for row in rows]


def refresh(session: Session, tables: Tables, config: Config, *, instance_id: int, refresh_id: int) -> RefreshView:
    """A refresh of this very instance, or ``NotFound``."""
    ids = {"refresh_id": refresh_id, "instance_id": instance_id}
    found = session.execute(_one_refresh(tables, worker_window_s(config)), ids).one_or_none()
    if found is None:
        raise NotFound(NO_REFRESH)
    return _view(found)


def refreshes(session: Session, tables: Tables, config: Config, *which: ColumnElement[bool]) -> list[RefreshView]:
    """Those that meet all of ``which``, oldest first."""
    found = session.execute(_refreshes(tables, worker_window_s(config)).where(*which).order_by(tables.refreshes.c.id))
    return [_view(row) for row in found]


def refreshes_of(
    session: Session, tables: Tables, config: Config, instance_id: int, *, page: int, per_page: int, **filters: str
) -> tuple[list[RefreshView], int]:
    """One page of an instance's refreshes, the newest first, and how many there are; ``filters`` by column."""
    table = tables.refreshes
    which = (table.c.instance_id == instance_id, *(table.c[name] == value for name, value in filters.items()))
    total: int = session.execute(select(func.count()).select_from(table).where(*which)).scalar_one()
    return latest_refreshes(session, tables, config, *which, limit=per_page, offset=(page - 1) * per_page), total


def latest_refreshes(
    session: Session, tables: Tables, config: Config, *which: ColumnElement[bool], limit: int, offset: int = 0
) -> list[RefreshView]:
    """The newest of those that meet all of ``which``, not counted; ``offset`` are left out."""
    found = _refreshes(tables, worker_window_s(config)).where(*which).order_by(tables.refreshes.c.id.desc())
    return [_view(row) for row in session.execute(found.limit(limit).offset(offset))]


def worker_window_s(config: Config) -> float:
    """How long after its last tick a worker counts as running."""
    return max(60.0, 4 * config.tick_s)


def is_worker_ticking(tables: Tables, config: Config) -> ColumnElement[bool]:
    """Whether a worker is running."""
    return _is_ticking(tables, worker_window_s(config))


def _is_ticking(tables: Tables, window_s: float) -> ColumnElement[bool]:
    workers = tables.workers
    has_ticked = workers.c.last_tick_at.between(db_now(-window_s), db_now(window_s))
    return exists().where(workers.c.ended_at.is_(None), has_ticked)


# Built once for each app: a page that shows progress polls with these.


@lru_cache(maxsize=16)
def _one_instance(tables: Tables) -> Select[Any]:
    table = tables.instances
    return select(table).where(table.c.id == bindparam("instance_id"), table.c.tenant == bindparam("tenant"))


@lru_cache(maxsize=16)
def _one_refresh(tables: Tables, window_s: float) -> Select[Any]:
    table = tables.refreshes
    return _refreshes(tables, window_s).where(
        table.c.id == bindparam("refresh_id"), table.c.instance_id == bindparam("instance_id")
    )


@lru_cache(maxsize=16)
def _both(tables: Tables, window_s: float, *, is_one: bool) -> Select[Any]:
    table, instances = tables.refreshes, tables.instances
    found = (
        _refreshes(tables, window_s)
        .join(instances, instances.c.id == table.c.instance_id)
        .add_columns(*(column.label(_OF_INSTANCE + column.name) for column in instances.c))
        .where(instances.c.id == bindparam("instance_id"), instances.c.tenant == bindparam("tenant"))
        .order_by(table.c.id)
    )
    return found.where(table.c.id == bindparam("refresh_id")) if is_one else found


def _refreshes(tables: Tables, window_s: float) -> Select[Any]:
    """Refreshes with ``lacks_worker``, judged by the database's clock as the leases and ticks are, and its ``now``."""
    table, leases = tables.refreshes, tables.leases
    held = exists().where(
        leases.c.instance_id == table.c.instance_id,
        leases.c.resource == table.c.resource,
        not_(is_due(leases.c.expires_at, within_s=LONGEST_LEASE_S)),
    )
    ticking = _is_ticking(tables, window_s)
    waits = or_(table.c.status == "pending", and_(table.c.status == "processing", ~held))
    shown = [column for column in table.c if column.name not in _HIDDEN]
    return select(*shown, and_(waits, ~ticking).label("lacks_worker"), db_now().label("now"))


def _view(row: Row[Any]) -> RefreshView:
    return RefreshView(row, bool(row.lacks_worker))
