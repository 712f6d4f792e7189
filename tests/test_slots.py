"""What one process does at a time: slices side by side, one of them beyond its first page, and room for the host."""

from __future__ import annotations

import threading
from typing import Any

import dramatiq
import pytest
from dramatiq import Worker
from dramatiq.brokers.stub import StubBroker
from sqlalchemy import NullPool, create_engine

from bigcommerce_integration.sandbox import SandboxStore
from bigcommerce_integration.worker.actors import BigCommerceWorker
from bigcommerce_integration.worker.slots import Slots, most_sessions, places

from .processes import wait_until
from .shop import Shop, opened
from .test_end_to_end import working

PAGE = 10


def slots_of(shop: Shop) -> Slots:
    (middleware,) = (each for each in shop.broker.middleware if isinstance(each, BigCommerceWorker))
    return middleware.dispatcher.slots


def by_resource(shop: Shop, *columns: str) -> dict[str, Any]:
    return {row.resource: row for row in shop.rows("refreshes", "resource", *columns)}


@pytest.mark.ci
def test_a_small_refresh_does_not_wait_for_a_large_one(broker: StubBroker, sqlite_url: str) -> None:
    store, settings = SandboxStore(400, 5, awkward=False), {"page_size": PAGE, "concurrency": 1, "slice_s": 300.0}
    with opened(sqlite_url, broker, store=store, latency_ms=50, settings=settings) as shop:
        with working(broker):
            shop.post()
            wait_until(lambda: by_resource(shop, "status")["orders"].status == "completed", 30, "the small one")
            assert by_resource(shop, "status")["products"].status == "processing"
            epochs = {row.resource: row.epoch for row in shop.rows("leases", "resource", "epoch")}
            assert epochs["products"] == 1, "its first slice goes on"
            shop.wait(60)
        shop.assert_exact()


@pytest.mark.ci
def test_one_large_refresh_at_a_time_goes_beyond_its_first_page(broker: StubBroker, sqlite_url: str) -> None:
    store, settings = SandboxStore(150, 150, awkward=False), {"page_size": PAGE, "concurrency": 1, "slice_s": 300.0}
    with opened(sqlite_url, broker, store=store, latency_ms=20, settings=settings) as shop:
        with working(broker):
            shop.post()
            wait_until(lambda: "completed" in shop.statuses(), 60, "the first of both")
            fetched = sorted(row.fetched for row in by_resource(shop, "fetched").values())
            assert fetched[0] < 150, "the other has waited"
            shop.wait(60)
        shop.assert_exact()


@pytest.mark.ci
def test_the_host_s_own_actors_find_a_free_thread(broker: StubBroker, sqlite_url: str) -> None:
    sent = threading.Event()
    with opened(sqlite_url, broker, latency_ms=0) as shop:
        mail = dramatiq.actor(sent.set, actor_name="mail", queue_name="mail", broker=broker)
        shop.server.pause()
        for number in range(4):
            shop.post(name=f"Shop {number}")
        with working(broker):
            assert slots_of(shop).count == 2, "half of the threads"
            wait_until(lambda: slots_of(shop).free == 0, 10, "that as many slices wait for the store")
            mail.send()
            assert sent.wait(10)
            shop.server.resume()
            shop.wait(60)
        assert set(shop.statuses()) == {"completed"}


@pytest.mark.parametrize(
    ("queues", "configured", "expected"),
    [(None, None, 4), ({"bigcommerce"}, None, 24), ({"bigcommerce", "mail"}, None, 4), (None, 3, 3)],
)
def test_places_by_what_a_process_serves(queues: set[str] | None, configured: int | None, expected: int) -> None:
    broker = StubBroker(middleware=[])
    for name in ("bigcommerce", "mail"):
        broker.declare_queue(name)
    assert places(broker, [Worker(broker, queues=queues, worker_threads=8)], configured) == expected
    broker.close()


@pytest.mark.parametrize(
    ("options", "sessions", "expected"),
    [
        ({}, 15, 10),
        ({"pool_size": 21, "max_overflow": 0}, 21, 16),
        ({"pool_size": 3, "max_overflow": 1}, 4, 1),
        ({"max_overflow": -1}, None, 24),
        ({"poolclass": NullPool}, None, 24),
    ],
)
def test_places_leave_sessions_of_the_database(
    options: dict[str, Any], sessions: int | None, expected: int, sqlite_url: str
) -> None:
    broker, engine = StubBroker(middleware=[]), create_engine(sqlite_url, **options)
    broker.declare_queue("bigcommerce")
    assert most_sessions(engine.pool) == sessions
    assert places(broker, [Worker(broker, worker_threads=8)], None, sessions) == expected
    assert places(broker, [Worker(broker, worker_threads=8)], 30, sessions) == 30, "as it is configured"
    broker.close()


def test_places_are_one_at_least() -> None:
    broker = StubBroker(middleware=[])
    for name in ("bigcommerce", "mail"):
        broker.declare_queue(name)
    assert places(broker, [Worker(broker, worker_threads=1)], None) == 1
    assert places(broker, [], None) == 1
    broker.close()


def test_the_permit_goes_to_one_slice_until_it_ends() -> None:
    slots = Slots(2)
    first, second = slots.take(), slots.take()
    assert first is not None
    assert second is not None
    assert slots.take() is None
    assert [first.may_go_on(), second.may_go_on(), first.may_go_on()] == [True, False, True]
    assert [first.was_refused, second.was_refused] == [False, True]
    second.free()
    assert slots.take(is_large=True) is None
    first.free()
    assert slots.take(is_large=True) is not None
    assert not slots.is_permit_free
