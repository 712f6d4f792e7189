"""Hints: whoever loses one, the tick finds out; whoever has too many, they do not multiply."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import dramatiq
import pytest
from dramatiq.brokers.redis import RedisBroker
from dramatiq.brokers.stub import StubBroker
from sqlalchemy import Connection, create_engine, insert, select, update

from bigcommerce_integration import looking, tasks
from bigcommerce_integration.engine import engine_of
from bigcommerce_integration.hints import ACTORS, LONGEST_BACKOFF_S, Sender, keep_quiet, take_over
from bigcommerce_integration.models import db_now
from bigcommerce_integration.refresh import slices
from bigcommerce_integration.refresh.context import Engine
from bigcommerce_integration.sandbox import SandboxStore
from bigcommerce_integration.state import state_of
from bigcommerce_integration.tasks import TICK_ENDS_IN_S, tick_once

from .gate import Gate
from .processes import wait_until
from .services import fresh_database
from .shop import Shop, opened, redis_place
from .test_end_to_end import working


@pytest.fixture
def shop(broker: StubBroker, sqlite_url: str) -> Iterator[Shop]:
    with opened(sqlite_url, broker) as shop:
        yield shop


@pytest.fixture
def any_shop(broker: StubBroker, database_url: str) -> Iterator[Shop]:
    with opened(database_url, broker) as shop:
        yield shop


@pytest.fixture(params=["postgresql", pytest.param("mariadb", marks=pytest.mark.slow)])
def server_shop(request: pytest.FixtureRequest, broker: StubBroker, tmp_path: Path) -> Iterator[Shop]:
    """On the databases that lock rows."""
    with fresh_database(request.param, tmp_path) as url, opened(url, broker) as shop:
        yield shop


@pytest.fixture
def quick_consumers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dramatiq looks for a lost broker sooner than after three seconds."""
    monkeypatch.setattr("dramatiq.worker.CONSUMER_RESTART_DELAY_SECS", 0.2)


def tick(shop: Shop) -> int:
    with shop.app.app_context():
        return tick_once(state_of(shop.app))


def engine(shop: Shop) -> Engine:
    with shop.app.app_context():
        return engine_of(state_of(shop.app), threading.Event())


def make_due(shop: Shop) -> None:
    shop.execute(update(shop.tables.hints).values(next_hint_at=db_now()))


def hint_rows(shop: Shop) -> list[tuple[float, int]]:
    """Of each hint, in how many seconds it is due and how often it was sent."""
    hints = shop.tables.hints
    with shop.app.app_context():
        rows = shop.host_app.db.session.execute(select(hints, db_now().label("now")).order_by(hints.c.refresh_id))
        return [((row.next_hint_at - row.now).total_seconds(), row.times_sent) for row in rows]


def timed(call: Callable[[], Any]) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began


# A broker that is away


class Deaf(StubBroker):
    """A broker that can be made to fail."""

    is_deaf = False
    asked = 0

    def enqueue(self, message: Any, *, delay: int | None = None) -> Any:
        self.asked += 1
        if self.is_deaf:
            raise ConnectionError("redis://:secret@somewhere is away")
        return super().enqueue(message, delay=delay)


@pytest.fixture
def deaf(sqlite_url: str, due_at_once: None) -> Iterator[Shop]:
    broker = Deaf()
    broker.emit_after("process_boot")
    with opened(sqlite_url, broker) as shop:
        yield shop
    broker.close()


def test_a_broker_that_raises_costs_the_request_nothing_and_the_tick_sends_later(
    deaf: Shop, caplog: pytest.LogCaptureFixture
) -> None:
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


# The life of a hint's row


