"""What a free process does without being asked: neither a lost message nor a broker that is away holds the work up."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from dramatiq import Worker
from dramatiq.brokers.stub import StubBroker
from sqlalchemy import update

from bigcommerce_integration import looking, tasks
from bigcommerce_integration.models import db_now
from bigcommerce_integration.sandbox import SandboxStore

from .processes import wait_until
from .shop import Shop, opened
from .test_end_to_end import working

TICK_S = 0.2


class Away(StubBroker):
    """A broker that takes no message."""

    def enqueue(self, message: object, *, delay: int | None = None) -> object:
        raise ConnectionError("away")


@pytest.fixture
def shop(broker: StubBroker, sqlite_url: str) -> Iterator[Shop]:
    with opened(sqlite_url, broker, settings={"tick_s": TICK_S}) as shop:
        yield shop


def ticks(shop: Shop, count: int) -> None:
    """Wait for so many more ticks of the one worker."""
    for _ in range(count):
        (before,) = shop.rows("workers", "last_tick_at")
        wait_until(lambda before=before: shop.rows("workers", "last_tick_at") != [before], 10, "a tick")


def test_the_work_is_done_slice_by_slice_though_the_broker_takes_no_message_and_ticks_are_rare(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "LOOK_EVERY_S", 0.2)
    broker = Away()
    broker.emit_after("process_boot")
    settings = {"tick_s": 600.0, "slice_s": 0.1, "page_size": 10, "concurrency": 1}
    store = SandboxStore(60, 60, awkward=False)
    with opened(sqlite_url, broker, store=store, latency_ms=50, settings=settings) as shop:
        with working(broker):
            wait_until(lambda: shop.rows("workers"), 10, "the only tick")
            shop.post()
            shop.wait(60)
        shop.assert_exact()
        assert min(row.epoch for row in shop.rows("leases", "epoch")) > 1, "more than one slice each"
    broker.close()


def test_what_another_process_left_is_taken_up_though_its_hint_is_put_off(shop: Shop) -> None:
    shop.post()
    shop.broker.flush_all()
    shop.execute(update(shop.tables.leases).values(owner="killed", expires_at=db_now(1.0)))
    shop.execute(update(shop.tables.hints).values(next_hint_at=db_now(600), times_sent=9))
    began = time.monotonic()
    with working(shop.broker):
        wait_until(lambda: "processing" in shop.statuses() or "completed" in shop.statuses(), 20, "it goes on")
        assert time.monotonic() - began >= 0.9, "not while the lease lives"
        shop.wait(30)
    shop.assert_exact()


def test_a_busy_process_leaves_it_to_others(shop: Shop) -> None:
    shop.post()
    shop.broker.flush_all()
    shop.execute(update(shop.tables.hints).values(next_hint_at=db_now(600)))
    with looking._one_slice, working(shop.broker):
        wait_until(lambda: shop.rows("workers"), 10, "the first tick")
        ticks(shop, 3)
        assert shop.statuses() == ["pending", "pending"]


def test_a_process_that_does_not_take_our_messages_does_not_take_our_work_either(shop: Shop) -> None:
    shop.post()
    shop.broker.flush_all()
    worker = Worker(shop.broker, worker_timeout=50, queues={"another"})
    worker.start()
    try:
        time.sleep(5 * TICK_S)
        assert shop.statuses() == ["pending", "pending"]
        assert not shop.rows("workers")
    finally:
        worker.stop()


def test_a_stop_waits_for_the_slice_that_no_message_asked_for(broker: StubBroker, sqlite_url: str) -> None:
    settings = {"tick_s": TICK_S, "page_size": 10, "concurrency": 1}
    store = SandboxStore(200, 1, awkward=False)
    with opened(sqlite_url, broker, store=store, latency_ms=60, settings=settings) as shop:
        shop.post()
        shop.broker.flush_all()
        with working(broker):
            shop.wait_fetched(10)
        assert [row.owner for row in shop.rows("leases", "owner")] == [None, None], "let go in good order"
        assert "completed" not in shop.statuses()[:1]
