"""What a free process does without being asked: neither a lost message nor a broker that is away holds the work up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from dramatiq import Worker
from dramatiq.brokers.stub import StubBroker
from sqlalchemy import update

from bigcommerce_integration.models import db_now
from bigcommerce_integration.sandbox import SandboxStore
from bigcommerce_integration.worker import actors, dispatcher
from bigcommerce_integration.worker.actors import BigCommerceWorker
from bigcommerce_integration.worker.dispatcher import Dispatcher
from bigcommerce_integration.worker.messages.sender import Sender, actor_name
from bigcommerce_integration.worker.slots import Slot

from .hinting import engine, make_due, tick
from .processes import wait_until
from .shop import Shop, code_base, opened
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


def worker_of(shop: Shop) -> BigCommerceWorker:
    (middleware,) = (each for each in shop.broker.middleware if isinstance(each, BigCommerceWorker))
    return middleware


def dispatcher_of(shop: Shop) -> Dispatcher:
    return worker_of(shop).dispatcher


@contextmanager
def busy(shop: Shop) -> Iterator[None]:
    """As if each place for a slice in this process were taken."""
    slots = dispatcher_of(shop).slots
    taken = [Slot(slots) for _ in range(100)]
    slots._taken.update(taken)
    try:
        yield
    finally:
        for slot in taken:
            slot.free()


def ticks(shop: Shop, count: int) -> None:
    """Wait for so many more ticks of the one worker."""
    for _ in range(count):
        (before,) = shop.rows("workers", "last_tick_at")
        wait_until(lambda before=before: shop.rows("workers", "last_tick_at") != [before], 10, "a tick")


@pytest.mark.ci
def test_slices_run_though_broker_is_down_and_ticks_are_rare(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actors, "POLL_EVERY_S", 0.2)
    monkeypatch.setattr(actors, "QUIET_POLL_EVERY_S", 0.2)
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
        epochs = {row.resource: row.epoch for row in shop.rows("leases", "resource", "epoch")}
        assert min(epochs["products"], epochs["orders"]) > 1, "more than one slice each"
    broker.close()


@pytest.mark.parametrize(
    ("worked_s_ago", "is_broker_down", "is_often"),
    [(None, False, False), (3600.0, False, False), (None, True, True), (1.0, False, True), (0.0, False, True)],
)
def test_quiet_process_looks_less_often(worked_s_ago: float | None, is_broker_down: bool, is_often: bool) -> None:
    every_s = actors.poll_every_s(worked_s_ago, is_broker_down=is_broker_down)
    assert every_s == (actors.POLL_EVERY_S if is_often else actors.QUIET_POLL_EVERY_S)


def test_quiet_process_looks_with_its_ticks(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actors, "POLL_EVERY_S", 0.001)
    monkeypatch.setattr(actors, "QUIET_POLL_EVERY_S", 600.0)
    looks, maintained = Mock(wraps=actors.look), Mock(wraps=actors.note_worker)
    monkeypatch.setattr(actors, "look", looks)
    monkeypatch.setattr(actors, "note_worker", maintained)
    with working(shop.broker):
        wait_until(lambda: maintained.call_count > 3, 30, "some ticks")
        assert looks.call_count <= maintained.call_count + 1, "one may have looked and is about to note itself"
        shop.post()
        wait_until(lambda: looks.call_count > maintained.call_count + 20, 60, "looks between its ticks")


def test_snoozed_refresh_of_a_dead_process_is_taken_up(shop: Shop) -> None:
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
    with busy(shop), working(shop.broker):
        wait_until(lambda: shop.rows("workers"), 10, "the first tick")
        ticks(shop, 3)
        assert shop.statuses() == ["pending", "pending"]


def test_process_without_our_queue_takes_none_of_our_work(shop: Shop) -> None:
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
        assert {row.owner for row in shop.rows("leases", "owner")} == {None}, "let go in good order"
        assert "completed" not in shop.statuses()[:1]


# More than one process can do


@pytest.fixture
def due_again(broker: StubBroker, database_kind: str, tmp_path: Path) -> Iterator[Shop]:
    """Two stores are connected, and due once more as soon as they were read; no message is under way, and no tick."""
    lent = code_base().databases.lent(database_kind, tmp_path)
    with lent as url, opened(url, broker, settings={"tick_s": 600.0}) as shop:
        for number in range(2):
            shop.post(name=f"Shop {number}", is_automatic_sync_enabled=True)
        shop.broker.flush_all()
        shop.execute(update(shop.tables.leases).values(next_sync_at=db_now(-1)))
        yield shop


def begun_again(shop: Shop, *, slots: int) -> list[int]:
    """The incrementals that there are once the process has done what one poll has found, and what came after it."""
    polling = dispatcher_of(shop)
    polling.slots.count = slots
    with shop.app.app_context():
        polling.poll(engine(shop))
    for thread in polling._polling.threads:
        thread.join(60)
    assert {row.status for row in shop.rows("refreshes", "status")} == {"completed"}
    return [row.id for row in shop.rows("refreshes", "id", "mode") if row.mode == "incremental"]


def test_process_that_had_too_much_begins_what_is_due(due_again: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    run_slice, polling, was_behind = dispatcher.run_slice, dispatcher_of(due_again), []

    def sliced(*given: Any) -> Any:
        was_behind.append(polling.is_behind)
        return run_slice(*given)

    monkeypatch.setattr(dispatcher, "run_slice", sliced)
    assert len(begun_again(due_again, slots=1)) >= 4
    assert was_behind[0]
    assert not polling.is_behind


def test_process_that_found_room_leaves_beginning_to_ticks(due_again: Shop) -> None:
    assert begun_again(due_again, slots=100) == []


def test_process_with_one_more_to_do_than_slots_is_behind(due_again: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though it has asked for two for each slot."""
    looks = Mock(wraps=dispatcher.take_ready)
    monkeypatch.setattr(dispatcher, "take_ready", looks)
    assert begun_again(due_again, slots=3) != []
    assert looks.call_count > 1


