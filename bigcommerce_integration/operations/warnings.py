"""Warnings about an instance: what is legal but probably a mistake. Answers show them, nothing is refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, bindparam, func, select

from ..models import Tables
from ..models.instances import IntegrationInstance
from ..refresh.removal.purge import DELETING
from .context import Caller
from .queries import is_of_tenant

TWICE = "store_connected_twice"
CODES = (TWICE, "start_date_in_future", "name_taken")
# The date furthest ahead of UTC's: whatever the store's time zone is, a later day has not begun there.
_FURTHEST_AHEAD = timedelta(hours=14)
_MOST_NAMED = 5
"""Other instances of the same store that a warning names."""


@dataclass(frozen=True)
class Settled:
    """What the warnings depend on; ``id`` is None for what is not connected (yet).

    ``is_only_one`` says that the tenant has surely no other instance of the store.
    """

    id: int | None
    store_hash: str
    start_date: date
    is_only_one: bool = False


def warnings(caller: Caller, settled: Sequence[Settled]) -> list[list[dict[str, str]]]:
    """For each of these its warnings, as answers show them; one query at most for all."""
    shared = {each.store_hash for each in settled if not each.is_only_one}
    same = _by_store(caller, shared) if shared else {}
    today = (datetime.now(UTC) + _FURTHEST_AHEAD).date()
    return [[*_of_store(each, same.get(each.store_hash, ()), caller), *_of_date(each, today)] for each in settled]


def of_instance(instance: IntegrationInstance, *, is_only_one: bool = False) -> Settled:
    """What the warnings of a connected store depend on."""
    return Settled(instance.id, instance.store_hash, instance.start_date, is_only_one)


def warning(field: str, code: str, message: str) -> dict[str, str]:
    """One, as answers show it."""
    return {"field": field, "code": code, "message": message}


def _by_store(caller: Caller, store_hashes: set[str]) -> Mapping[str, Sequence[IntegrationInstance]]:
    found: defaultdict[str, list[IntegrationInstance]] = defaultdict(list)
    which = {"store_hashes": sorted(store_hashes), "tenant": caller.tenant}
    for row in caller.session.execute(_of_stores(caller.state.tables), which):
        found[row.store_hash].append(IntegrationInstance.from_row(row))
    return found


@lru_cache(maxsize=16)
def _of_stores(tables: Tables) -> Select[Any]:
    table = tables.instances
    place = func.row_number().over(partition_by=table.c.store_hash, order_by=table.c.id)
    has_hash = table.c.store_hash.in_(bindparam("store_hashes", expanding=True))
    is_there = (has_hash, is_of_tenant(table), table.c.status != DELETING)
    ranked = select(table.c.id, place.label("place")).where(*is_there).subquery()
    # Itself, those that are named, and one more, so that it is known whether there are more.
    few = ranked.c.place <= _MOST_NAMED + 2
    return select(table).join(ranked, table.c.id == ranked.c.id).where(few).order_by(table.c.id)


def _of_store(settled: Settled, same: Sequence[IntegrationInstance], caller: Caller) -> list[dict[str, str]]:
    others = [each for each in same if each.id != settled.id]
    if not others:
        return []
    readable = [f"{each.name!r} (instance {each.id})" for each in others if caller.may("read", each)]
    who = ", ".join(readable[:_MOST_NAMED]) if readable else "another instance, which you may not read"
    if len(readable) > _MOST_NAMED:
        who += " and more"
    message = (
        f"This store is also connected as {who}. Sales are counted twice, and the books get two invoices for each "
        "order if both post to them."
    )
    return [warning("integration_settings.store_hash", TWICE, message)]


def _of_date(settled: Settled, today: date) -> list[dict[str, Any]]:
    if settled.start_date <= today:
        return []
    message = f"The start date is in the future: no order comes before {settled.start_date.isoformat()}."
    return [warning("integration_settings.start_date", "start_date_in_future", message)]
