"""Very many stores, by copying the rows of one that is connected and brought up to date."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from bigcommerce_integration.models import Tables, db_now

NAMES = ("instances", "leases", "refreshes")
AT_ONCE = 1000


def copy_store(session: Session, tables: Tables, stores: int) -> None:
    """Make them ``stores`` in all, none of them due; the caller commits."""
    rows = {name: [dict(row._mapping) for row in session.execute(select(getattr(tables, name)))] for name in NAMES}
    (instance,) = rows["instances"]
    now = session.scalar(select(db_now()))
    assert now is not None
    session.execute(tables.leases.update().values(next_sync_at=now + timedelta(seconds=100)))
    for begin in range(1, stores, AT_ONCE):
        copies: dict[str, list[dict[str, Any]]] = {name: [] for name in NAMES}
        for number in range(begin + 1, min(begin + AT_ONCE, stores) + 1):
            mine = {"instance_id": number}
            due = {"next_sync_at": now + timedelta(seconds=100 + number % 200)}
            copies["instances"].append(instance | {"id": number, "name_key": f"{number}", "store_hash": f"s{number}"})
            copies["leases"] += [lease | mine | due for lease in rows["leases"]]
            # Ids are given by the database.
            copies["refreshes"] += [{k: v for k, v in row.items() if k != "id"} | mine for row in rows["refreshes"]]
        for name, some in copies.items():
            session.execute(insert(getattr(tables, name)), some)
