"""The time zone and the default currency of a store: what it says, and what it said before.

The engine goes by what the store says now. A change is noted beside it until a person acknowledges it, or until the
store says again what it said before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import and_, select, update
from sqlalchemy.orm import Session

from ...client.store_info import StoreInfo
from ...models import Tables, db_now
from ...models.instances import IntegrationInstance

Subject = Literal["timezone", "currency"]
SUBJECTS: tuple[Subject, ...] = ("timezone", "currency")
_CURRENCY = re.compile("[A-Z]{3}")
NOTHING_KNOWN: Mapping[str, None] = {
    name: None for each in SUBJECTS for name in (f"store_{each}", f"{each}_before", f"{each}_changed_at")
}
"""The columns of an instance whose store has not been asked yet."""


@dataclass(frozen=True)
class Regional:
    """What a store says of itself; None for what it leaves out, or says in a way that nobody can read."""

    timezone: str | None
    currency: str | None


def regional_of(info: StoreInfo) -> Regional:
    """From the answer of ``/v2/store``: ``timezone.name`` and ``currency``, the code of ISO 4217
    (store_information.v2.yml).

    Whether this machine knows the zone is for the caller to find out before it is noted.
    """
    code = info.currency.strip().upper()
    return Regional(info.timezone, code if _CURRENCY.fullmatch(code) else None)


def is_known(instance: IntegrationInstance, said: Regional) -> bool:
    """Whether all of it is noted already."""
    return all(value in (None, getattr(instance, f"store_{subject}")) for subject, value in _values(said))


def note_regional(session: Session, tables: Tables, instance_id: int, said: Regional) -> None:
    """Note what the store says, and since when it is another thing than before; the caller commits.

    What is seen for the first time is no change. If somebody else notes the same in this moment, that stands.
    """
    table = tables.instances
    row = session.execute(select(table).where(table.c.id == instance_id)).one_or_none()
    if row is None:
        return
    for subject, value in _values(said):
        now, before = table.c[f"store_{subject}"], table.c[f"{subject}_before"]
        seen_now, seen_before = row._mapping[now.name], row._mapping[before.name]
        if value is None or value == seen_now:
            continue
        is_as_seen = and_(now.is_not_distinct_from(seen_now), before.is_not_distinct_from(seen_before))
        changes = {now.name: value, **_change(subject, seen_now, seen_before, value)}
        session.execute(update(table).where(table.c.id == instance_id, is_as_seen).values(changes))


def _values(said: Regional) -> list[tuple[Subject, str | None]]:
    return [(subject, getattr(said, subject)) for subject in SUBJECTS]


def _change(subject: Subject, now: str | None, before: str | None, value: str) -> dict[str, Any]:
    """The columns of the change: one that begins, one that ends since it was taken back, or the one that stands."""
    if value == before:
        return acknowledged(subject)
    if now is None or before is not None:
        return {}
    return {f"{subject}_before": now, f"{subject}_changed_at": db_now()}


def acknowledged(subject: Subject) -> dict[str, None]:
    """The columns once a person knows of the change."""
    return {f"{subject}_before": None, f"{subject}_changed_at": None}
