"""The health of instances, with their newest refreshes, in a few queries however many they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Row,
    ScalarSelect,
    Select,
    String,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    select,
    true,
)
from sqlalchemy.orm import Session

from ..config import Config
from ..errors import NotFound, RefreshCode
from ..models import Tables, db_now, is_due
from ..models.clock import ALLOWED_S
from ..models.dialect.databases import dialect_of
from ..models.instances import IntegrationInstance
from ..refresh.lifecycle.transitions import open_key
from ..refresh.lifecycle.wishes import MOST_SPREAD
from ..refresh.write.page import QUARANTINE
from ..resources.base import Resource
from . import queries
from .queries import RefreshView

# Refreshes of a few records prove nothing about the others.
_WHOLE = ("initial", "incremental", "full")
Leases = Mapping[int, Sequence[Row[Any]]]
"""By instance, each with all that is known of it."""
_ONE = literal_column("1", Integer())


@dataclass(frozen=True)
class ResourceHealth:
    """The state of one resource of an instance; times are naive UTC."""

    resource: str
    last_success: RefreshView | None
    age_s: float | None
    watermark: datetime | None
    next_refresh_at: datetime | None
    open_refresh: RefreshView | None
    last_failure: RefreshView | None
    # Records in quarantine: refreshes retry them, and they are not stored until then.
    left_out: int = 0
    # Why a collection that a store can do without is off for this one.
    off_reason: str | None = None
    # Whether any record of it was rejected; some may have been stored since.
    has_rejected: bool = False
    # Whether any variant of the store has no link for a reason; it may be gone from the store.
    has_unsolved: bool = False
    # Variants that the last pass over all left unlinked with a reason, and products that the host would not make in it.
    conflicts: int | None = None
    refused: int | None = None
    # The newest refresh that was stopped as too much was gone, unless a full one was completed since.
    held_back: RefreshView | None = None
    # The last reconciliation, if it found drift that was not repaired since.
    drifted: RefreshView | None = None

    @property
    def has_begun(self) -> bool:
        """Whether it has been refreshed, or is for the first time: one that is newer than the store begins later."""
        return any(each is not None for each in (self.last_success, self.last_failure, self.open_refresh))

    @property
    def is_failing(self) -> bool:
        """Whether the last failure came after the last success."""
        failure, success = self.last_failure, self.last_success
        if failure is None or failure.row.finished_at is None:
            return False
        return success is None or success.row.finished_at is None or failure.row.finished_at > success.row.finished_at


@dataclass(frozen=True)
class Health:
    """The health of an instance; ``newest`` has one refresh of each resource."""

    last_worker_tick_at: datetime | None
    # By the database's clock.
    now: datetime
    # Whether a worker has ticked lately.
    has_worker: bool
    # Since when the broker does not answer a worker that runs; None if it does.
    broker_down_since: datetime | None = None
    # Whether it is sure that the tenant has no other instance of the same store.
    is_only_one: bool = False
    newest: Sequence[RefreshView] = ()
    resources: Sequence[ResourceHealth] = ()


def health_of(session: Session, tables: Tables, config: Config, instance: IntegrationInstance) -> Health:
    """That of one instance."""
    return health_by_instance(session, tables, config, [instance])[instance.id]


def health_before(session: Session, tables: Tables, config: Config, *, tenant: str, store_hash: str) -> Health:
    """What holds already for an instance of this store that is to be connected."""
    which = {"tenant": tenant, "store_hash": store_hash}
    *ticks, has_other = session.execute(_before(tables, queries.worker_window_s(config)), which).one()
    return replace(_of_workers(*ticks), is_only_one=not has_other)


def health_of_new(before: Health, tables: Tables, begun: Sequence[RefreshView]) -> Health:
    """That of an instance whose first refreshes were just begun; ``before`` as ``health_before`` gives it."""
    opened = {view.row.resource: view for view in begun}
    resources = [replace(_nothing(name), open_refresh=opened.get(name)) for name in tables.registry.names]
    return replace(before, newest=begun, resources=resources)


def health_by_instance(
    session: Session, tables: Tables, config: Config, instances: Sequence[IntegrationInstance]
) -> dict[int, Health]:
    """By instance id; two queries in all."""
    if not instances:
        return {}
    leases = _leases(session, tables, config, [each.id for each in instances])
    return health_by_leases(session, tables, config, instances, leases)


def health_by_leases(
    session: Session, tables: Tables, config: Config, instances: Sequence[IntegrationInstance], leases: Leases
) -> dict[int, Health]:
    """The same where their leases are read already; one query, and another if there are none."""
    views = _views(session, tables, config, leases)
    workers = _workers(session, tables, config, leases)
    made = {}
    for instance in instances:
        # A store that was connected by another version may have more leases, or fewer.
        by_resource = {row.resource: row for row in leases.get(instance.id, ())}
        rows = [by_resource[resource] for resource in tables.registry.names if resource in by_resource]
        made[instance.id] = replace(
            workers,
            is_only_one=bool(rows) and not rows[0].has_other,
            newest=[views[row.newest_id] for row in rows if row.newest_id in views],
            resources=[
                _resource_health(by_resource[each.name], by_resource.get(_paced_by(each)), instance, views)
                if each.name in by_resource
                else _nothing(each.name)
                for each in tables.registry.read
            ],
        )
    return made


def with_leases(
    session: Session, tables: Tables, config: Config, instance_id: int, *, tenant: str
) -> tuple[IntegrationInstance, Leases]:
    """The tenant's instance with its leases, in one query; ``NotFound`` as ``queries.instance``."""
    which = {"instance_id": instance_id, "tenant": tenant}
    rows = session.execute(_with_store(tables, *_settings(session, config)), which).all()
    if not rows:
        raise NotFound(queries.NO_INSTANCE)
    # A store without leases has one row, of its own columns alone.
    return IntegrationInstance.from_row(rows[0]), {instance_id: [row for row in rows if row.resource is not None]}