def test_a_hint_is_put_off_further_each_time_it_is_sent(any_shop: Shop) -> None:
    any_shop.post()
    for due_s, times in hint_rows(any_shop):
        assert 5 < due_s <= 10, "the request's own hint has time to arrive"
        assert times == 0
    assert tick(any_shop) == 0
    for expected in (1, 2, 4, 8):
        make_due(any_shop)
        assert tick(any_shop) == 2
        assert tick(any_shop) == 0
        for due_s, _ in hint_rows(any_shop):
            assert expected - 0.9 < due_s <= expected
    any_shop.execute(update(any_shop.tables.hints).values(times_sent=1000))
    make_due(any_shop)
    assert tick(any_shop) == 2
    assert all(LONGEST_BACKOFF_S - 1 < due_s <= LONGEST_BACKOFF_S for due_s, _ in hint_rows(any_shop))


def test_a_claim_makes_the_hint_due_for_the_case_of_its_death_and_the_end_removes_it(shop: Shop) -> None:
    shop.post()
    shop.execute(update(shop.tables.hints).values(times_sent=5, next_hint_at=db_now(600)))
    shop.server.pause()
    with working(shop.broker):
        wait_until(lambda: [row for row in hint_rows(shop) if row[0] <= 0], 10, "a claim")
        wait_until(lambda: [times for _, times in hint_rows(shop)] == [0, 0], 10, "that the other is looked at")
        shop.server.resume()
        shop.wait(30)
    assert hint_rows(shop) == []


def test_one_of_many_sends(any_shop: Shop) -> None:
    any_shop.post()
    refresh_id = any_shop.instances[0]["refreshes"][0]["id"]
    ours, begin = engine(any_shop), threading.Barrier(8)

    def contend(_: int) -> bool:
        with any_shop.app.app_context():
            begin.wait()
            return take_over(ours, refresh_id, quiet_s=60)

    for _ in range(3):
        make_due(any_shop)
        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(contend, range(8))) == 1


def test_many_ticks_at_once_send_each_hint_once(any_shop: Shop) -> None:
    for number in range(5):
        any_shop.post(name=f"Shop {number}")
    any_shop.broker.flush_all()
    make_due(any_shop)
    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(lambda _: tick(any_shop), range(6))) == 10
    assert any_shop.queued() == 10


def test_the_tick_passes_over_what_is_leased_waits_or_has_ended(any_shop: Shop) -> None:
    (products, orders) = any_shop.post()["refreshes"]
    tables = any_shop.tables

    def refresh(which: dict[str, Any], **values: Any) -> None:
        any_shop.execute(update(tables.refreshes).where(tables.refreshes.c.id == which["id"]).values(values))

    def lease(**values: Any) -> None:
        any_shop.execute(update(tables.leases).where(tables.leases.c.resource == "products").values(values))

    def sent() -> int:
        make_due(any_shop)
        return tick(any_shop)

    assert sent() == 2
    refresh(orders, status="completed")
    assert sent() == 1
    lease(owner="another", expires_at=db_now(60))
    assert sent() == 0
    lease(expires_at=db_now())
    assert sent() == 1
    lease(owner=None)
    refresh(products, resume_at=db_now(60))
    assert sent() == 0
    refresh(products, resume_at=db_now(), status="processing")
    assert sent() == 1


def test_a_message_is_passed_on_only_while_its_refresh_needs_one(any_shop: Shop) -> None:
    (products, _) = any_shop.post()["refreshes"]
    tables, ours = any_shop.tables, engine(any_shop)

    def is_wanted() -> bool:
        with any_shop.app.app_context():
            return keep_quiet(ours, products["id"], quiet_s=30)

    assert is_wanted()
    assert 29 < hint_rows(any_shop)[0][0] <= 30
    any_shop.execute(update(tables.leases).values(owner="another", expires_at=db_now(60)))
    assert not is_wanted(), "who has the lease sends the next"
    any_shop.execute(update(tables.leases).values(expires_at=db_now()))
    assert is_wanted()
    any_shop.execute(update(tables.refreshes).values(resume_at=db_now(60)))
    assert not is_wanted(), "the tick sends the next"


# Frozen processes


