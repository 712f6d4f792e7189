"""A worker that is told to stop ends within seconds and leaves its work to others in good order."""

from __future__ import annotations

import time

import pytest
from dramatiq.brokers.stub import StubBroker

from bigcommerce_integration.refresh.read import slice as slices
from bigcommerce_integration.sandbox import SandboxStore
from bigcommerce_integration.worker.actors import TICK_ENDS_IN_S

from .processes import wait_until
from .shop import Shop, opened
from .test_end_to_end import working


@pytest.mark.ci
def test_a_stopped_worker_leaves_at_once_and_another_goes_on(broker: StubBroker, sqlite_url: str) -> None:
    settings = {"page_size": 10, "concurrency": 2}
    store = SandboxStore(160, 2, awkward=False)
    with opened(sqlite_url, broker, store=store, latency_ms=60, settings=settings) as shop:
        shop.post()
        for count in (1, 90):
            with working(broker):
                shop.wait_fetched(count)
                began = time.monotonic()
            assert time.monotonic() - began < 5
            assert not any(row.owner for row in shop.rows("leases", "owner")), "let go in good order"
            assert running(shop) == []
        with working(broker):
            shop.wait(30)
        shop.assert_exact()
        assert shop.twice_asked() == []
        assert not broker.dead_letters


def running(shop: Shop) -> list[str]:
    """The worker processes that have not ended in good order."""
    return [row.id for row in shop.rows("workers", "id", "ended_at") if row.ended_at is None]


def test_worker_stops_within_seconds_while_the_store_is_silent(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    assert slices.DRAIN_S + TICK_ENDS_IN_S < 9
    monkeypatch.setattr(slices, "DRAIN_S", 1.0)
    shop.post()
    shop.server.pause()
    with working(shop.broker):
        wait_until(lambda: shop.server.most_in_flight, 10, "a request under way")
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert not any(row.owner for row in shop.rows("leases", "owner"))
    shop.server.resume()
    with working(shop.broker):
        shop.wait(30)
    shop.assert_exact()


@pytest.mark.ci
def test_second_worker_on_a_broker_goes_on_when_the_first_stops(
    broker: StubBroker, sqlite_url: str, due_at_once: None
) -> None:
    with opened(sqlite_url, broker, latency_ms=20, settings={"page_size": 10}) as shop:
        with working(broker):
            with working(broker):
                shop.post()
                shop.wait_fetched(10)
            (before,) = shop.rows("workers", "last_tick_at")
            broker.flush_all()
            shop.wait(30)
            shop.post(name="Another")
            shop.wait(30)
            wait_until(lambda: shop.rows("workers", "last_tick_at") > [before], 5, "a further tick")
        assert set(shop.statuses()) == {"completed"}
        assert running(shop) == []
        assert len(shop.rows("workers")) == 1, "the note of the last one that ended"
