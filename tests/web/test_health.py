"""``GET /health``: red only if no work is done at all."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from sqlalchemy import event, update

from bigcommerce_integration.app_state import engine_of, state_of
from bigcommerce_integration.models import db_now
from bigcommerce_integration.operations.work import watch
from bigcommerce_integration.worker.heartbeat import note_worker

from ..cli.test_doctor import silent_server
from ..host_app import HostApp, bearer
from ..services import free_port
from ..shop import URL, Shop
from ..test_end_to_end import working
from ..waiting import wait_until


@pytest.fixture(autouse=True)
def seen_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "SEEN_FOR_S", 0.0)


@pytest.fixture
def ticking(shop: Shop) -> Shop:
    """A store is connected, its refreshes are due, and a worker ticks."""
    shop.post()
    note(shop)
    return shop


def note(shop: Shop, **values: Any) -> None:
    with shop.app.app_context():
        note_worker(engine_of(state_of(shop.app), threading.Event()), "host:1:a")
    shop.execute(update(shop.tables.workers).values(**values)) if values else None


def problem(answer: Any) -> tuple[str, str | None, bool]:
    """Its code, since when, and whether it can wait; what it says is checked too."""
    found = answer.json["data"]["problem"]
    assert ("It cannot wait" in found["sentence"]) is not found["can_wait"]
    return found["code"], found["since"], found["can_wait"]


def health(shop: Shop, **options: Any) -> Any:
    return shop.app.test_client().get(f"{URL}/health", **options)


def test_without_a_store_no_worker_is_needed(shop: Shop) -> None:
    answer = health(shop)
    assert (answer.status_code, answer.json) == (200, {"data": {"is_working": True}})


def test_a_worker_that_ticks_makes_it_green(shop: Shop) -> None:
    shop.post()
    answer = health(shop)
    assert (answer.status_code, answer.json["data"]["is_working"]) == (503, False)
    assert problem(answer) == ("no_worker", None, False)
    note(shop)
    assert health(shop).status_code == 200
    note(shop, last_tick_at=db_now(-61))
    answer = health(shop)
    assert answer.status_code == 503
    assert "dramatiq" in answer.json["data"]["problem"]["sentence"]
    assert problem(answer)[1] is not None, "since the last tick"


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"last_slice_at": db_now(-301)}, 503),
        ({"last_slice_at": db_now(-299)}, 200),
        ({"last_slice_at": None}, 200),
    ],
)
def test_due_work_that_nobody_does_makes_it_red(ticking: Shop, values: dict[str, Any], status: int) -> None:
    note(ticking, **values)
    answer = health(ticking)
    assert answer.status_code == status
    assert status == 200 or problem(answer)[0] == "work_stuck"


def test_one_worker_that_gets_on_is_enough(ticking: Shop) -> None:
    note(ticking, last_slice_at=db_now(-900))
    with ticking.app.app_context():
        note_worker(engine_of(state_of(ticking.app), threading.Event()), "host:2:b", slice_ended_s_ago=10)
    assert health(ticking).status_code == 200


def test_a_store_in_trouble_never_makes_it_red(ticking: Shop) -> None:
    refreshes = ticking.tables.refreshes
    note(ticking, last_slice_at=db_now(-900))
    # Both wait for a store that does not answer: nothing is due.
    ticking.execute(update(refreshes).values(resume_at=db_now(60), trouble="It does not answer."))
    ticking.execute(update(ticking.tables.instances).values(status="needs_attention"))
    assert health(ticking).status_code == 200


def test_a_worker_at_work_notes_its_slices(shop: Shop) -> None:
    with working(shop.broker):
        wait_until(lambda: shop.rows("workers"), 30, "the first note")
        shop.post()
        shop.wait()

        def ended() -> bool:
            notes = shop.rows("workers", "last_slice_at", "started_at")
            return any(each.last_slice_at > each.started_at for each in notes)

        wait_until(ended, 30, "the note of a slice")


def test_with_a_token_it_says_how_fresh_each_store_is(shop: Shop) -> None:
    shop.post()
    with working(shop.broker):
        shop.wait()
    note(shop)
    data = health(shop, headers=bearer(shop.app)).json["data"]
    assert data["is_working"] is True
    assert data["last_worker_tick_at"] is not None
    shown = [(each["instance_id"], each["resource"]) for each in data["collections"]]
    assert shown == [(1, "products"), (1, "orders"), (1, "refunds")]
    assert all(each["age_s"] >= 0 and not each["is_overdue"] for each in data["collections"])
    assert health(shop, headers={"Authorization": "Bearer x"}).status_code in (401, 422)


def test_only_stores_that_may_be_read_are_told(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.post()
    monkeypatch.setattr(state_of(shop.app).host, "_may", lambda action, instance: False)
    data = health(shop, headers=bearer(shop.app)).json["data"]
    assert data.pop("problem")["code"] == "no_worker"
    assert data == {"is_working": False, "last_worker_tick_at": None, "collections": [], "findings": []}
    shop.execute(update(shop.tables.instances).values(tenant="another"))
    monkeypatch.setattr(state_of(shop.app).host, "_may", lambda action, instance: True)
    assert health(shop, headers=bearer(shop.app)).json["data"]["collections"] == []


def test_a_database_that_is_down_or_without_tables_is_red(
    host_app: HostApp, broker: StubBroker, sqlite_url: str
) -> None:
    seen: list[tuple[str, str | None, bool]] = []
    for url in (f"postgresql+psycopg://root@127.0.0.1:{free_port()}/none", sqlite_url):
        app = host_app.create_app(url, broker=broker)
        for headers in ({}, bearer(app)):
            answer = app.test_client().get(f"{URL}/health", headers=headers)
            assert (answer.status_code, set(answer.json["data"])) == (503, {"is_working", "problem"})
            seen.append(problem(answer))
        host_app.dispose(app)
    assert [each[0] for each in seen] == ["database_down"] * 2 + ["not_migrated"] * 2
    assert seen[0][1] == seen[1][1] is not None, "since this process has met it"


def test_a_broker_that_is_down_is_said_and_stays_green(ticking: Shop) -> None:
    ticking.execute(update(ticking.tables.workers).values(broker_down_since=db_now(-120)))
    answer = health(ticking)
    assert answer.status_code == 200
    assert problem(answer)[::2] == ("broker_down", True)
    assert health(ticking, headers=bearer(ticking.app)).json["data"]["findings"][0]["code"] == "broker_down"
    ticking.execute(update(ticking.tables.workers).values(broker_down_since=None))
    assert "problem" not in health(ticking).json["data"]


@pytest.mark.ci
def test_a_silent_database_is_red_within_seconds(host_app: HostApp, broker: StubBroker) -> None:
    with silent_server() as port:
        app = host_app.create_app(f"postgresql+psycopg://root@127.0.0.1:{port}/none", broker=broker)
        began = time.monotonic()
        for _ in range(2):
            answer = app.test_client().get(f"{URL}/health")
            assert (answer.status_code, problem(answer)[0]) == (503, "database_down")
        assert time.monotonic() - began < 2 * watch.WITHIN_S + 5


@pytest.fixture
def statements(shop: Shop) -> Iterator[list[str]]:
    """What is asked of the database."""
    seen: list[str] = []
    with shop.app.app_context():
        engine = shop.host_app.db.engine

    def note_statement(*args: Any) -> None:
        seen.append(args[2])

    event.listen(engine, "before_cursor_execute", note_statement)
    yield seen
    event.remove(engine, "before_cursor_execute", note_statement)


def test_it_costs_one_query_a_second(shop: Shop, statements: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "SEEN_FOR_S", 3600.0)
    for _ in range(20):
        assert health(shop).status_code == 200
    assert len(statements) == 1
    monkeypatch.setattr(watch, "SEEN_FOR_S", 0.0)
    health(shop)
    assert len(statements) == 2


def test_it_works_on_each_database(any_shop: Shop) -> None:
    any_shop.post()
    assert health(any_shop).status_code == 503
    note(any_shop)
    assert health(any_shop).status_code == 200
    note(any_shop, last_slice_at=db_now(-400))
    assert health(any_shop).status_code == 503