@contextmanager
def held(shop: Shop, *statements: Any) -> Iterator[Connection]:
    """A transaction that has begun with these statements and does not go on."""
    with shop.app.app_context():
        url = shop.host_app.db.engine.url
    frozen = create_engine(url)
    try:
        with frozen.connect() as connection:
            for statement in statements:
                connection.execute(statement)
            yield connection
    finally:
        frozen.dispose()


def test_a_locked_hint_does_not_stop_the_tick_for_the_others(server_shop: Shop) -> None:
    server_shop.post()
    make_due(server_shop)
    hints = server_shop.tables.hints
    first = server_shop.instances[0]["refreshes"][0]["id"]
    with held(server_shop, update(hints).where(hints.c.refresh_id == first).values(times_sent=99)):
        assert timed(lambda: tick(server_shop)) < 2
        assert [times for _, times in hint_rows(server_shop)] == [0, 1]
    assert tick(server_shop) == 1


@pytest.mark.parametrize(
    "age_s",
    [pytest.param(0.0, id="alive", marks=pytest.mark.slow), pytest.param(-90000.0, id="to be forgotten")],
)
def test_a_worker_frozen_in_its_note_does_not_stop_the_ticks(
    server_shop: Shop, age_s: float, due_at_once: None
) -> None:
    workers = server_shop.tables.workers
    server_shop.execute(insert(workers).values(id="frozen", started_at=db_now(), last_tick_at=db_now(age_s)))
    server_shop.post()
    server_shop.broker.flush_all()
    note = update(workers).where(workers.c.id == "frozen").values(started_at=db_now())
    with held(server_shop, note), working(server_shop.broker):
        server_shop.wait(30)
        assert len(server_shop.rows("workers")) == 2
    server_shop.assert_exact()


def test_a_worker_frozen_in_a_page_stops_its_own_refresh_alone(server_shop: Shop) -> None:
    """Its lease has lapsed, but its row is locked: another process must not wait for it with all else to do."""
    for number in range(3):
        server_shop.post(name=f"Shop {number}")
    leases, refreshes = server_shop.tables.leases, server_shop.tables.refreshes
    frozen = server_shop.instances[0]
    lease = (leases.c.instance_id == frozen["id"], leases.c.resource == "products")
    server_shop.execute(update(leases).where(*lease).values(owner="frozen", expires_at=db_now(-1)))
    page = (
        update(leases).where(*lease).values(expires_at=db_now(3)),
        update(refreshes).where(refreshes.c.id == frozen["refreshes"][0]["id"]).values(fetched=1),
    )
    with held(server_shop, *page) as connection, working(server_shop.broker):
        wait_until(lambda: server_shop.statuses().count("completed") == 5, 30, "all the others")
        assert server_shop.statuses()[0] == "pending"
        assert [times for _, times in hint_rows(server_shop)] <= [1], "looked at, so no backing off"
        connection.rollback()
        server_shop.wait(10)
    assert set(server_shop.statuses()) == {"completed"}


def test_a_hint_locked_by_a_frozen_tick_holds_up_neither_claim_nor_end(server_shop: Shop) -> None:
    server_shop.post()
    hints = server_shop.tables.hints
    with held(server_shop, update(hints).values(times_sent=99)), working(server_shop.broker):
        server_shop.wait(20)
    assert set(server_shop.statuses()) == {"completed"}
    assert tick(server_shop) == 0


# A broker that is emptied, processes that are busy


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


def test_the_tick_command_sends_what_is_due_once(shop: Shop) -> None:
    shop.post()
    shop.broker.flush_all()
    make_due(shop)
    run = shop.app.test_cli_runner().invoke
    assert run(args=["bigcommerce", "tick"]).output == "2 hints sent.\n"
    assert run(args=["bigcommerce", "tick"]).output == "0 hints sent.\n"
    assert shop.queued() == 2
    with working(shop.broker):
        shop.wait(30)
    shop.assert_exact()


class Counting(StubBroker):
    """Notes how many hints there are at once, those that workers hold too, and how many are sent."""

    def __init__(self) -> None:
        super().__init__()
        self.most = self.sent = 0

    def enqueue(self, message: Any, *, delay: int | None = None) -> Any:
        answer = super().enqueue(message, delay=delay)
        self.sent += 1
        self.most = max(self.most, sum(queue.unfinished_tasks for queue in self.queues.values()))
        return answer


