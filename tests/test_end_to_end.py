"""A POST becomes rows, and the progress answer tells of it: real HTTP, real databases, real brokers and workers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from dramatiq import Worker
from dramatiq.brokers.stub import StubBroker
from sqlalchemy import select

from bigcommerce_integration import instance_created, refresh_finished
from bigcommerce_integration.models import db_now
from bigcommerce_integration.sandbox import SandboxStore

from .host_app import bearer
from .processes import wait_until, workers
from .shop import URL, Shop, opened, opened_on_servers


@contextmanager
def working(broker: Any, **options: Any) -> Iterator[Worker]:
    """An in-process worker."""
    worker = Worker(broker, worker_timeout=100, worker_threads=4, **options)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()


@pytest.fixture
def shop(broker: StubBroker, sqlite_url: str) -> Iterator[Shop]:
    with opened(sqlite_url, broker, store=SandboxStore(40, 40)) as shop:
        yield shop


def test_post_to_rows_to_progress_with_an_in_process_worker(shop: Shop) -> None:
    made = shop.post()
    assert [(each["status"], each["progress_percentage"]) for each in made["refreshes"]] == [("pending", None)] * 2
    with working(shop.broker):
        shop.wait(30)
    shop.assert_exact()
    for refresh in shop.refreshes():
        assert refresh["results"]["fetched"] == refresh["results"]["created"] == 40
        assert refresh["created_at"] <= refresh["started_at"] <= refresh["finished_at"]
        assert refresh["message"].startswith("Completed.")
    assert not shop.broker.dead_letters


def test_progress_is_shown_while_it_works_and_never_goes_back(broker: StubBroker, sqlite_url: str) -> None:
    seen: list[int] = []

    def look() -> bool:
        (products, _) = shop.refreshes()
        if products["progress_percentage"] is not None:
            seen.append(products["progress_percentage"])
        return products["status"] == "completed"

    settings = {"page_size": 10, "concurrency": 1}
    with opened(sqlite_url, broker, store=SandboxStore(80, 2), latency_ms=30, settings=settings) as shop:
        shop.post()
        with working(broker):
            wait_until(look, 30, "the products", every_s=0.01)
    assert seen == sorted(seen)
    assert len({each for each in seen if 0 < each < 100}) >= 3
    assert seen[-1] == 100


def test_two_instances_of_one_store_are_mirrored_side_by_side(shop: Shop) -> None:
    shop.post()
    shop.post(name="The same again", integration_settings__auto_create_products=False)
    with working(shop.broker):
        shop.wait(30)
    assert shop.statuses() == ["completed"] * 4
    ids = [(row.instance_id, row.bigcommerce_id) for row in shop.rows("orders", "instance_id", "bigcommerce_id")]
    assert sorted(ids) == [(instance["id"], each) for instance in shop.instances for each in shop.store.order_ids]


@pytest.mark.parametrize(("database", "broker"), [("postgresql", "redis"), ("mariadb", "rabbitmq")])
def test_post_to_rows_with_worker_processes(database: str, broker: str, tmp_path: Path) -> None:
    store, settings = SandboxStore(260, 260, seed=5), {"page_size": 20}
    with (
        opened_on_servers(database, broker, tmp_path, store=store, latency_ms=100, settings=settings) as shop,
        workers(shop.host, tmp_path, processes=2),
    ):
        shop.post()
        wait_until(lambda: live_leases(shop) == 2, 30, "two slices at once, so both processes at work", every_s=0.02)
        shop.wait(60)
        shop.assert_exact()
        assert shop.twice_asked() == []


def live_leases(shop: Shop) -> int:
    leases = shop.tables.leases
    with shop.app.app_context():
        held = select(leases.c.owner).where(leases.c.owner.is_not(None), leases.c.expires_at > db_now())
        return len(shop.host_app.db.session.execute(held).all())


def test_signals_carry_ids_after_the_commit(shop: Shop) -> None:
    told: list[tuple[str, dict[str, Any], list[Any]]] = []

    def created(sender: Any, **values: Any) -> None:
        told.append(("created", values, shop.rows("instances", "id")))

    def finished(sender: Any, **values: Any) -> None:
        assert sender is shop.app
        rows = shop.rows("refreshes", "id", "status")
        told.append(("finished", values, [row.status for row in rows if row.id == values["refresh_id"]]))

    with instance_created.connected_to(created), refresh_finished.connected_to(finished):
        made = shop.post()
        with working(shop.broker):
            shop.wait(30)
    instance_id, ids = made["id"], sorted(row.id for row in shop.rows("refreshes", "id"))
    assert told[0] == ("created", {"instance_id": instance_id}, [(instance_id,)])
    assert sorted(told[1:], key=lambda each: each[1]["refresh_id"]) == [
        ("finished", {"instance_id": instance_id, "refresh_id": each}, ["completed"]) for each in ids
    ]


def test_failed_refresh_sends_a_signal_too(shop: Shop) -> None:
    shop.store.set_token()
    told: list[Any] = []

    def finished(sender: Any, **values: Any) -> None:
        told.append(values["refresh_id"])

    with refresh_finished.connected_to(finished):
        made = shop.post(connection_settings__access_token="outdated-token-of-the-store")
        with working(shop.broker):
            shop.wait(30)
            wait_until(lambda: len(told) == 2, 5, "both signals")
    assert sorted(told) == sorted(each["id"] for each in made["refreshes"])
    assert shop.statuses() == ["failed", "failed"]


def test_a_receiver_that_raises_breaks_nothing(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    def boom(sender: Any, **values: Any) -> None:
        raise RuntimeError("the receiver's own failure")

    with instance_created.connected_to(boom), refresh_finished.connected_to(boom):
        shop.post()
        with working(shop.broker):
            shop.wait(30)
    shop.assert_exact()
    assert not shop.broker.dead_letters
    failures = [record for record in caplog.records if record.exc_info and "receiver" in str(record.exc_info[1])]
    assert len(failures) == 4, "of the instance, and of each collection's first refresh"


@pytest.mark.ci
def test_named_records_need_not_wait_for_a_long_walk(broker: StubBroker, sqlite_url: str) -> None:
    settings = {"page_size": 10, "concurrency": 1, "slice_s": 0.5, "tick_s": 60, "lease_s": 60}
    store = SandboxStore(300, 1, awkward=False)
    with opened(sqlite_url, broker, store=store, latency_ms=60, settings=settings) as shop, working(broker):
        (instance,) = [shop.post()]
        shop.wait_fetched(30)
        client, headers = shop.app.test_client(), bearer(shop.app)
        answer = client.post(
            f"{URL}/{instance['id']}/products/refresh",
            json={"mode": "ids", "ids": [store.product_ids[-1]]},
            headers=headers,
        )
        assert answer.status_code == 202, answer.text
        instance["refreshes"].append(answer.json["data"])
        wait_until(lambda: shop.refreshes()[2]["status"] == "completed", 30, "the named product")
        assert shop.refreshes()[0]["status"] == "processing", "without the help of a tick, before the walk's end"
        shop.wait(60)
        # The walk brings it once more, unchanged.
        shop.assert_exact()
