"""One statement that tells a tick what there is to do: a process without work asks for nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, func, select

from ..models import Tables, db_now
from ..refresh.job.context import Engine
from ..refresh.removal.purge import DELETING
from ..spreadsheets.imports import NEXT


@dataclass
class Found:
    """What there was when it was looked; who begins a refresh notes that there ``is_open`` one.

    ``now`` is the database's time. ``newest_id`` is that of the store that was connected last. ``is_open``: a refresh
    may be, ``is_importing``: a link import waits, ``is_deleting``: a store's rows are to be removed, ``is_added``: SKUs
    that the host has announced are to be linked.
    """

    now: datetime
    newest_id: int | None
    is_open: bool
    is_importing: bool
    is_deleting: bool
    is_added: bool


def look(engine: Engine) -> Found:
    """What there is to do."""
    statement = engine.tables.prebuilt(_looks)
    return Found(*engine.transaction(lambda session: session.execute(statement).one(), is_small=True))


def _looks(tables: Tables) -> Select[Any]:
    instances, imports = tables.instances, tables.link_imports
    return select(
        db_now(),
        select(func.max(instances.c.id)).scalar_subquery(),
        exists(select(tables.hints.c.refresh_id)),
        exists(select(imports.c.id).where(imports.c.status.in_(NEXT))),
        exists(select(instances.c.id).where(instances.c.status == DELETING)),
        exists(select(tables.added_skus.c.id)),
    )
