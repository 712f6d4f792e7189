"""The tick goes on by itself, whatever is locked, frozen or away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from sqlalchemy import Connection, create_engine, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from bigcommerce_integration.models import db_now
from bigcommerce_integration.refresh.lifecycle import schedule
from bigcommerce_integration.worker import actors, maintenance

from .hinting import hint_rows, make_due, tick, timed
from .processes import wait_until
from .shop import Shop, code_base, opened
from .test_end_to_end import working


@pytest.fixture(params=["postgresql", pytest.param("mariadb", marks=pytest.mark.slow)])
def server_shop(request: pytest.FixtureRequest, broker: StubBroker, tmp_path: Path) -> Iterator[Shop]:
    """On the databases that lock rows."""
    with code_base().databases.lent(request.param, tmp_path) as url, opened(url, broker) as shop:
        yield shop


@contextmanager
def held(shop: Shop, *statements: Any) -> Iterator[Connection]:
    """A transaction that has begun with these statements, as a tick does, and does not go on."""
    with shop.app.app_context():
        url = shop.host_app.db.engine.url
    # In another one MariaDB locks also where a new row would go.
    frozen = create_engine(url, isolation_level="READ COMMITTED")
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


@pytest.mark.parametrize(
    ("server_shop", "limit"),
    [
        ("postgresql", "SET idle_in_transaction_session_timeout = 1000"),
        ("mariadb", "SET SESSION idle_transaction_timeout = 1"),
    ],
    indirect=["server_shop"],
)
def test_idle_transaction_limit_frees_a_frozen_worker_s_refresh(server_shop: Shop, limit: str) -> None:
    """As the handbook recommends."""
    server_shop.post()
    leases = server_shop.tables.leases
    renewal = update(leases).values(owner="frozen", expires_at=db_now(-1))
    with held(server_shop, text(limit), renewal) as connection, working(server_shop.broker):
        server_shop.wait(20)
        server_shop.assert_exact()
        with pytest.raises(DBAPIError):
            connection.execute(select(leases))


def test_hint_locked_by_a_frozen_tick_delays_no_claim_and_no_end(server_shop: Shop) -> None:
    server_shop.post()
    hints = server_shop.tables.hints
    with held(server_shop, update(hints).values(times_sent=99)), working(server_shop.broker):
        server_shop.wait(20)
    assert set(server_shop.statuses()) == {"completed"}
    assert tick(server_shop) == 0


def test_the_tick_outlives_a_database_that_is_away(
    shop: Shop, due_at_once: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[int] = []

    def away(*args: Any, **options: Any) -> None:
        calls.append(1)
        if len(calls) < 4:
            raise ConnectionError("the database's password is hunter2")

    monkeypatch.setattr(actors, "note_worker", away)
    shop.broker.flush_all()
    shop.post()
    shop.broker.flush_all()
    with working(shop.broker):
        shop.wait(30)
    assert len(calls) >= 4
    assert "ConnectionError" in caplog.text
    assert "hunter2" not in caplog.text


def test_one_tick_begins_all_that_is_due(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.post()
    with working(shop.broker):
        shop.wait(30)
    # Not before, or the worker begins some.
    shop.execute(update(shop.tables.instances).values(is_automatic_sync_enabled=True))
    shop.execute(update(shop.tables.leases).values(next_sync_at=db_now(-1)))
    for module in (schedule, maintenance):
        monkeypatch.setattr(module, "BEGUN_AT_ONCE", 1)
    # A busy machine may take a second for one of them.
    monkeypatch.setattr(maintenance, "BEGIN_S", 60)
    tick(shop)
    begun = {row.resource for row in shop.rows("refreshes", "resource", "status") if row.status == "pending"}
    assert begun == {"products", "orders"}


def test_worker_without_our_queue_is_not_counted(shop: Shop) -> None:
    shop.post()
    with working(shop.broker, queues={"mail"}):
        time.sleep(1.2)
        assert shop.rows("workers") == []
        assert "No worker is running" in shop.refreshes()[0]["message"]


def test_old_notes_of_workers_are_forgotten(any_shop: Shop) -> None:
    def names() -> list[str]:
        return [row.id for row in any_shop.rows("workers", "id", "ended_at") if row.ended_at is None]

    workers = any_shop.tables.workers
    for name, age_s in (("old", -90000.0), ("young", -10.0)):
        any_shop.execute(insert(workers).values(id=name, started_at=db_now(), last_tick_at=db_now(age_s)))
    with working(any_shop.broker):
        wait_until(lambda: "old" not in names(), 10, "the first tick")
        assert len(names()) == 2
    assert names() == ["young"]