def _workers(session: Session, tables: Tables, config: Config, leases: Leases) -> Health:
    """What holds for every instance, the rest left out: it came with the leases, if there are any."""
    row = next((row for rows in leases.values() for row in rows), None)
    if row is None:
        row = session.execute(select(*_ticks(tables, queries.worker_window_s(config)))).one()
    return _of_workers(row.ticked_at, row.now, row.running, row.down_since)


def _of_workers(ticked_at: datetime | None, now: datetime, running: int, down_since: datetime | None) -> Health:
    return Health(ticked_at, now, running > 0, down_since)


def _ticks(tables: Tables, window_s: float) -> Sequence[ColumnElement[Any]]:
    """Of the workers: the last tick, the time, how many run, and since when one of them has no broker."""
    workers = tables.workers.alias("worker")
    ticked_at = workers.c.last_tick_at
    is_running = and_(workers.c.ended_at.is_(None), ticked_at.between(db_now(-window_s), db_now(ALLOWED_S)))
    return (
        # Not what a worker noted while the database's clock was wrong.
        func.max(case((ticked_at <= db_now(ALLOWED_S), ticked_at))).label("ticked_at"),
        db_now().label("now"),
        func.count(case((is_running, _ONE))).label("running"),
        func.min(case((is_running, workers.c.broker_down_since))).label("down_since"),
    )


@lru_cache(maxsize=16)
def _before(tables: Tables, window_s: float) -> Select[Any]:
    table = tables.instances
    is_of_store = table.c.store_hash == bindparam("store_hash"), queries.is_of_tenant(table)
    return select(*_ticks(tables, window_s), exists().where(*is_of_store).label("has_other"))


def _leases(session: Session, tables: Tables, config: Config, ids: Sequence[int]) -> Leases:
    """The leases of these instances, by instance."""
    by_instance: defaultdict[int, list[Row[Any]]] = defaultdict(list)
    for row in session.execute(_of_ids(tables, *_settings(session, config)), {"ids": list(ids)}):
        by_instance[row.instance_id].append(row)
    return by_instance


def _settings(session: Session, config: Config) -> tuple[float, float, bool]:
    """What the statements about leases depend on beside the tables."""
    return config.sync_interval_s, queries.worker_window_s(config), dialect_of(session).sees_not_null


@lru_cache(maxsize=16)
def _of_ids(tables: Tables, *settings: Any) -> Select[Any]:
    """The leases of the instances ``ids``."""
    leases, workers, found = _selected(tables, *settings)
    of_these = leases.c.instance_id.in_(bindparam("ids", expanding=True))
    return found.select_from(leases.join(workers, true())).where(of_these)


