"""What a worker does for link imports: it goes on with those that wait, and takes away those that are old."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from ..client.clock import local_now
from ..errors import HostRefused, NotFound
from ..models import db_now
from ..models.instances import IntegrationInstance
from ..refresh.job.context import Engine
from ..refresh.job.database import is_conflict, shortage
from ..resources.columns import message as storable_message
from .imports import NEXT, advance_part

log = logging.getLogger(__name__)

A_TURN_S = 1.0
"""How much of a tick imports may take; a part that was begun is ended."""
KEPT_S = 86400.0
"""How long an import can be applied or undone after it was last touched."""
PRUNED_A_TRANSACTION = 5000
_DAY_S = 86400.0


def advance_imports(engine: Engine) -> bool:
    """Go on with the imports that wait, the oldest first, for about ``A_TURN_S`` seconds; whether more is left."""
    ends_at = time.monotonic() + A_TURN_S
    imports = engine.tables.link_imports
    waiting = select(imports.c.id).where(imports.c.status.in_(NEXT)).order_by(imports.c.id).limit(10)
    for import_id in engine.transaction(lambda session: list(session.scalars(waiting))):
        while _advance(engine, import_id):
            if engine.stopping.is_set() or time.monotonic() >= ends_at:
                return True
    return False


def _advance(engine: Engine, import_id: int) -> bool:
    """One part; whether more is left. What it raises ends the import, but for what the database is short of."""
    try:
        return engine.transaction(partial(_part, engine, import_id))
    except NotFound:
        # The instance is being deleted, and takes the import along.
        return False
    except Exception as error:
        if shortage(error) is not None or is_conflict(error):
            raise
        log.exception("Link import %s failed.", import_id, extra={"action": "link_import"})
        engine.transaction(partial(_fail, engine, import_id, _described(error)))
        return False


def _part(engine: Engine, import_id: int, session: Session) -> bool:
    imports, instances = engine.tables.link_imports, engine.tables.instances
    found = session.execute(
        select(instances).join(imports, imports.c.instance_id == instances.c.id).where(imports.c.id == import_id)
    ).one_or_none()
    if found is None:
        return False
    return advance_part(session, engine.tables, engine.host, IntegrationInstance.from_row(found), import_id)


def _fail(engine: Engine, import_id: int, message: str, session: Session) -> None:
    imports = engine.tables.link_imports
    which = (imports.c.id == import_id, imports.c.status.in_(NEXT))
    session.execute(update(imports).where(*which).values(status="failed", message=message, changed_at=db_now()))


def _described(error: Exception) -> str:
    if isinstance(error, HostRefused):
        return storable_message(str(error))
    return f"An error that nobody expected ({type(error).__name__}); the log of the worker has the details."


def prune_imports(engine: Engine) -> None:
    """Take the rows of imports away that nobody has touched for ``KEPT_S``, and old imports with them."""
    while engine.transaction(partial(_prune_some, engine)):
        if engine.stopping.is_set():
            return


def _prune_some(engine: Engine, session: Session) -> bool:
    """Some rows of one import; whether there may be more."""
    imports, rows = engine.tables.link_imports, engine.tables.link_import_rows
    old = _older_than(engine, KEPT_S)
    import_id = session.scalar(
        select(imports.c.id).where(*old, imports.c.pruned_at.is_(None)).limit(1).with_for_update(skip_locked=True)
    )
    if import_id is None:
        kept_s = engine.config.retention_days * _DAY_S
        session.execute(delete(imports).where(*_older_than(engine, kept_s), imports.c.pruned_at.is_not(None)))
        return False
    mine = rows.c.import_id == import_id
    last = session.scalar(select(rows.c.line).where(mine).order_by(rows.c.line).offset(PRUNED_A_TRANSACTION).limit(1))
    session.execute(delete(rows).where(mine) if last is None else delete(rows).where(mine, rows.c.line < last))
    if last is None:
        gone: dict[str, Any] = {"pruned_at": db_now(), "content": None}
        session.execute(update(imports).where(imports.c.id == import_id).values(gone))
    return True


def _older_than(engine: Engine, seconds: float) -> tuple[Any, ...]:
    """By both clocks: one that is a month ahead for a minute must not take everything away."""
    imports = engine.tables.link_imports
    return (
        imports.c.status.not_in(NEXT),
        imports.c.changed_at < db_now(-seconds),
        imports.c.changed_at < local_now() - timedelta(seconds=seconds),
    )
