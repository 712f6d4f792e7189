"""The audit trail: one row for each thing that a person did, in the transaction that did it, with what changed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from sqlalchemy import Insert, Row, func, insert, select
from sqlalchemy.orm import Session

from .models import Tables, db_now
from .models.instances import PATHS, TOKEN_PATH, IntegrationInstance


def record(
    session: Session, tables: Tables, instance_id: int, action: str, *, done_by: str | None, changes: Mapping[str, Any]
) -> None:
    """Note ``action`` with what changed, as plain JSON values; never a token, nor who a shopper is."""
    session.execute(_new_entry(tables), {"instance_id": instance_id, **entry(action, done_by=done_by, changes=changes)})


def entry(action: str, *, done_by: str | None, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of an entry, but for the instance and the time; the arguments as for ``record``."""
    # ASCII alone: what a database cannot hold (NUL, half a surrogate pair) stays an escape.
    return {"action": action, "done_by": done_by, "changes": json.dumps(changes)}


@lru_cache(maxsize=16)
def _new_entry(tables: Tables) -> Insert:
    return insert(tables.history).inline().values(done_at=db_now())


def entries(
    session: Session, tables: Tables, instance_id: int, *, page: int, per_page: int
) -> tuple[Sequence[Row[Any]], int]:
    """One page of what was done to an instance, the newest first, and how much there is; ``changes`` is JSON."""
    table = tables.history
    total = session.scalar(select(func.count()).select_from(table).where(table.c.instance_id == instance_id)) or 0
    return latest(session, tables, instance_id, per_page, offset=(page - 1) * per_page), total


def latest(session: Session, tables: Tables, instance_id: int, limit: int, *, offset: int = 0) -> Sequence[Row[Any]]:
    """The newest entries, not counted; ``offset`` are left out."""
    table = tables.history
    wanted = select(table).where(table.c.instance_id == instance_id).order_by(table.c.id.desc())
    return session.execute(wanted.limit(limit).offset(offset)).all()


def created(columns: Mapping[str, Any]) -> dict[str, Any]:
    """All that a new instance was given, by its columns."""
    given = {name: columns.get(name) for name in PATHS if name != "access_token"}
    return {TOKEN_PATH: "set", **{PATHS[name]: _step(None, value) for name, value in given.items()}}


def changed(instance: IntegrationInstance, columns: Mapping[str, Any]) -> dict[str, Any]:
    """From what is stored to ``columns``."""
    steps = {name: _step(getattr(instance, name), value) for name, value in columns.items() if name != "access_token"}
    return {PATHS[name]: steps.get(name, "replaced") for name in columns}


def _step(before: Any, after: Any) -> dict[str, Any]:
    return {"from": _plain(before), "to": _plain(after)}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
