"""Begin a refresh: the rows that are the job, in the caller's transaction."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Table, insert, literal, select, update
from sqlalchemy.orm import Session

from ...models import Tables, db_now
from ..job.parameters import MOST_IDS, Mode, Parameters, load_parameters

_NOTHING = Parameters()


def open_key(instance_id: int, resource: str) -> str:
    """The value of the unique column that allows one open walk of an instance and resource."""
    return f"{instance_id}:{resource}"


def start_instance(
    session: Session,
    tables: Tables,
    instance_id: int,
    *,
    hint_after_s: float,
    sweep_after_s: float,
    requested_by: str | None = None,
) -> None:
    """Insert a new instance's leases and an initial refresh of each of its collections. The caller commits.

    ``hint_after_s`` is when the tick first hints at them, should the caller's own hint get lost;
    ``sweep_after_s`` when the first sweep is due, if automatic sync is on.
    """
    # The others begin by themselves, once workers that do not know them are gone (see ``arrivals``).
    names = [each.name for each in tables.registry if each.since is None]
    spread = random.uniform(0.9, 1.1)  # noqa: S311 - stores connected together drift apart
    session.execute(
        insert(tables.leases).values(next_sweep_at=db_now(sweep_after_s * spread)),
        [{"instance_id": instance_id, "resource": name, "epoch": 0, "change_number": 0} for name in names],
    )
    pending = [_pending(instance_id, name, "initial", _NOTHING, requested_by) for name in names]
    refreshes, hints = tables.refreshes, tables.hints
    session.execute(insert(refreshes).values(created_at=db_now()), pending)
    begun = select(refreshes.c.id, db_now(hint_after_s), literal(0)).where(
        refreshes.c.open_key.in_([each["open_key"] for each in pending])
    )
    session.execute(insert(hints).from_select(["refresh_id", "next_hint_at", "times_sent"], begun))


def start(
    session: Session,
    tables: Tables,
    *,
    instance_id: int,
    resource: str,
    mode: Mode,
    parameters: Parameters = _NOTHING,
    hint_after_s: float = 0.0,
    requested_by: str | None = None,
    is_sweep: bool = False,
) -> int:
    """Insert a pending refresh and its hint; its id. The caller commits.

    Raises ``sqlalchemy.exc.IntegrityError`` if a walk of this resource is open already; a refresh of ids is none,
    and may be open beside one.
    """
    pending = _pending(instance_id, resource, mode, parameters, requested_by)
    result: Any = session.execute(insert(tables.refreshes).values(created_at=db_now(), is_sweep=is_sweep, **pending))
    refresh_id: int = result.inserted_primary_key[0]
    session.execute(insert(tables.hints).values(refresh_id=refresh_id, next_hint_at=db_now(hint_after_s), times_sent=0))
    return refresh_id


def join_ids(session: Session, tables: Tables, *, instance_id: int, resource: str, ids: Sequence[int]) -> int | None:
    """The refresh of ids that has not begun and takes these too, None if none has room for them. The caller commits."""
    refreshes = tables.refreshes
    waiting = session.execute(
        select(refreshes.c.id, refreshes.c.parameters)
        .where(
            refreshes.c.instance_id == instance_id,
            refreshes.c.resource == resource,
            refreshes.c.mode == "ids",
            *_has_not_begun(refreshes),
        )
        .order_by(refreshes.c.id)
    ).all()
    for row in waiting:
        known = load_parameters(row.parameters)
        together = dict.fromkeys((*known.ids, *ids))
        if len(together) > MOST_IDS:
            continue
        # A worker may begin it in this moment, or somebody else join it.
        is_as_seen = (refreshes.c.id == row.id, refreshes.c.parameters == row.parameters, *_has_not_begun(refreshes))
        joined: Any = session.execute(
            update(refreshes).where(*is_as_seen).values(parameters=replace(known, ids=tuple(together)).dump())
        )
        if joined.rowcount == 1:
            refresh_id: int = row.id
            return refresh_id
    return None


def _has_not_begun(refreshes: Table) -> tuple[Any, ...]:
    return refreshes.c.status == "pending", refreshes.c.started_at.is_(None)


def _pending(
    instance_id: int, resource: str, mode: Mode, parameters: Parameters, requested_by: str | None
) -> dict[str, Any]:
    return {
        "instance_id": instance_id,
        "resource": resource,
        "mode": mode,
        "parameters": parameters.dump(),
        "requested_by": requested_by,
        "status": "pending",
        "open_key": None if mode == "ids" else open_key(instance_id, resource),
    }
