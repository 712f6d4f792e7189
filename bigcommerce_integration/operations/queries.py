"""Instances and refreshes as a person sees them; every query is bound to the tenant."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Row, Select, bindparam, exists, func, select
from sqlalchemy.orm import Session

from ..config import Config
from ..errors import NotFound
from ..models import Tables, db_now
from ..models.clock import ALLOWED_S
from ..models.instances import IntegrationInstance
from ..models.refreshes import COUNTERS, OPEN
from ..refresh.job.progress import Speed, speed
from ..refresh.lifecycle.setbacks import SHOWN_FROM

LONGEST_LEASE_S = 3600.0
NO_INSTANCE = "There is no such BigCommerce integration instance."
NO_REFRESH = "There is no such refresh of this BigCommerce integration instance."
NO_WORKER = (
    "No worker is running, so this refresh waits. Start one with `dramatiq host.worker:broker`, "
    "where host.worker is your module that calls create_app() and exposes its broker."
)
_OF_INSTANCE = "store_"
# Of a refresh: the worker's own affair, and the checkpoint and the drift may be long.
_HIDDEN = frozenset({"checkpoint", "attempts", "drift"})


@dataclass(frozen=True)
class RefreshView:
    """What can be shown of a refresh, and whether it waits for a worker while none is running."""

    row: Any
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
        raise NotFound(NO_INSTANCE)
    return IntegrationInstance.from_row(row)


def with_refresh(
    session: Session, tables: Tables, config: Config, instance_id: int, *, tenant: str, refresh_id: int
) -> tuple[IntegrationInstance, RefreshView] | None:
    """The tenant's instance and this refresh of it; None unless there are both."""
    ids = {"instance_id": instance_id, "tenant": tenant, "refresh_id": refresh_id}
    row = session.execute(_both(tables, worker_window_s(config)), ids).one_or_none()
    return None if row is None else (IntegrationInstance.from_row(row, prefix=_OF_INSTANCE), _view(row))


def refresh(session: Session, tables: Tables, config: Config, *, instance_id: int, refresh_id: int) -> RefreshView:
    """A refresh of this very instance, or ``NotFound``."""
    ids = {"refresh_id": refresh_id, "instance_id": instance_id}
    found = session.execute(_one_refresh(tables, worker_window_s(config)), ids).one_or_none()
    if found is None:
        raise NotFound(NO_REFRESH)
    return _view(found)


def refreshes_named(
    session: Session, tables: Tables, config: Config, ids: Collection[int], open_keys: Collection[str]
) -> list[RefreshView]:
    """Those with these ids and those with these open keys, oldest first."""
    named = {"ids": list(ids), "open_keys": list(open_keys)}
    return [_view(row) for row in session.execute(_named_refreshes(tables, worker_window_s(config)), named)]


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


_TENANT: ColumnElement[Any] = bindparam("tenant")


def is_of_tenant(instances: FromClause, tenant: ColumnElement[Any] = _TENANT) -> ColumnElement[bool]:
    """That the instance is the tenant's, beside a condition that finds it.

    It is not written as an equality, which an index serves: as long as the tables have no statistics, PostgreSQL may
    read all rows of the tenant by the index of their names.
    """
    return instances.c.tenant.is_not_distinct_from(tenant)


# Built once for each app: a page that shows progress polls with these.


@lru_cache(maxsize=16)
def _one_instance(tables: Tables) -> Select[Any]:
    table = tables.instances
    return select(table).where(table.c.id == bindparam("instance_id"), is_of_tenant(table))


@lru_cache(maxsize=16)
def _one_refresh(tables: Tables, window_s: float) -> Select[Any]:
    table = tables.refreshes
    return _refreshes(tables, window_s).where(
        table.c.id == bindparam("refresh_id"), table.c.instance_id == bindparam("instance_id")
    )


@lru_cache(maxsize=16)
def _named_refreshes(tables: Tables, window_s: float) -> Select[Any]:
    table = tables.refreshes
    has_id = table.c.id.in_(bindparam("ids", expanding=True))
    is_open = table.c.open_key.in_(bindparam("open_keys", expanding=True))
    return _refreshes(tables, window_s).where(has_id | is_open).order_by(table.c.id)


@lru_cache(maxsize=16)
def _both(tables: Tables, window_s: float) -> Select[Any]:
    # By a short name: psycopg keeps no parsed form of a statement above 4,096 characters.
    instances = tables.instances.alias("store")
    return (
        _one_refresh(tables, window_s)
        .join(instances, instances.c.id == tables.refreshes.c.instance_id)
        .add_columns(*(column.label(_OF_INSTANCE + column.name) for column in instances.c))
        .where(is_of_tenant(instances))
    )


def _refreshes(tables: Tables, window_s: float) -> Select[Any]:
    """Refreshes with what ``_view`` needs: by the database's clock, as the leases and ticks are."""
    table, leases = tables.refreshes, tables.leases
    its_lease = (leases.c.instance_id == table.c.instance_id, leases.c.resource == table.c.resource)
    lease_ends_at = select(leases.c.expires_at).where(*its_lease).scalar_subquery().label("lease_ends_at")
    shown = [column for column in table.c if column.name not in _HIDDEN]
    return select(*shown, lease_ends_at, _is_ticking(tables, window_s).label("has_worker"), db_now().label("now"))


def view_of_new(tables: Tables, begun: Mapping[str, Any], *, now: datetime, has_worker: bool) -> RefreshView:
    """A refresh that was just begun, by what was written: nothing is read back."""
    zeros = dict.fromkeys((*COUNTERS, "waited_s", "errors", "shortages"), 0)
    row = SimpleNamespace(**dict.fromkeys(tables.refreshes.c.keys()), now=now)
    row.__dict__.update(zeros, **begun)
    return RefreshView(row, not has_worker)


def _view(row: Row[Any]) -> RefreshView:
    # One that lies too far ahead does not count (see ``models.clock.is_due``).
    left_s = 0.0 if row.lease_ends_at is None else (row.lease_ends_at - row.now).total_seconds()
    is_held = 0 < left_s <= LONGEST_LEASE_S + ALLOWED_S
    waits = row.status == "pending" or (row.status == "processing" and not is_held)
    return RefreshView(row, waits and not row.has_worker)
