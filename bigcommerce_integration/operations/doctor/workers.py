"""The check of the workers: whether one runs, of which version, with which settings, and whether it gets on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from ...config import PREFIX, Config
from ...models import db_now
from ...version import __version__
from ..work.state import IDLE_FOR_S, work_state
from .deployment import Deployment
from .results import Result, duration

_START = "Start one: `dramatiq host.worker:broker`, where host.worker is your module that exposes the app's broker."
_RESTART = "Restart it, so that all processes run the same."
_COMPARE = (
    "Compare the worker's environment with this one, correct the wrong side, and restart it. "
    "`flask bigcommerce doctor --check configuration` shows the values that are no secrets."
)
_DEPENDS = "Whether this can wait depends on which side is wrong, so look now: the worker may read no store."
_NEEDED = frozenset(f"{PREFIX}{name}" for name in ("ENCRYPTION_KEYS", "API_URL", "PROXY_URL", "CA_BUNDLE"))
"""Without the right one of these a worker reads no store."""
_STARTS_WITHIN_S = 30.0
"""How long a worker that was started again may take until it ticks for the first time."""


@dataclass(frozen=True)
class WorkerNote:
    """What a worker process that runs has noted; ``version`` is None of 0.1.0, ``settings`` also of 0.2.0."""

    id: str
    version: str | None
    settings: str | None


@dataclass(frozen=True)
class Facts:
    """As ``WorkState``, with the workers that run, and the settings of this process."""

    is_needed: bool
    tick_s_ago: float | None
    stuck_s: float | None
    running: Sequence[WorkerNote]
    settings: Config


def workers(deployment: Deployment) -> list[Result]:
    """Read what the workers have noted."""
    state = deployment.state
    table = state.tables.workers
    is_alive = table.c.ended_at.is_(None)
    with deployment.session() as session:
        work = work_state(session, state.tables, state.config)
        lately = table.c.last_tick_at.between(db_now(-work.window_s), db_now(work.window_s))
        rows = session.execute(
            select(table.c.id, table.c.version, table.c.settings).where(lately, is_alive).order_by(table.c.id)
        ).all()
    running = [WorkerNote(row.id, row.version, row.settings) for row in rows]
    return judge(Facts(work.is_needed, work.tick_s_ago, work.stuck_s, running, state.config))


def judge(facts: Facts) -> list[Result]:
    """No worker at all, workers that get nowhere, then those that run something else."""
    if not facts.running:
        if not facts.is_needed:
            return [Result("workers", "ok", "No worker runs, and none is needed: no store is connected.")]
        since = "" if facts.tick_s_ago is None else f", and none has ticked for {duration(facts.tick_s_ago)}"
        text = f"No worker runs{since}, so no store is brought up to date."
        is_starting = facts.tick_s_ago is not None and facts.tick_s_ago < _STARTS_WITHIN_S
        remedy = (
            f"If one is being started just now, run this again in half a minute. {_START}" if is_starting else _START
        )
        return [Result("workers", "failure", text, remedy, can_wait=False)]
    results = []
    if facts.stuck_s is not None and facts.stuck_s > IDLE_FOR_S:
        text = f"Work is due, workers run, and none has ended a piece of work for {duration(facts.stuck_s)}."
        remedy = "Restart the workers; if that does not help, look in their log and for long locks in the database."
        results.append(Result("workers", "failure", text, remedy, can_wait=False))
    for worker in facts.running:
        process = ":".join(worker.id.split(":")[:2])
        if (version := worker.version or "0.1.0") != __version__:
            text = f"The worker {process} runs {version}, this is {__version__}."
            results.append(Result("workers", "warning", text, _RESTART))
        elif worker.settings and (names := facts.settings.differing(worker.settings)):
            text = f"The worker {process} has another value of {', '.join(names)} than this process."
            can_wait = _NEEDED.isdisjoint(names)
            verdict = None if can_wait else _DEPENDS
            results.append(Result("workers", "warning", text, _COMPARE, can_wait=can_wait, verdict=verdict))
    count = f"{len(facts.running)} {'worker runs' if len(facts.running) == 1 else 'workers run'}"
    return results or [Result("workers", "ok", f"{count} {__version__}, with the settings of this process.")]
