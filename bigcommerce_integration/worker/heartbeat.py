"""The notes of worker processes that they are alive, and of which version."""

from __future__ import annotations

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.orm import Session

from ..models import db_now
from ..models.dialect import affected
from ..refresh.job.context import Engine
from ..version import __version__

FORGET_WORKERS_S = 86400.0


def note_worker(engine: Engine, worker_id: str, *, slice_ended_s_ago: float | None = None) -> None:
    """Note that this worker process is alive, and when its last slice ended (None: none has since the last note)."""
    workers = engine.tables.workers
    mine = {"version": __version__, "settings": engine.config.fingerprint(), "last_tick_at": db_now()}
    ended = {} if slice_ended_s_ago is None else {"last_slice_at": db_now(-slice_ended_s_ago)}

    def work(session: Session) -> None:
        if affected(session, update(workers).where(workers.c.id == worker_id).values(**mine, **ended)):
            return
        new = {"id": worker_id, "started_at": db_now(), "last_slice_at": db_now()}
        session.execute(insert(workers).values(**{**new, **mine, **ended}))
        # Not those of workers that are frozen in this very transaction: a plain DELETE would wait for their locks.
        is_old = or_(
            workers.c.last_tick_at < db_now(-FORGET_WORKERS_S),
            # The database's clock was wrong when they ticked; those that are alive note themselves again.
            workers.c.last_tick_at > db_now(FORGET_WORKERS_S),
        )
        forgotten = select(workers.c.id).where(is_old).limit(1000).with_for_update(skip_locked=True)
        session.execute(delete(workers).where(workers.c.id.in_(session.scalars(forgotten).all())))

    engine.transaction(work)


def forget_worker(engine: Engine, worker_id: str) -> None:
    """Take the note of a worker process away that ends in good order."""
    workers = engine.tables.workers
    engine.transaction(lambda session: session.execute(delete(workers).where(workers.c.id == worker_id)))
