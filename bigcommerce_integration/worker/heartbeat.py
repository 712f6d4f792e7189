"""The notes of worker processes that they are alive, and of which version."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from ..models import db_now
from ..models.dialect.writes import affected
from ..refresh.job.context import Engine
from ..version import __version__

FORGET_WORKERS_S = 86400.0


def note_worker(
    engine: Engine, worker_id: str, *, slice_ended_s_ago: float | None = None, broker_down_s: float | None = None
) -> None:
    """Note that this worker process is alive, and when its last slice ended (None: none has since the last note).

    ``broker_down_s``: for how many seconds the broker has not answered it (None: it answers).
    """
    workers = engine.tables.workers
    mine: dict[str, Any] = {"version": __version__, "settings": engine.config.fingerprint(), "last_tick_at": db_now()}
    is_since = workers.c.broker_down_since
    mine["broker_down_since"] = None if broker_down_s is None else func.coalesce(is_since, db_now(-broker_down_s))
    ended = {} if slice_ended_s_ago is None else {"last_slice_at": db_now(-slice_ended_s_ago)}

    def work(session: Session) -> None:
        if affected(session, update(workers).where(workers.c.id == worker_id).values(**mine, **ended)):
            return
        new = {"id": worker_id, "started_at": db_now(), "last_slice_at": db_now()}
        # A row that is not there yet has no column to keep.
        mine["broker_down_since"] = None if broker_down_s is None else db_now(-broker_down_s)
        session.execute(insert(workers).values(**{**new, **mine, **ended}))
        # Not those of workers that are frozen in this very transaction: a plain DELETE would wait for their locks.
        is_old = or_(
            workers.c.last_tick_at < db_now(-FORGET_WORKERS_S),
            # The database's clock was wrong when they ticked; those that are alive note themselves again.
            workers.c.last_tick_at > db_now(FORGET_WORKERS_S),
        )
        forgotten = select(workers.c.id).where(is_old).limit(1000).with_for_update(skip_locked=True)
        session.execute(delete(workers).where(workers.c.id.in_(session.scalars(forgotten).all())))

    engine.transaction(work, is_small=True)


def note_end(engine: Engine, worker_id: str) -> None:
    """Note that a worker process ends in good order: from now on it is none that runs.

    Its note is kept in place of those that ended before, so that people see since when no worker runs.
    """
    workers = engine.tables.workers

    def work(session: Session) -> None:
        session.execute(update(workers).where(workers.c.id == worker_id).values(ended_at=db_now()))
        has_ended = (workers.c.ended_at.is_not(None), workers.c.id != worker_id)
        others = select(workers.c.id).where(*has_ended).limit(1000).with_for_update(skip_locked=True)
        session.execute(delete(workers).where(workers.c.id.in_(session.scalars(others).all())))

    engine.transaction(work)
