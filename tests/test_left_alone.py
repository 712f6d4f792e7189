"""Automatic sync, left alone: a store that is edited, workers that are killed, a broker that is emptied."""

from __future__ import annotations

import time
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from bigcommerce_integration.sandbox import SandboxStore

from .edits import edited
from .oracle.truth import truth_of
from .processes import wait_until, workers
from .refresh.equality import TABLES, Scope, differences
from .shop import LONG_AGO, Shop, opened_on_servers

LEASE_S = 3.0


def recent_store(products: int, orders: int) -> SandboxStore:
    """A store whose orders are all young enough to be read again by each sweep."""
    store, dice, now = SandboxStore(products, 0, awkward=False), Random(7), datetime.now(UTC)
    for number in range(orders):
        created = now - timedelta(days=50) + timedelta(days=49) * number / orders
        moment = created.strftime("%a, %d %b %Y %H:%M:%S +0000")
        store.create_order(lines=dice.randint(1, 4), date_created=moment, date_modified=moment)
    return store


def sweeps(shop: Shop) -> int:
    """How often all three sweeps have completed since they were begun for the first time."""
    refreshes = shop.tables.refreshes
    counts = []
    for resource, mode in (("products", "full"), ("orders", "date_range"), ("refunds", "date_range")):
        ended = select(refreshes.c.id).where(
            refreshes.c.resource == resource, refreshes.c.mode == mode, refreshes.c.status == "completed"
        )
        with shop.app.app_context():
            counts.append(len(shop.host_app.db.session.scalars(ended).all()))
    return min(counts)


def wrong(shop: Shop) -> list[str]:
    """What is not as in the store, of everything."""
    rows: dict[str, list[dict[str, Any]]] = {
        table: [dict(row._mapping) for row in shop.rows(table)] for table in TABLES
    }
    start_date = date.fromisoformat(LONG_AGO)
    return list(differences(truth_of(shop.store), rows, start_date=start_date, scope=Scope()))


def failures(shop: Shop) -> list[str]:
    return [f"{row.resource} {row.mode}: {row.message}" for row in shop.rows("refreshes") if row.status == "failed"]


def prove(
    directory: Path, *, database: str, broker: str, edits_s: float, a_second: float, records: int, **settings: Any
):
    dice, kills = Random(3), 0
    store = recent_store(records, records)
    given = {"tick_s": 0.5, "lease_s": LEASE_S, "page_size": 50, "overlap_s": 5, **settings}
    with ExitStack() as stack:
        shop = stack.enter_context(
            opened_on_servers(database, broker, directory, store=store, latency_ms=30, settings=given)
        )
        crews = [stack.enter_context(workers(shop.host, directory)) for _ in range(2)]
        shop.post(is_automatic_sync_enabled=True)
        shop.wait(120)
        ends_at = time.monotonic() + edits_s
        with edited(store, seed=5, a_second=a_second) as done:
            while kills < 2 or time.monotonic() < ends_at:
                time.sleep(dice.uniform(0.5, 3) if edits_s < 30 else dice.uniform(5, 20))
                crews.pop(dice.randrange(2)).kill()
                kills += 1
                shop.broker.flush("bigcommerce")
                crews.append(stack.enter_context(workers(shop.host, directory)))
        assert len(done) > edits_s
        # The one under way may have read some before the last edit.
        swept = sweeps(shop)
        wait_until(
            lambda: sweeps(shop) >= swept + 3, 10 * settings["sweep_interval_s"] + 120, "two whole sweeps", every_s=0.5
        )
        found = wrong(shop)
        assert found == [], "\n".join([*found, *(edit for edit in done if edit.split(" ")[1] in " ".join(found))])
        assert failures(shop) == []
        assert shop.rows("rejected_records") == []
        open_walks = [row for row in shop.rows("refreshes") if row.open_key]
        assert len({row.open_key for row in open_walks}) == len(open_walks) <= 3


def test_left_alone_for_a_few_seconds(tmp_path: Path) -> None:
    prove(
        tmp_path,
        database="postgresql",
        broker="redis",
        edits_s=8,
        a_second=10,
        records=120,
        sync_interval_s=1,
        sweep_interval_s=3,
    )


@pytest.mark.slow
def test_left_alone_for_ten_minutes(tmp_path: Path) -> None:
    prove(
        tmp_path,
        database="postgresql",
        broker="redis",
        edits_s=600,
        a_second=10,
        records=2000,
        sync_interval_s=10,
        sweep_interval_s=60,
    )