@lru_cache(maxsize=16)
def _with_store(tables: Tables, *settings: Any) -> Select[Any]:
    """The instance ``instance_id`` of ``tenant``, beside each of its leases; one row if it has none."""
    leases, workers, found = _selected(tables, *settings)
    store = tables.instances.alias("s")
    # Always true, as ids begin at 1. A plain TRUE makes SQLAlchemy warn of a cartesian product on MariaDB.
    is_any = store.c.id > -workers.c.running
    both = store.outerjoin(leases, leases.c.instance_id == store.c.id).join(workers, is_any)
    # Its columns keep their names, so that the statement is short: none of a lease that is selected has such a name.
    its = (store.c[each.name] for each in fields(IntegrationInstance))
    is_it = store.c.id == bindparam("instance_id"), queries.is_of_tenant(store)
    return found.add_columns(*its).select_from(both).where(*is_it)


def _selected(
    tables: Tables, sync_interval_s: float, window_s: float, sees_not_null: bool
) -> tuple[FromClause, FromClause, Select[Any]]:
    """Leases, workers, and of both the ids of the refreshes that matter, each found at the end of an index.

    Each row also has what holds for all of them: to ask for that by a statement of its own would cost a request more.
    """
    # By short names, with constants as text: psycopg keeps no parsed form of a statement above 4,096 characters.
    leases, refreshes = tables.leases.alias("l"), tables.refreshes.alias("r")
    rejected = tables.rejected_records.alias("bad")

    def of_lease(table: FromClause) -> ColumnElement[bool]:
        return and_(table.c.instance_id == leases.c.instance_id, table.c.resource == leases.c.resource)

    def newest(*which: ColumnElement[bool]) -> ScalarSelect[Any]:
        found = select(refreshes.c.id).where(of_lease(refreshes), *which)
        return found.order_by(refreshes.c.id.desc()).limit(_ONE).scalar_subquery()

    in_quarantine = rejected.c.reason_code.in_(_constants(*QUARANTINE))
    left_out = select(func.count(rejected.c.bigcommerce_id.distinct())).where(of_lease(rejected), in_quarantine)
    any_rejected = select(_ONE).where(of_lease(rejected)).limit(_ONE)
    any_unsolved = _any_unsolved(tables, leases, sees_not_null=sees_not_null)
    workers = select(*_ticks(tables, window_s)).subquery()
    found = select(
        *(leases.c[name] for name in ("instance_id", "resource", "watermark", "next_sync_at", "off_reason")),
        *(leases.c[name] for name in ("drifted_in", "link_conflicts", "link_refused")),
        is_due(leases.c.next_sync_at, within_s=MOST_SPREAD * sync_interval_s).label("is_due"),
        workers,
        _is_store_of_others(tables, leases).label("has_other"),
        newest().label("newest_id"),
        newest(_is(refreshes.c.status, "completed"), refreshes.c.mode.in_(_constants(*_WHOLE))).label("success_id"),
        newest(_is(refreshes.c.status, "failed")).label("failure_id"),
        newest(*_held_back(refreshes)).label("held_back_id"),
        left_out.scalar_subquery().label("left_out"),
        any_rejected.scalar_subquery().label("any_rejected"),
        any_unsolved.scalar_subquery().label("any_unsolved"),
    )
    return leases, workers, found


def _constants(*words: str) -> Sequence[ColumnElement[str]]:
    """Words of ours as a part of the statement: the driver takes time over each parameter."""
    return [literal_column(f"'{word}'", String()) for word in words]


def _is(column: ColumnElement[str], word: str) -> ColumnElement[bool]:
    """Whether the column has this word of ours."""
    (constant,) = _constants(word)
    return column == constant


def _any_unsolved(tables: Tables, leases: FromClause, *, sees_not_null: bool) -> Select[Any]:
    """The code of one variant that has no link for a reason, if there is any, found at the end of its index."""
    variants = tables.variants.alias("variant")
    code = variants.c.link_conflict_code
    of_store = select(code).where(variants.c.instance_id == leases.c.instance_id).limit(_ONE)
    # Where NULL is less than all else, as in MariaDB and SQLite, the last one is a code if any is.
    return of_store.where(code.is_not(None)) if sees_not_null else of_store.order_by(code.desc())


