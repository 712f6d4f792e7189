"""Compare what is found with the rows, and note what has begun and what is gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ...app_state import State
from ...models import db_now
from ...models.dialect.transactions import is_lockable
from ...models.instances import IntegrationInstance
from ...refresh.job.context import Engine
from ..context import Caller
from ..findings.finding import Finding
from ..findings.gather import findings_by_store
from ..health import Health, health_by_instance
from .decision import CHOSEN

STORES_A_TIME = 100
Key = tuple[int, str, str]
"""The id of the instance (0: of all), the code and the collection (``""``: of the whole store)."""
_SHOWN = ("tenant", "store", "severity", "sentence", "link", "since", "last_success_at")


def notice(state: State, engine: Engine) -> None:
    """Bring the rows up to date with what is found now, in transactions of its own."""
    found = _all_found(state, engine)
    known = engine.transaction(lambda session: session.execute(select(engine.tables.alerts)).all())
    rows = {(row.instance_id, row.code, row.resource): row for row in known}
    for key, shown in found.items():
        row = rows.get(key)
        if row is None:
            _begin(engine, key, shown)
        elif row.gone_at is not None or any(getattr(row, name) != shown[name] for name in _SHOWN):
            _change(engine, row.id, gone_at=None, **shown)
    for key, row in rows.items():
        if key not in found and row.gone_at is None:
            _change(engine, row.id, gone_at=db_now())


def _all_found(state: State, engine: Engine) -> dict[Key, dict[str, Any]]:
    table = state.tables.instances
    ids = engine.transaction(lambda session: session.scalars(select(table.c.id).order_by(table.c.id)).all())
    found: dict[Key, dict[str, Any]] = {}
    for begin in range(0, len(ids), STORES_A_TIME):
        found |= engine.transaction(partial(_found, state, ids[begin : begin + STORES_A_TIME]))
    return found


def _found(state: State, ids: Sequence[int], session: Session) -> dict[Key, dict[str, Any]]:
    """What is found of these stores; the worst of those that share a key."""
    table = state.tables.instances
    stores = [IntegrationInstance.from_row(row) for row in session.execute(select(table).where(table.c.id.in_(ids)))]
    health = health_by_instance(session, state.tables, state.config, stores)
    # Nobody calls: ``may`` is not asked, and of the warnings none is told.
    caller = Caller(state, session, "", None, has_shell=True)
    by_store = findings_by_store(caller, stores, health, [()] * len(stores))
    found: dict[Key, dict[str, Any]] = {}
    for store in stores:
        for each in by_store[store.id]:
            if each.code not in CHOSEN:
                found.setdefault(_key(each), _shown(each, store, health[store.id]))
    return found


def _key(finding: Finding) -> Key:
    return finding.instance_id or 0, finding.code, finding.resource or ""


def _shown(finding: Finding, store: IntegrationInstance, health: Health) -> dict[str, Any]:
    is_of_store = finding.instance_id is not None
    return {
        "tenant": store.tenant if is_of_store else None,
        "store": store.name if is_of_store else None,
        "severity": finding.severity,
        "sentence": finding.sentence,
        "link": finding.link,
        "since": finding.since,
        "last_success_at": _last_success(finding, health) if is_of_store else None,
    }


def _last_success(finding: Finding, health: Health) -> datetime | None:
    """Of the collection, or of the store: the oldest of the last successes of its collections that have begun."""
    its: Sequence[datetime | None] = [
        None if each.last_success is None else each.last_success.row.finished_at
        for each in health.resources
        if finding.resource in (None, each.resource) and each.has_begun
    ]
    known = [each for each in its if each is not None]
    return min(known) if known and len(known) == len(its) else None


def _begin(engine: Engine, key: Key, shown: Mapping[str, Any]) -> None:
    instance_id, code, resource = key
    new = {"instance_id": instance_id, "code": str(code), "resource": resource, "noticed_at": db_now(), **shown}
    try:
        engine.transaction(lambda session: session.execute(insert(engine.tables.alerts).values(new)))
    except IntegrityError:
        # Another worker was quicker.
        return


def _change(engine: Engine, alert_id: int, **values: Any) -> None:
    """Unless another worker has it just now."""
    table = engine.tables.alerts
    which = table.c.id == alert_id

    def work(session: Session) -> None:
        if is_lockable(session, select(table.c.id).where(which)):
            session.execute(update(table).where(which).values(values))

    engine.transaction(work)
