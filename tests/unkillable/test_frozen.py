"""Worker processes that freeze, and several at the same refresh: each goes its way, and no late page lands."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from bigcommerce_integration.sandbox import SandboxStore
from bigcommerce_integration.worker.messages.sender import actor_name

from ..processes import Workers, commands, wait_until, workers
from ..services import fresh_database
from ..shop import Shop, opened_for_workers, opened_on_servers, redis_place
from ..worker_host import WorkerHost

SETTINGS = {"page_size": 20, "concurrency": 2, "lease_s": 3.0, "tick_s": 0.3}
RECORDS = 60
HELD = "Held"


@contextmanager
def holding_shop(database: str, directory: Path) -> Iterator[tuple[Shop, Path]]:
    """A shop whose host holds the transaction of a page of products, while the file is there."""
    marker = directory / "held"
    marker.write_text(HELD)
    with fresh_database(database, directory) as url, redis_place() as (broker_url, namespace):
        host = WorkerHost(url, broker_url, namespace, trouble={"holds_at": str(marker)})
        store = SandboxStore(RECORDS, RECORDS, awkward=False)
        with opened_for_workers(host, store=store, settings=SETTINGS) as shop:
            yield shop, marker


@contextmanager
def frozen_in_a_page(shop: Shop, marker: Path, directory: Path) -> Iterator[tuple[Workers, Workers]]:
    """Two worker processes; the first is frozen inside the transaction of a page, the other free."""
    with commands(shop.host, directory, 2) as crew:
        shop.post(name=HELD)
        wait_until(lambda: "\n" in marker.read_text(), 30, "a page that is held")
        pid = int(marker.read_text().split()[1])
        frozen, free = sorted(crew, key=lambda each: each.pid != pid)
        assert frozen.pid == pid
        # It runs beside it, perhaps in the same process, which could be frozen in a transaction of that one too.
        wait_until(lambda: shop.statuses().count("completed") == 1, 30, "the other refresh of the store")
        frozen.freeze()
        marker.unlink()
        yield frozen, free


@pytest.mark.parametrize("database", ["postgresql", pytest.param("mariadb", marks=pytest.mark.slow)])
def test_refresh_frozen_inside_a_page_holds_up_no_other(database: str, tmp_path: Path) -> None:
    with (
        holding_shop(database, tmp_path) as (shop, marker),
        frozen_in_a_page(shop, marker, tmp_path) as (frozen, _),
    ):
        began = time.monotonic()
        shop.post(name="Other", integration_settings__auto_create_products=False)
        wait_until(lambda: shop.statuses().count("completed") == 3, 30, "all but the one that is held")
        # Also those that begin when the lease has long lapsed.
        time.sleep(max(0.0, SETTINGS["lease_s"] + 1 - (time.monotonic() - began)))
        shop.post(name="Late", integration_settings__auto_create_products=False)
        wait_until(lambda: shop.statuses().count("completed") == 5, 30, "all but the one that is held")
        assert shop.statuses()[0] == "processing"
        frozen.wake()
        shop.wait(30)
        assert set(shop.statuses()) == {"completed"}
        assert_each_once(shop)


@pytest.mark.slow
@pytest.mark.parametrize("database", ["postgresql", "mariadb"])
def test_page_of_a_session_ended_by_the_database_is_not_written(database: str, tmp_path: Path) -> None:
    with (
        holding_shop(database, tmp_path) as (shop, marker),
        frozen_in_a_page(shop, marker, tmp_path) as (frozen, _),
    ):
        time.sleep(SETTINGS["lease_s"] + 0.5)
        end_idle_sessions(shop)
        shop.wait(30)
        for product_id in shop.store.product_ids:
            shop.store.edit_product(product_id, name=f"Renamed {product_id}")
        before = shop.rows("products", "bigcommerce_id", "name", "change_number")
        frozen.wake()
        wait_until(lambda: "broke off" in frozen.text() or "OperationalError" in frozen.text(), 20, "its failure")
        time.sleep(1)
        assert shop.rows("products", "bigcommerce_id", "name", "change_number") == before
        assert shop.statuses() == ["completed", "completed"]
        assert_each_once(shop)


def end_idle_sessions(shop: Shop) -> None:
    """End the sessions that sit in a transaction and do nothing, as a server's own time-out would."""
    admin = create_engine(shop.host.database_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with admin.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND state = 'idle in transaction'"
                )
            )
            return
        idle = connection.scalars(
            text(
                "SELECT trx_mysql_thread_id FROM information_schema.innodb_trx JOIN information_schema.processlist "
                "ON id = trx_mysql_thread_id WHERE db = DATABASE() AND command = 'Sleep'"
            )
        ).all()
        assert idle
        for number in idle:
            connection.execute(text(f"KILL {number}"))


def assert_each_once(shop: Shop) -> None:
    """Every instance has every record, once."""
    for table, ids in (("products", shop.store.product_ids), ("orders", shop.store.order_ids)):
        stored = [(row.instance_id, row.bigcommerce_id) for row in shop.rows(table, "instance_id", "bigcommerce_id")]
        assert sorted(stored) == sorted((instance["id"], each) for instance in shop.instances for each in ids)


@pytest.mark.slow
def test_several_workers_given_the_same_refresh_all_the_while(tmp_path: Path) -> None:
    store = SandboxStore(300, 300, awkward=False)
    settings = SETTINGS | {"slice_s": 0.5}
    with opened_on_servers("postgresql", "redis", tmp_path, store=store, latency_ms=50, settings=settings) as shop:
        over = threading.Event()

        def give(refreshes: list[dict[str, int]]) -> None:
            while not over.wait(0.05):
                for refresh in refreshes:
                    shop.broker.get_actor(actor_name(refresh["resource"])).send(refresh["id"])

        with workers(shop.host, tmp_path, processes=3, threads=2):
            giver = threading.Thread(target=give, args=(shop.post()["refreshes"],))
            giver.start()
            try:
                shop.wait(60)
            finally:
                over.set()
                giver.join()
        shop.assert_exact()
        assert shop.twice_asked() == []