def test_hints_that_meet_a_busy_process_do_not_multiply_and_stores_take_turns(sqlite_url: str) -> None:
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
            wait_until(lambda: shop.statuses().count("completed") >= 2, 30, "the first two")
            broker.most, broker.sent, began = 0, 0, time.monotonic()
            shop.wait(60)
            rate = broker.sent / (time.monotonic() - began)
        assert set(shop.statuses()) == {"completed"}
        assert broker.most <= 2 * 6
        assert rate < 40, "hints a second, each slice's and each delayed one's two included"
        begun = [row.started_at for row in shop.rows("refreshes", "started_at")]
        assert max(begun) < sorted(ended(shop))[4], (
            "not one after the other: the last has begun before all others ended"
        )
    broker.close()


def test_a_busy_process_sends_one_message_on_and_only_if_it_is_wanted(shop: Shop) -> None:
    (products, _) = shop.post()["refreshes"]
    shop.broker.flush_all()
    leases, look = shop.tables.leases, shop.broker.get_actor(ACTORS["products"])

    def queues() -> tuple[int, int]:
        return tuple(shop.broker.queues[name].qsize() for name in ("bigcommerce", "bigcommerce.DQ"))

    with looking._one_slice:
        shop.execute(update(leases).values(owner="another", expires_at=db_now(60)))
        look(products["id"])
        assert queues() == (0, 0), "who has the lease sends the next"
        shop.execute(update(leases).values(owner=None))
        for _ in range(5):
            look(products["id"])
        assert queues() == (0, 1)
        time.sleep(2 * looking.BUSY_DELAY_S)
        look(products["id"])
        assert queues() == (0, 2), "that one may be lost"
    look(products["id"])
    assert queues() == (0, 2)
    assert shop.statuses() == ["completed", "pending"]


def ended(shop: Shop) -> list[datetime]:
    return [row.finished_at for row in shop.rows("refreshes", "finished_at")]


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
            assert shop.rows("workers") == []
        with working(broker):
            shop.wait(30)
        shop.assert_exact()
        assert shop.twice_asked() == []
        assert not broker.dead_letters


def test_a_worker_stops_within_seconds_though_the_store_does_not_answer(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_one_of_two_workers_on_one_broker_stops_and_the_other_goes_on(
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
        assert shop.rows("workers") == []


def test_the_tick_outlives_a_database_that_is_away(
    shop: Shop, due_at_once: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[int] = []

    def away(*args: Any) -> None:
        calls.append(1)
        if len(calls) < 4:
            raise ConnectionError("the database's password is hunter2")

    monkeypatch.setattr(tasks, "note_worker", away)
    shop.broker.flush_all()
    shop.post()
    shop.broker.flush_all()
    with working(shop.broker):
        shop.wait(30)
    assert len(calls) >= 4
    assert "ConnectionError" in caplog.text
    assert "hunter2" not in caplog.text


def test_a_worker_that_leaves_our_queue_out_does_not_count_as_one(shop: Shop) -> None:
    shop.post()
    with working(shop.broker, queues={"mail"}):
        time.sleep(1.2)
        assert shop.rows("workers") == []
        assert "No worker is running" in shop.refreshes()[0]["message"]


def test_old_notes_of_workers_are_forgotten(any_shop: Shop) -> None:
    def names() -> list[str]:
        return [row.id for row in any_shop.rows("workers", "id")]

    workers = any_shop.tables.workers
    for name, age_s in (("old", -90000.0), ("young", -10.0)):
        any_shop.execute(insert(workers).values(id=name, started_at=db_now(), last_tick_at=db_now(age_s)))
    with working(any_shop.broker):
        wait_until(lambda: "old" not in names(), 10, "the first tick")
        assert len(names()) == 2
    assert names() == ["young"]
