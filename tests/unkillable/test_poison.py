"""A record that kills its worker each time: it is set aside, and the refresh ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from bigcommerce_integration.models import db_now
from bigcommerce_integration.refresh.write.page import DEATHS
from bigcommerce_integration.sandbox import SandboxStore

from ..host_app import bearer
from ..services import fresh_database
from ..shop import URL, Shop, opened_for_workers, redis_place
from ..worker_host import WorkerHost
from .forked import Supervised, supervised

SETTINGS = {"page_size": 50, "concurrency": 3, "lease_s": 3.0, "tick_s": 0.1}
RECORDS = 120


@contextmanager
def deadly_shop(directory: Path, deadly_id: int, store: SandboxStore, database: str, **settings: Any) -> Iterator[Shop]:
    """A shop whose host kills the worker that brings this product."""
    with fresh_database(database, directory) as url, redis_place() as (broker_url, namespace):
        host = WorkerHost(url, broker_url, namespace, trouble={"deadly_id": deadly_id})
        with opened_for_workers(host, store=store, settings=SETTINGS | settings) as shop:
            yield shop


@contextmanager
def leases_of_the_dead_ending_at_once(shop: Shop, crew: Supervised) -> Iterator[None]:
    """How long a lease outlives its worker is another test's matter."""
    over = threading.Event()

    def end_leases() -> None:
        seen = 0
        while not over.wait(0.05):
            if (deaths := crew.deaths) > seen:
                shop.execute(update(shop.tables.leases).values(expires_at=db_now(-1)))
                seen = deaths

    thread = threading.Thread(target=end_leases)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize(
    ("database", "place", "page_size"),
    [
        ("postgresql", 61, 50),
        # Pages beside the one that kills are stored meanwhile, and are no sign that all is well.
        ("postgresql", 61, 20),
        *(pytest.param("mariadb", place, 50, marks=pytest.mark.slow) for place in (0, 61, -1)),
        *(pytest.param("mariadb", place, 17, marks=pytest.mark.slow) for place in (40, 80)),
    ],
)
def test_record_that_kills_its_worker_is_quarantined(database: str, place: int, page_size: int, tmp_path: Path) -> None:
    store = SandboxStore(RECORDS, 20, awkward=False)
    deadly = store.product_ids[place]
    with deadly_shop(tmp_path, deadly, store, database, page_size=page_size) as shop:
        shop.post()
        with supervised(shop.host, tmp_path) as crew, leases_of_the_dead_ending_at_once(shop, crew):
            shop.wait(60)
            deaths = crew.deaths
        assert set(shop.statuses()) == {"completed"}
        (products, orders) = [refresh["results"] for refresh in shop.refreshes()]
        assert (products["fetched"], products["created"], products["rejected"]) == (RECORDS, RECORDS - 1, 1)
        assert (orders["created"], orders["rejected"]) == (20, 0)
        stored = {row.bigcommerce_id for row in shop.rows("products", "bigcommerce_id")}
        assert stored == set(store.product_ids) - {deadly}
        (rejected,) = shop.rows("rejected_records", "bigcommerce_id", "reason", "reason_code")
        assert tuple(rejected) == (deadly, DEATHS.reason, DEATHS.code)
        message = shop.refreshes()[0]["message"]
        assert message.startswith("Completed, but 1 product was left out: later refreshes try it again"), message
        health = shop.app.test_client().get(f"{URL}/{shop.instances[0]['id']}", headers=bearer(shop.app)).json["data"]
        assert health["health"]["products"]["left_out"]["count"] == 1
        assert 3 <= deaths <= 15
