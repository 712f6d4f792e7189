"""A broker that is away, silent or emptied costs time, never work."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import dramatiq
import pytest
from dramatiq.brokers.redis import RedisBroker
from dramatiq.brokers.stub import StubBroker

from bigcommerce_integration.worker.messages.sender import Sender

from .gate import Gate
from .hinting import Deaf, hint_rows, make_due, tick, timed
from .processes import wait_until
from .shop import Shop, opened, redis_place
from .test_end_to_end import working


@pytest.fixture
def quick_consumers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dramatiq looks for a lost broker sooner than after three seconds."""
    monkeypatch.setattr("dramatiq.worker.CONSUMER_RESTART_DELAY_SECS", 0.2)


@pytest.fixture
def deaf(sqlite_url: str, due_at_once: None) -> Iterator[Shop]:
    broker = Deaf()
    broker.emit_after("process_boot")
    with opened(sqlite_url, broker) as shop:
        yield shop
    broker.close()


def test_request_survives_a_failing_broker_and_tick_sends_later(deaf: Shop, caplog: pytest.LogCaptureFixture) -> None:
    deaf.broker.is_deaf = True
    assert timed(deaf.post) < 2
    assert deaf.broker.asked == 1, "the second hint is not tried after the first has failed"
    for _ in range(3):
        make_due(deaf)
        assert tick(deaf) == 0
    assert [times for _, times in hint_rows(deaf)] == [0, 0], "failures do not make the tick back off"
    assert deaf.statuses() == ["pending", "pending"]
    deaf.broker.is_deaf = False
    make_due(deaf)
    assert tick(deaf) == 2
    with working(deaf.broker):
        deaf.wait(30)
    deaf.assert_exact()
    assert "ConnectionError" in caplog.text
    assert "secret" not in caplog.text


@contextmanager
def gated(mode: Any, sqlite_url: str) -> Iterator[tuple[Gate, Shop]]:
    """A shop whose Redis is behind a gate."""
    with redis_place() as (url, namespace), Gate("127.0.0.1", int(url.split(":")[2].split("/")[0]), mode) as gate:
        broker: Any = RedisBroker(url=f"redis://127.0.0.1:{gate.port}/0", namespace=namespace)
        with opened(sqlite_url, broker) as shop:
            yield gate, shop
        broker.client.connection_pool.disconnect()
        broker.close()


@pytest.mark.parametrize("mode", ["closed", "silent"])
def test_a_redis_that_is_away_or_silent_at_the_post(
    mode: Any, sqlite_url: str, due_at_once: None, quick_consumers: None
) -> None:
    with gated(mode, sqlite_url) as (gate, shop):
        assert timed(shop.post) < 2
        with ThreadPoolExecutor(3) as pool:
            assert max(pool.map(timed, [lambda n=n: shop.post(name=f"Shop {n}") for n in range(3)])) < 3
        assert set(shop.statuses()) == {"pending"}
        assert timed(lambda: tick(shop)) < 2
        gate.turn("open")
        with working(shop.broker):
            shop.wait(30)
        assert set(shop.statuses()) == {"completed"}


@pytest.mark.slow
def test_a_worker_outlives_a_redis_that_comes_and_goes(
    sqlite_url: str, due_at_once: None, quick_consumers: None
) -> None:
    with gated("silent", sqlite_url) as (gate, shop):
        shop.post()
        with working(shop.broker):
            wait_until(lambda: shop.rows("workers"), 10, "the first tick")
            (before,) = shop.rows("workers", "last_tick_at")
            wait_until(lambda: shop.rows("workers", "last_tick_at") != [before], 10, "a tick in spite of the silence")
            gate.turn("open")
            shop.wait(30)
        shop.assert_exact()


class Silent(StubBroker):
    """A broker that takes its time."""

    def __init__(self) -> None:
        super().__init__()
        self.awake = threading.Event()

    def get_actor(self, actor_name: str) -> Any:
        self.awake.wait(30)
        return super().get_actor("look")


@pytest.mark.ci
def test_the_sender_waits_a_second_in_all_for_a_silent_broker() -> None:
    broker, senders = Silent(), [Sender()]
    dramatiq.actor(lambda refresh_id: None, actor_name="look", broker=broker)

    def send(*ids: int) -> bool:
        return senders[0].send(broker, [("products", each) for each in ids])

    def threads() -> list[threading.Thread]:
        return [each for each in threading.enumerate() if each.name == "bigcommerce-hints"]

    others = threads()
    assert 0.9 < timed(lambda: send(1, 2, 3)) < 2
    assert 0.9 < timed(lambda: send(4)) < 2
    (ours,) = [each for each in threads() if each not in others]
    broker.awake.set()
    wait_until(lambda: send(5), 5, "the sender's recovery")
    senders.clear()
    gc.collect()
    wait_until(lambda: not ours.is_alive(), 5, "the end of the sender's thread")
    broker.close()


@pytest.mark.ci
def test_a_sender_ends_with_the_broker_that_leads_to_it() -> None:
    broker: Any = StubBroker(middleware=[])
    broker.sender = Sender()
    dramatiq.actor(lambda refresh_id: None, actor_name="bigcommerce_refresh_products", broker=broker)
    others = threading.enumerate()
    assert broker.sender.send(broker, [("products", 1)])
    (ours,) = [each for each in threading.enumerate() if each not in others]
    broker.close()
    del broker
    gc.collect()
    wait_until(lambda: not ours.is_alive(), 30, "the end of the sender's thread")


def test_the_sender_works_on_in_a_forked_process(shop: Shop) -> None:
    shop.post()
    sender = Sender()
    assert sender.send(shop.broker, [("products", 1)])
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(write, b"sent" if sender.send(shop.broker, [("products", 1)]) else b"lost")
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(read, 4) == b"sent"
    os.close(read)
    os.close(write)


def test_the_broker_emptied_again_and_again(broker: StubBroker, sqlite_url: str, due_at_once: None) -> None:
    settings = {"slice_s": 0.2, "page_size": 10, "concurrency": 2, "tick_s": 0.1}
    with opened(sqlite_url, broker, latency_ms=30, settings=settings) as shop:
        shop.post()
        broker.flush_all()
        ended = threading.Event()

        def empty() -> None:
            while not ended.wait(0.15):
                for queue in broker.queues.values():
                    while not queue.empty():
                        queue.get_nowait()
                        queue.task_done()

        with working(broker):
            thread = threading.Thread(target=empty)
            thread.start()
            try:
                shop.wait(60)
            finally:
                ended.set()
                thread.join()
        shop.assert_exact()
