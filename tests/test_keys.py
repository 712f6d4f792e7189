"""Workers whose encryption keys differ, as in a rolling deploy: who lacks a key steps back, and others go on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from flask import Flask
from sqlalchemy import update

from bigcommerce_integration.encryption import TokenCipher, generate_key
from bigcommerce_integration.models.refreshes import OPEN
from bigcommerce_integration.privacy.erased_people import remember
from bigcommerce_integration.refresh.lifecycle.claim import Outcome
from bigcommerce_integration.refresh.lifecycle.keys import KEYLESS
from bigcommerce_integration.sandbox import SandboxStore
from bigcommerce_integration.worker.maintenance import Maintenance
from bigcommerce_integration.worker.messages.sender import actor_name

from .host_app import ENCRYPTION_KEY, bearer
from .processes import wait_until
from .refresh.conftest import Connect, Mirror, connect, connect_any
from .shop import URL, Shop, opened
from .test_end_to_end import working

__all__ = ["connect", "connect_any"]

OLD, NEW = ENCRYPTION_KEY, generate_key()


def with_keys(mirror: Mirror, *keys: str) -> Mirror:
    """The same worker with other keys."""
    return replace(mirror, engine=replace(mirror.engine, cipher=TokenCipher(keys)))


def state(mirror: Mirror) -> list[dict[str, Any]]:
    """What a worker that steps back must leave as it was."""
    rows = [*mirror.rows("leases"), *mirror.rows("instances"), *mirror.rows("refreshes"), *mirror.rows("hints")]
    return [{name: value for name, value in row.items() if name != "message"} for row in rows]


@pytest.mark.parametrize("secret", ["token", "erasure key"])
def test_without_the_key_a_worker_changes_nothing(connect_any: Connect, secret: str):
    mirror = connect_any(SandboxStore(5, 5))
    other = with_keys(mirror, NEW)
    if secret == "erasure key":
        engine, instance_id = other.engine, mirror.instance_id
        mirror.transaction(lambda session: remember(session, engine.tables, engine.cipher, instance_id, ["email:a@b"]))
        other = mirror
    before = state(mirror)
    for _ in range(20):
        assert other.advance("products") is Outcome.KEYLESS
    assert state(mirror) == before
    assert not mirror.asked()
    both = with_keys(mirror, OLD, NEW)
    both.completed()
    both.assert_mirrors_the_store()
    assert mirror.refresh("products")["message"] == "Completed."


def test_the_key_may_be_lost_in_the_middle_of_a_walk(connect: Connect):
    mirror = connect(SandboxStore(30, 0, awkward=False), settings={"page_size": 8, "concurrency": 1})
    mirror.with_settings(slice_s=0.0)
    while not mirror.ids("products"):
        mirror.advance("products")
    before = state(mirror)
    assert with_keys(mirror, NEW).advance("products") is Outcome.KEYLESS
    assert state(mirror) == before
    mirror.completed("products")
    assert mirror.ids("products") == mirror.store.product_ids


def test_stores_disabled_by_an_older_version_are_enabled(connect_any: Connect):
    mirror = connect_any(SandboxStore(1, 1))
    instances = mirror.table("instances")
    message = (
        "A stored access token cannot be decrypted with any of BIGCOMMERCE_ENCRYPTION_KEYS: put the key it was "
        "encrypted with back at the end of the list, or enter the token again."
    )
    mirror.execute(update(instances).values(status="needs_attention", status_message=message))
    for keys, status in (([NEW], "needs_attention"), ([NEW, OLD], "active")):
        with mirror.app.app_context():
            Maintenance().do(with_keys(mirror, *keys).engine, lambda hint: True)
        assert mirror.instance()["status"] == status
    mirror.execute(update(instances).values(status="needs_attention", status_message="Another reason."))
    with mirror.app.app_context():
        Maintenance().do(mirror.engine, lambda hint: True)
    assert mirror.instance()["status"] == "needs_attention"


# -- workers ------------------------------------------------------------------------------------------------------


def new_broker() -> StubBroker:
    broker = StubBroker()
    broker.emit_after("process_boot")
    return broker


@contextmanager
def machine(shop: Shop, *keys: str) -> Iterator[tuple[Flask, StubBroker]]:
    """Another machine of the same host: its own broker, as no message needs to reach it, and these keys."""
    broker = new_broker()
    settings = {name: value for name, value in shop.app.config.items() if name.startswith("BIGCOMMERCE_")}
    url = shop.app.config["SQLALCHEMY_DATABASE_URI"]
    app = shop.host_app.create_app(url, broker=broker, settings={**settings, "BIGCOMMERCE_ENCRYPTION_KEYS": list(keys)})
    try:
        yield app, broker
    finally:
        shop.host_app.dispose(app)
        broker.close()


@pytest.fixture
def shop(broker: StubBroker, sqlite_url: str) -> Iterator[Shop]:
    with opened(sqlite_url, broker, settings={"tick_s": 0.2}) as shop:
        yield shop


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


def test_a_worker_without_the_key_leaves_the_work_to_others(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    with machine(shop, NEW) as (_, broker), working(broker):
        shop.post()
        shop.broker.flush_all()
        wait_until(lambda: any(refresh["message"] == KEYLESS for refresh in shop.refreshes()), 30, "it steps back")
        wait_until(lambda: len(shop.rows("workers")) == 1, 10, "its tick")
        assert set(shop.statuses()) == {"pending"}
        with working(shop.broker):
            shop.wait(60)
        shop.assert_exact()
    assert [row.status for row in shop.rows("instances", "status")] == ["active"]
    (said,) = errors(caplog)
    assert "BIGCOMMERCE_ENCRYPTION_KEYS" in said
    assert shop.server.access_token not in caplog.text
    assert not any(key in caplog.text for key in (OLD, NEW))


def test_message_reaching_a_worker_without_the_key_is_sent_on(shop: Shop) -> None:
    (products, _) = shop.post()["refreshes"]
    with machine(shop, NEW) as (_, broker):
        look = broker.get_actor(actor_name("products"))
        for sent in (1, 2, 3):
            look(products["id"])
            assert (broker.queues["bigcommerce"].qsize(), broker.queues["bigcommerce.DQ"].qsize()) == (0, sent)
        assert shop.rows("refreshes", "attempts")[0].attempts == 0


def open_refreshes(shop: Shop) -> list[Any]:
    return [row for row in shop.rows("refreshes", "status") if row.status in OPEN]


ROLLING = (
    ([OLD], [OLD, NEW]),
    ([OLD, NEW], [NEW, OLD]),
    ([NEW, OLD], [NEW, OLD]),
    ([NEW, OLD], [NEW]),
)
"""The keys of two machines, in the order that the handbook gives: what the first has, and the second by then."""


@pytest.mark.ci
def test_keys_are_rotated_while_workers_run(
    broker: StubBroker, sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(sqlite_url, broker, store=SandboxStore(2, 2), settings={"tick_s": 0.2}) as shop:
        for number, (before, after) in enumerate(ROLLING):
            with machine(shop, *before) as (first, one), machine(shop, *after) as (second, two):
                if after == [NEW, OLD] == before:
                    done = first.test_cli_runner().invoke(args=["bigcommerce", "rotate-keys"])
                    assert done.exit_code == 0, done.output
                with working(one), working(two):
                    for app in (first, second):
                        replace(shop, app=app).post(name=f"Shop {number} {app is first}")
                    replace(shop, app=second).wait(60)
                    # Those of before must go on as well.
                    for instance in shop.instances:
                        answer = second.test_client().post(
                            f"{URL}/{instance['id']}/orders/refresh", json={"mode": "full"}, headers=bearer(second)
                        )
                        assert answer.status_code in (201, 202), answer.text
                    wait_until(lambda: not open_refreshes(shop), 60, "the end of all")
        assert {row.status for row in shop.rows("refreshes", "status")} == {"completed"}
        assert {row.status for row in shop.rows("instances", "status")} == {"active"}
    assert errors(caplog) == []
