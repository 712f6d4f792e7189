"""The audit trail: one row for each thing that a person did, in the transaction that did it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from .models import Tables, db_now


def record(
    session: Session, tables: Tables, instance_id: int, action: str, *, done_by: str | None, changes: Mapping[str, Any]
) -> None:
    """Note ``action`` with what changed, as plain JSON values; never a token, nor who a shopper is."""
    session.execute(
        insert(tables.history).values(
            instance_id=instance_id,
            action=action,
            done_by=done_by,
            done_at=db_now(),
            # ASCII alone: what a database cannot hold (NUL, half a surrogate pair) stays an escape.
            changes=json.dumps(changes),
        )
    )
