"""The figures of all stores for a monitor: how fresh they are, what is open and what is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..app_state import State
from ..models.instances import IntegrationInstance
from ..models.refreshes import OPEN
from ..operations.context import Caller
from ..operations.findings.counts import Counts, counts
from ..operations.findings.finding import SEVERITIES, Finding, FindingCode
from ..operations.findings.gather import findings_by_store
from ..operations.health import Health, ResourceHealth, health_by_instance
from ..operations.work.state import WorkState, work_state
from ..refresh.removal.purge import DELETING

MOST_STORES = 1000
"""Of more than these, the first, the others have no figures: a monitor keeps each of them for weeks."""
_A_TIME = 100


@dataclass(frozen=True)
class CollectionFigures:
    """Of one collection of a store; ``freshness_s`` is None before its first success."""

    name: str
    freshness_s: float | None
    open_refreshes: int
    is_overdue: bool
    rejected: int


@dataclass(frozen=True)
class StoreFigures:
    """Of one store. ``unlinked`` are variants without a link for a reason, ``quota_left`` what the store said last."""

    instance_id: int
    name: str
    collections: Sequence[CollectionFigures]
    unlinked: int
    quota_left: int | None
    findings: Mapping[str, int]


@dataclass(frozen=True)
class Figures:
    """Of all stores of all tenants; ``stores`` has ``MOST_STORES`` at most, of ``count``."""

    work: WorkState
    count: int
    stores: Sequence[StoreFigures]


def figures(state: State, session: Session) -> Figures:
    """About ten queries for each hundred stores; commits nothing, and asks nobody's permission."""
    table = state.tables.instances
    is_connected = table.c.status != DELETING
    wanted = select(table).where(is_connected).order_by(table.c.id).limit(MOST_STORES)
    stores = [IntegrationInstance.from_row(row) for row in session.execute(wanted)]
    count = session.scalar(select(func.count()).select_from(table).where(is_connected)) or 0
    opened = _open_refreshes(state, session)
    found = [
        each
        for begin in range(0, len(stores), _A_TIME)
        for each in _of_stores(state, session, stores[begin : begin + _A_TIME], opened)
    ]
    return Figures(work_state(session, state.tables, state.config), count, found)


def _open_refreshes(state: State, session: Session) -> Mapping[tuple[int, str], int]:
    table = state.tables.refreshes
    which = select(table.c.instance_id, table.c.resource, func.count()).where(table.c.status.in_(OPEN))
    grouped = session.execute(which.group_by(table.c.instance_id, table.c.resource))
    return {(instance_id, resource): number for instance_id, resource, number in grouped}


def _of_stores(
    state: State, session: Session, stores: Sequence[IntegrationInstance], opened: Mapping[tuple[int, str], int]
) -> Iterator[StoreFigures]:
    health = health_by_instance(session, state.tables, state.config, stores)
    counted = counts(session, state.tables, health)
    caller = Caller(state, session, "", None, has_shell=True)
    found = findings_by_store(caller, stores, health, [()] * len(stores))
    for store in stores:
        its = [each for each in found[store.id] if each.instance_id is not None]
        number = Counter(each.severity for each in its)
        yield StoreFigures(
            store.id,
            store.name,
            [
                _of_collection(each, its, counted[store.id], opened.get((store.id, each.resource), 0))
                for each in health[store.id].resources
            ],
            unlinked=sum(counted[store.id].unlinked.values()),
            quota_left=_quota_left(health[store.id]),
            findings={severity: number[severity] for severity in SEVERITIES},
        )


def _of_collection(health: ResourceHealth, found: Sequence[Finding], counted: Counts, opened: int) -> CollectionFigures:
    name = health.resource
    rejected = [each[name].count for each in (counted.rejected, counted.tried_again) if name in each]
    is_overdue = any(each.code is FindingCode.REFRESH_OVERDUE and each.resource == name for each in found)
    return CollectionFigures(name, health.age_s, opened, is_overdue, sum(rejected))


def _quota_left(health: Health) -> int | None:
    """What the newest refresh that has asked was told."""
    known = [each.row for each in health.newest if each.row.quota_left is not None]
    return max(known, key=lambda row: row.id).quota_left if known else None