def _is_store_of_others(tables: Tables, leases: FromClause) -> ColumnElement[bool]:
    """Whether the tenant has another instance of the lease's store."""
    mine, other = tables.instances.alias("mine"), tables.instances.alias("other")
    is_same = (
        other.c.store_hash == mine.c.store_hash,
        queries.is_of_tenant(other, mine.c.tenant),
        other.c.id != mine.c.id,
    )
    found = select(other.c.id).where(mine.c.id == leases.c.instance_id, *is_same).limit(_ONE)
    return found.scalar_subquery().is_not(None)


def _held_back(refreshes: FromClause) -> Sequence[ColumnElement[bool]]:
    """Failed as too much was gone, and no full one has completed since."""
    later = refreshes.alias()
    # No NOT EXISTS: PostgreSQL takes long to plan the join that it makes of that, and plans this with each request.
    settled = select(later.c.id).where(
        later.c.instance_id == refreshes.c.instance_id,
        later.c.resource == refreshes.c.resource,
        _is(later.c.status, "completed"),
        later.c.id > refreshes.c.id,
        _is(later.c.mode, "full"),
    )
    is_mass_deletion = _is(refreshes.c.error_code, RefreshCode.MASS_DELETION)
    return _is(refreshes.c.status, "failed"), is_mass_deletion, settled.limit(_ONE).scalar_subquery().is_(None)


def _views(session: Session, tables: Tables, config: Config, leases: Leases) -> dict[int | str | None, RefreshView]:
    """The refreshes that the leases name, by id, and the open ones by their key too."""
    rows = [row for each in leases.values() for row in each]
    ids = {row_id for row in rows for row_id in _named(row) if row_id}
    keys = [open_key(row.instance_id, row.resource) for row in rows]
    views = queries.refreshes_named(session, tables, config, ids, keys)
    return {key: view for view in views for key in (view.row.id, view.row.open_key) if key is not None}


def _named(row: Row[Any]) -> Sequence[int | None]:
    return row.newest_id, row.success_id, row.failure_id, row.held_back_id, row.drifted_in


def _paced_by(resource: Resource) -> str:
    """The collection whose refreshes decide when the next one of this begins."""
    return resource.name if resource.begins is None else resource.begins.collection


def _resource_health(
    lease: Row[Any],
    paced_by: Row[Any] | None,
    instance: IntegrationInstance,
    views: dict[int | str | None, RefreshView],
) -> ResourceHealth:
    """``paced_by`` is the lease that says when the next refresh begins, its own or that of the one it follows."""
    pace = paced_by or lease
    success = views.get(lease.success_id)
    opened = views.get(open_key(lease.instance_id, lease.resource))
    is_automatic = instance.is_automatic_sync_enabled and instance.status == "active"
    # One that lies too far ahead does not count (see ``models.clock.is_due``).
    is_misdated = pace.is_due and pace.next_sync_at is not None and pace.next_sync_at > pace.now
    next_at = None if is_misdated else pace.next_sync_at
    at_once = None if opened else lease.now
    return ResourceHealth(
        resource=lease.resource,
        last_success=success,
        age_s=_age_s(lease.now, success),
        watermark=lease.watermark,
        next_refresh_at=(next_at or at_once) if is_automatic else None,
        open_refresh=opened,
        last_failure=views.get(lease.failure_id),
        left_out=lease.left_out,
        off_reason=lease.off_reason,
        has_rejected=lease.any_rejected is not None,
        has_unsolved=lease.any_unsolved is not None,
        conflicts=_left(lease.link_conflicts, "conflicts", success),
        refused=_left(lease.link_refused, "refused", success),
        held_back=views.get(lease.held_back_id),
        drifted=views.get(lease.drifted_in),
    )


def _left(noted: int | None, name: str, success: RefreshView | None) -> int | None:
    """What the last linking pass has left, as it was noted; 0.1.0 noted it with the refresh alone."""
    if success is None or noted is not None:
        return noted
    count: int = getattr(success.row, name)
    return count


def _nothing(resource: str) -> ResourceHealth:
    """A collection that has never been refreshed."""
    return ResourceHealth(resource, None, None, None, None, None, None)


def _age_s(now: datetime, success: RefreshView | None) -> float | None:
    if success is None or success.row.finished_at is None:
        return None
    age_s: float = (now - success.row.finished_at).total_seconds()
    return round(max(0.0, age_s), 3)