@pytest.mark.parametrize(("is_behind", "hints"), [(True, 0), (False, 2)])
def test_process_with_too_much_to_do_sends_no_hints(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, is_behind: bool, hints: int
) -> None:
    shop.post()
    shop.broker.flush_all()
    make_due(shop)
    monkeypatch.setattr(Dispatcher, "is_behind", is_behind)
    sent = Mock(return_value=True)
    monkeypatch.setattr(Sender, "send", sent)
    middleware = worker_of(shop)
    with shop.app.app_context():
        mine = engine(shop)
        middleware._maintain(mine, mine.stopping, "this one", actors.look(mine))
        assert sent.call_count == hints
        # One that takes none of our messages sends what is due.
        middleware._maintain(mine, mine.stopping, None, actors.look(mine))
        assert sent.call_count == 2


# Hints that meet a busy process


class Counting(StubBroker):
    """Notes how many hints there are at once, those that workers hold too, and how many are sent."""

    def __init__(self) -> None:
        super().__init__()
        self.most = self.sent = 0

    def enqueue(self, message: Any, *, delay: int | None = None) -> Any:
        answer = super().enqueue(message, delay=delay)
        self.sent += 1
        self.most = max(self.most, self.unfinished())
        return answer

    def unfinished(self) -> int:
        return sum(queue.unfinished_tasks for queue in self.queues.values())


@pytest.mark.ci
def test_hints_at_a_busy_process_stay_few_and_stores_take_turns(sqlite_url: str) -> None:
    broker = Counting()
    broker.emit_after("process_boot")
    settings = {"slice_s": 0.15, "page_size": 10, "concurrency": 1, "tick_s": 0.2}
    with opened(sqlite_url, broker, store=SandboxStore(50, 50), latency_ms=20, settings=settings) as shop:
        for number in range(3):
            shop.post(name=f"Shop {number}")
        # As if ticks had sent each of them again and again while nobody listened.
        for _ in range(5):
            make_due(shop)
            tick(shop)
        assert broker.most == 36
        with working(broker):
            wait_until(lambda: shop.statuses().count("completed") >= 2, 60, "the first two")
            # Slices run beside the messages, so those two may have ended before all these were looked at.
            wait_until(lambda: broker.unfinished() <= 2 * 6, 60, "that what had piled up is worked off")
            broker.most, broker.sent, began = 0, 0, time.monotonic()
            shop.wait(60)
            rate = broker.sent / (time.monotonic() - began)
        assert set(shop.statuses()) == {"completed"}
        assert broker.most <= 2 * 6
        assert rate < 40, "hints a second, each slice's and each delayed one's two included"
        begun = [row.started_at for row in shop.rows("refreshes", "resource", "started_at") if is_first(row)]
        assert max(begun) < sorted(ended(shop))[4], (
            "not one after the other: the last has begun before all others ended"
        )
    broker.close()


def test_busy_process_forwards_one_message_and_only_if_wanted(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    # Longer than five messages take on a busy machine.
    monkeypatch.setattr(dispatcher, "BUSY_DELAY_S", 1.0)
    (products, _) = shop.post()["refreshes"]
    shop.broker.flush_all()
    leases, look = shop.tables.leases, shop.broker.get_actor(actor_name("products"))

    def queues() -> tuple[int, int]:
        return tuple(shop.broker.queues[name].qsize() for name in ("bigcommerce", "bigcommerce.DQ"))

    with busy(shop):
        shop.execute(update(leases).values(owner="another", expires_at=db_now(60)))
        look(products["id"])
        assert queues() == (0, 0), "who has the lease sends the next"
        shop.execute(update(leases).values(owner=None))
        for _ in range(5):
            look(products["id"])
        assert queues() == (0, 1)
        time.sleep(2 * dispatcher.BUSY_DELAY_S)
        look(products["id"])
        assert queues() == (0, 2), "that one may be lost"
    look(products["id"])
    assert queues() == (0, 2)
    assert shop.statuses() == ["completed", "pending"]


def ended(shop: Shop) -> list[datetime]:
    return [row.finished_at for row in shop.rows("refreshes", "resource", "finished_at") if is_first(row)]


def is_first(row: Any) -> bool:
    """Whether it is one that connecting a store begins; another collection may follow."""
    return row.resource in ("products", "orders")
