"""The binding to brokers: any kind of broker, one app after another, workers that are not what they should be."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dramatiq
import pytest
from dramatiq import Middleware, Worker
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import AgeLimit, Callbacks, Retries, TimeLimit

from bigcommerce_integration.app_state import engine_of, state_of
from bigcommerce_integration.errors import ConfigError
from bigcommerce_integration.operations.alerts.attend import attend
from bigcommerce_integration.operations.queries import worker_window_s
from bigcommerce_integration.worker.actors import bind, tick_once
from bigcommerce_integration.worker.messages.sender import QUEUE, actor_name

from .host_app import HostApp, bearer, new_instance
from .processes import wait_until
from .services import fresh_database
from .shop import URL, Shop, opened
from .test_end_to_end import working


def message(shop: Shop, resource: str, refresh_id: int) -> None:
    shop.broker.enqueue(shop.broker.get_actor(actor_name(resource)).message(refresh_id))


# Kinds of brokers


@pytest.mark.parametrize(
    "middleware",
    [[], [TimeLimit(), Callbacks()], [AgeLimit(), TimeLimit(), Callbacks(), Retries(max_retries=7)]],
    ids=["no middleware", "no retries", "retries"],
)
def test_any_middleware_will_do(middleware: list[Middleware], sqlite_url: str) -> None:
    broker = StubBroker(middleware=middleware)
    broker.emit_after("process_boot")
    with opened(sqlite_url, broker) as shop:
        options = [broker.get_actor(name).options for name in map(actor_name, ("products", "orders"))]
        assert options == [{"max_retries": 0} if len(middleware) == 4 else {}] * 2
        shop.post()
        with working(broker):
            shop.wait(30)
        shop.assert_exact()
        assert not broker.dead_letters
    broker.close()


def test_actors_get_a_refresh_id_and_nothing_else(shop: Shop) -> None:
    sent: list[Any] = []

    class Watch(Middleware):
        def before_enqueue(self, broker: Any, message: Any, delay: Any) -> None:
            sent.append((message.actor_name, message.queue_name, message.args, message.kwargs))

    shop.broker.add_middleware(Watch())
    products, orders = (refresh["id"] for refresh in shop.post()["refreshes"])
    assert sent == [
        ("bigcommerce_refresh_orders", QUEUE, (orders,), {}),
        ("bigcommerce_refresh_products", QUEUE, (products,), {}),
    ]
    with working(shop.broker):
        shop.wait(30)
    # That of the refunds needs no message: whoever has ended that of the orders goes on with it.
    (refunds,) = (row.id for row in shop.rows("refreshes", "id", "resource") if row.resource == "refunds")
    assert {each[2] for each in sent} <= {(products,), (orders,), (refunds,)}
    assert all(not each[3] for each in sent)


def test_message_for_no_refresh_or_another_resource_is_harmless(shop: Shop) -> None:
    products, orders = (refresh["id"] for refresh in shop.post()["refreshes"])
    shop.broker.flush_all()
    for resource, refresh_id in (("products", 999), ("products", orders), ("orders", products), ("orders", 0)):
        message(shop, resource, refresh_id)
    with working(shop.broker):
        shop.wait(30)
        for _ in range(3):
            message(shop, "products", products)
        wait_until(lambda: shop.queued() == 0, 10, "messages for what has ended")
    shop.assert_exact()
    assert not shop.broker.dead_letters


def test_one_middleware_is_added_without_hooks_on_messages(sqlite_url: str) -> None:
    broker, plain = StubBroker(), StubBroker()
    with opened(sqlite_url, broker):
        (added,) = broker.middleware[len(plain.middleware) :]
    hooks = [name for name in dir(Middleware) if name.startswith(("before_", "after_"))]
    ours = {name for name in hooks if getattr(type(added), name) is not getattr(Middleware, name)}
    assert ours == {"before_worker_boot", "after_worker_boot", "before_worker_shutdown", "after_worker_shutdown"}
    assert not added.actor_options
    broker.close()
    plain.close()


# Apps and brokers


@pytest.mark.ci
def test_two_apps_in_one_process_each_with_its_broker(tmp_path: Any) -> None:
    brokers = [StubBroker(), StubBroker()]
    with (
        fresh_database("sqlite", tmp_path) as first_url,
        fresh_database("sqlite", tmp_path) as second_url,
        opened(first_url, brokers[0]) as first,
        opened(second_url, brokers[1]) as second,
    ):
        for shop in (first, second):
            shop.broker.emit_after("process_boot")
            shop.post()
        with working(brokers[0]):
            first.wait(30)
            assert second.statuses() == ["pending", "pending"]
            with working(brokers[1]):
                second.wait(30)
        first.assert_exact()
        second.assert_exact()
    for broker in brokers:
        broker.close()


@pytest.fixture
def two_urls(tmp_path: Path) -> Iterator[tuple[str, str]]:
    with fresh_database("sqlite", tmp_path) as first, fresh_database("sqlite", tmp_path) as second:
        yield first, second


def test_of_two_apps_on_one_broker_the_last_wins(broker: StubBroker, two_urls: tuple[str, str]) -> None:
    with opened(two_urls[0], broker) as old:
        old.post(name="Of the old app")
        broker.flush_all()
        with opened(two_urls[1], broker) as new:
            assert len([each for each in broker.middleware if type(each).__name__ == "BigCommerceWorker"]) == 1
            new.post(name="Of the new app")
            with working(broker):
                new.wait(30)
            new.assert_exact()
            assert old.statuses() == ["pending", "pending"]
            assert old.rows("workers") == []
            with old.app.app_context():
                assert tick_once(state_of(old.app)) == 0, "not due, in its own database"


@pytest.mark.ci
def test_a_second_app_takes_over_while_a_worker_runs(broker: StubBroker, two_urls: tuple[str, str]) -> None:
    worker = Worker(broker, worker_timeout=100, worker_threads=4)
    with opened(two_urls[0], broker) as old, opened(two_urls[1], broker) as new:
        bind(old.app, state_of(old.app), attend)
        worker.start()
        old.post()
        old.wait(30)
        assert new.rows("workers") == []
        bind(new.app, state_of(new.app), attend)
        new.post()
        new.wait(30)
        wait_until(lambda: new.rows("workers"), 10, "a tick for the new app")
        worker.stop()
        old.assert_exact()
        new.assert_exact()


@pytest.mark.ci
def test_a_worker_may_be_stopped_and_started_again(shop: Shop) -> None:
    for name in ("First", "Second", "Third"):
        with working(shop.broker):
            shop.post(name=name)
            shop.wait(30)
    assert shop.statuses() == ["completed"] * 6
    assert not [each for each in threading.enumerate() if each.name == "bigcommerce-tick"]


# Workers that cannot work


def test_without_a_worker_the_refresh_waits_and_says_so(shop: Shop) -> None:
    shop.post()
    for refresh in shop.refreshes():
        assert (refresh["status"], refresh["progress_percentage"]) == ("pending", None)
        assert refresh["message"].startswith("No worker is running")
        assert "dramatiq host.worker:broker" in refresh["message"]
    with working(shop.broker):
        shop.wait(30)
    shop.assert_exact()
    assert worker_window_s(state_of(shop.app).config) == 60


def test_a_worker_that_never_made_the_app_loses_nothing(sqlite_url: str, due_at_once: None) -> None:
    """It moves our messages to the dead letters, as it knows no such actor."""
    ours, theirs = StubBroker(), StubBroker()
    for each in (ours, theirs):
        each.emit_after("process_boot")
    theirs.declare_queue(QUEUE)
    theirs.queues = ours.queues
    with opened(sqlite_url, ours) as shop:
        shop.post()
        with working(theirs):
            wait_until(lambda: len(theirs.dead_letters) == 2, 10, "the loss of both messages")
        assert shop.statuses() == ["pending", "pending"]
        assert all("No worker is running" in refresh["message"] for refresh in shop.refreshes())
        with working(ours):
            shop.wait(30)
        shop.assert_exact()
    ours.close()
    theirs.close()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_worker_on_in_memory_sqlite_is_refused_without_hanging(
    url: str, host_app: HostApp, broker: StubBroker, caplog: pytest.LogCaptureFixture
) -> None:
    app = host_app.create_app(url, broker=broker, settings={"BIGCOMMERCE_TICK_S": 0.1})
    host_app.create_rows(app)
    client, headers = app.test_client(), bearer(app)
    with working(broker):
        assert client.post(URL, json=new_instance(), headers=headers).status_code == 201
        broker.join(QUEUE, timeout=10_000, fail_fast=False)
        wait_until(lambda: "In-memory SQLite" in caplog.text or "in-memory SQLite" in caplog.text, 10, "the log")
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert any(record.name == "bigcommerce_integration.worker.actors" for record in errors)
    told = client.get(f"{URL}/1/refreshes/1", headers=headers).json["data"]
    assert told["status"] == "pending"
    assert "No worker is running" in told["message"]
    assert client.post(URL, json=new_instance(name="Another"), headers=headers).status_code == 201
    with app.app_context(), pytest.raises(ConfigError, match="SQLALCHEMY_DATABASE_URI"):
        engine_of(state_of(app), threading.Event())
    host_app.dispose(app)


def test_the_hosts_own_actors_are_not_touched(shop: Shop) -> None:
    done: list[int] = []
    tries: list[int] = []

    @dramatiq.actor(broker=shop.broker, max_retries=2, min_backoff=1, max_backoff=2)
    def fickle(number: int) -> None:
        tries.append(number)
        if len(tries) < 3:
            raise RuntimeError("the host's own failure")
        done.append(number)

    assert fickle.options["max_retries"] == 2
    shop.post()
    with working(shop.broker):
        fickle.send(7)
        shop.wait(30)
        wait_until(lambda: done == [7], 10, "the third try")
    shop.assert_exact()
