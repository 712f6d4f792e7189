"""The list of instances, and the health of each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, insert, update

from bigcommerce_integration.models import db_now, tables

from ..host_app import HostApp, bearer, new_instance
from .test_changes import Connected

URL = "/api/big-commerce"
PAST = datetime(2026, 1, 1, 12)


@pytest.fixture
def connected(any_app: Flask, host_app: HostApp) -> Connected:
    return Connected(any_app, host_app)


def listed(connected: Connected, query: str = "") -> Any:
    answer = connected.client.get(f"{URL}{query}", headers=connected.headers)
    assert answer.status_code == 200, answer.json
    return answer.json


def names(connected: Connected, query: str = "") -> list[str]:
    return [each["name"] for each in listed(connected, query)["data"]]


def add(connected: Connected, *shops: str) -> None:
    for name in shops:
        assert connected.client.post(URL, json=new_instance(name=name), headers=connected.headers).status_code == 201


# The list


def test_a_listed_instance_is_what_get_shows(connected: Connected) -> None:
    connected.patched({"name": "Näme"})
    (shown,) = listed(connected)["data"]
    assert shown == connected.ask("GET").json["data"]


def test_pages_filters_and_totals(connected: Connected) -> None:
    add(connected, "Bikes EU", "bikes US", "Größe")
    assert names(connected) == ["Main shop", "Bikes EU", "bikes US", "Größe"]
    assert names(connected, "?per_page=3&page=2") == ["Größe"]
    assert listed(connected, "?per_page=3")["pagination"] == {"page": 1, "per_page": 3, "total": 4, "pages": 2}
    assert names(connected, "?page=9") == []
    assert names(connected, "?name=BIKES") == ["Bikes EU", "bikes US"]
    assert names(connected, "?name=gr%C3%B6SSE") == ["Größe"]
    assert names(connected, "?name=%25") == [], "no wildcard"
    connected.execute(update(tables.instances).where(tables.instances.c.id == 2).values(status="needs_attention"))
    assert names(connected, "?status=needs_attention") == ["Bikes EU"]
    assert names(connected, "?status=active&name=bikes") == ["bikes US"]
    connected.client.delete(f"{URL}/3", headers=connected.headers)
    assert names(connected) == ["Main shop", "Bikes EU", "Größe"]
    assert listed(connected)["pagination"]["total"] == 3


@pytest.mark.parametrize("query", ["page=0", "per_page=101", "per_page=x", "status=deleting", "name=", "sort=id"])
def test_a_bad_query_is_refused(query: str, client: FlaskClient, headers: dict[str, str]) -> None:
    answer = client.get(f"{URL}?{query}", headers=headers)
    assert (answer.status_code, list(answer.json["errors"])) == (422, [query.partition("=")[0]])


def test_the_number_of_queries_does_not_grow_with_the_list(connected: Connected) -> None:
    def count() -> int:
        statements: list[str] = []
        with connected.app.app_context():
            engine = connected.host_app.db.engine

        def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
            statements.append(statement)

        event.listen(engine, "before_cursor_execute", note)
        listed(connected)
        event.remove(engine, "before_cursor_execute", note)
        return len(statements)

    assert count() == 3
    add(connected, "Second")
    # One more for those that are connected to the same store.
    assert count() == 4
    add(connected, *(f"Shop {number}" for number in range(7)))
    assert count() == 4


def test_only_what_the_caller_may_read_is_listed(
    app: Flask, host_app: HostApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected = Connected(app, host_app)
    add(connected, "Second", "Third")
    host = app.extensions["bigcommerce_integration"].host
    monkeypatch.setattr(host, "may", lambda action, instance: action == "read" and instance.name != "Second")
    assert names(connected) == ["Main shop", "Third"]
    assert listed(connected, "?per_page=1")["pagination"]["total"] == 2


# Health


def refreshes(connected: Connected, *rows: dict[str, Any]) -> None:
    common = {"instance_id": 1, "resource": "products", "created_at": PAST}
    connected.execute(*(insert(tables.refreshes).values(**(common | row)) for row in rows))


def health(connected: Connected) -> dict[str, Any]:
    return connected.ask("GET").json["data"]["health"]  # type: ignore[no-any-return]


def test_health_shows_the_last_full_success_and_the_last_failure(connected: Connected) -> None:
    connected.execute(update(tables.refreshes).values(status="completed", open_key=None, finished_at=db_now(-500)))
    refreshes(
        connected,
        {"mode": "full", "status": "completed", "finished_at": db_now(-100)},
        {"mode": "incremental", "status": "failed", "finished_at": PAST, "message": "No scope."},
        {"mode": "incremental", "status": "failed", "finished_at": PAST + timedelta(1), "message": "Later."},
        {"mode": "ids", "status": "completed", "finished_at": db_now(-5)},
        {"mode": "date_range", "status": "completed", "finished_at": db_now(-4)},
        {"mode": "incremental", "status": "cancelled", "finished_at": db_now(-3)},
    )
    connected.execute(
        update(tables.leases).where(tables.leases.c.resource == "products").values(watermark=PAST),
        insert(tables.workers).values(id="w", started_at=PAST, last_tick_at=PAST),
    )
    told = health(connected)
    products = told["products"]
    assert 99 < products["age_s"] < 160
    assert 499 < told["orders"]["age_s"] < 560
    assert products["watermark"] == told["last_worker_tick_at"] == "2026-01-01T12:00:00.000000Z"
    failure = products["last_failure"]
    assert (failure["message"], failure["finished_at"]) == ("Later.", "2026-01-02T12:00:00.000000Z")
    assert (products["open_refresh"], told["orders"]["last_failure"]) == (None, None)


def test_health_shows_the_open_refresh_below_a_hundred_per_cent(connected: Connected) -> None:
    walk = tables.refreshes.c.resource == "orders"
    connected.execute(update(tables.refreshes).where(walk).values(status="processing", progress_percentage=100))
    told = health(connected)
    assert told["orders"]["open_refresh"] == {
        "id": connected.data["refreshes"][1]["id"],
        "status": "processing",
        "progress_percentage": 99,
    }
    assert told["orders"]["last_success_at"] is None
    assert told["orders"]["age_s"] is None


def test_next_automatic_refresh_is_shown_while_there_is_one(connected: Connected) -> None:
    # Within the interval: one that lies further ahead is from a clock that was wrong.
    due = (datetime.now(UTC) + timedelta(seconds=200)).replace(tzinfo=None, microsecond=0)
    connected.execute(
        update(tables.leases).where(tables.leases.c.resource == "products").values(next_sync_at=due),
        update(tables.refreshes).values(status="completed", open_key=None, finished_at=PAST),
    )
    assert {health(connected)[name]["next_refresh_at"] for name in ("products", "orders")} == {None}
    connected.execute(update(tables.instances).values(is_automatic_sync_enabled=True))
    told = health(connected)
    assert told["products"]["next_refresh_at"] == f"{due.isoformat(timespec='microseconds')}Z"
    at_once = datetime.fromisoformat(told["orders"]["next_refresh_at"])
    assert abs(at_once - datetime.now(at_once.tzinfo)) < timedelta(minutes=1)
    connected.execute(update(tables.instances).values(status="needs_attention"))
    assert health(connected)["products"]["next_refresh_at"] is None, "it pauses"


# History


def test_the_history_comes_by_page_and_is_the_instances_own(connected: Connected) -> None:
    add(connected, "Other")
    for number in range(5):
        connected.patched({"name": f"Name {number}"})
    connected.client.patch(f"{URL}/2", json={"name": "Changed"}, headers=bearer(connected.app, "x" * 300))
    answer = connected.ask("GET", path="/history?per_page=2&page=2").json
    assert [each["changes"]["name"]["to"] for each in answer["data"]] == ["Name 2", "Name 1"]
    assert answer["pagination"] == {"page": 2, "per_page": 2, "total": 6, "pages": 3}
    other = connected.client.get(f"{URL}/2/history", headers=connected.headers).json["data"]
    assert [(each["action"], each["done_by"]) for each in other] == [("change", "x" * 255), ("create", "1")]
    assert connected.ask("GET", path="/history?page=0").status_code == 422
