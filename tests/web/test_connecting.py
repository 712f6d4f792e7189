"""Connecting a store: its token is tried, and what is probably not meant is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from werkzeug.test import TestResponse

from bigcommerce_integration.models import tables
from bigcommerce_integration.refresh.lifecycle.claim import Outcome
from bigcommerce_integration.refresh.lifecycle.schedule import begin_due
from bigcommerce_integration.sandbox import SandboxServer, SandboxStore

from ..conftest import made
from ..host_app import NO_STORE, HostApp, bearer, new_instance
from ..refresh.conftest import RESOURCES, Connect, Mirror, connect

__all__ = ["connect"]

URL = "/api/big-commerce"
TOKEN, HASH = "connection_settings.access_token", "integration_settings.store_hash"
ORDERS_SCOPE = "store_v2_orders_read_only"


def send(mirror: Mirror, method: str, path: str = "", query: str = "", **body: Any) -> TestResponse:
    return mirror.app.test_client().open(f"{URL}{path}?{query}", method=method, json=body, headers=bearer(mirror.app))


def body(mirror: Mirror, **changes: Any) -> dict[str, Any]:
    """A valid body for another instance on the mirror's own store."""
    given = {
        "name": "Another",
        "connection_settings__access_token": mirror.store.access_token,
        "integration_settings__store_hash": mirror.store.store_hash,
    }
    return new_instance(**{**given, **changes})


def count(mirror: Mirror) -> int:
    return len(mirror.rows("instances"))


# -- the token is tried -----------------------------------------------------------------------------------------------


def test_a_refused_token_is_not_connected(connect: Connect) -> None:
    mirror = connect(SandboxStore(2, 2))
    answer = send(mirror, "POST", **body(mirror, connection_settings__access_token="wrong-token-0000"))
    assert answer.status_code == 422
    assert set(answer.json["errors"]) == {TOKEN}
    assert "does not accept the access token" in answer.json["errors"][TOKEN][0]
    assert "wrong-token-0000" not in answer.text
    assert count(mirror) == 1


def test_a_missing_scope_is_named_at_the_token(connect: Connect) -> None:
    mirror = connect(SandboxStore(2, 2))
    mirror.store.scopes = mirror.store.scopes - {ORDERS_SCOPE}
    answer = send(mirror, "POST", **body(mirror))
    assert answer.status_code == 422
    assert ORDERS_SCOPE in answer.json["errors"][TOKEN][0]
    assert count(mirror) == 1


def test_a_wrong_token_is_connected_untried_if_asked(connect: Connect) -> None:
    mirror = connect(SandboxStore(2, 2))
    mirror.server.requests.clear()
    answer = send(
        mirror, "POST", query="verify=false", **body(mirror, connection_settings__access_token="wrong-token-0000")
    )
    assert answer.status_code == 201
    assert answer.json["data"]["status_message"] is None
    assert mirror.server.requests.count == 0


def test_bad_fields_are_refused_before_the_store_is_asked(connect: Connect) -> None:
    mirror = connect(SandboxStore(2, 2))
    mirror.server.requests.clear()
    answer = send(mirror, "POST", **body(mirror, connection_settings__access_token="wrong", name=""))
    assert answer.status_code == 422
    assert set(answer.json["errors"]) == {"name"}
    assert mirror.server.requests.count == 0


def test_unreachable_store_is_connected_with_a_warning(host_app: HostApp, broker: StubBroker, sqlite_url: str) -> None:
    for app in made(host_app, broker, sqlite_url, BIGCOMMERCE_API_URL=NO_STORE):
        answer = app.test_client().post(URL, json=new_instance(), headers=bearer(app))
        assert answer.status_code == 201
        data = answer.json["data"]
        assert data["status"] == "active"
        assert data["status_message"].startswith("The token could not be verified.")
        assert "127.0.0.1:9 refused the connection" in data["status_message"]
        assert host_app.count(app, tables.instances) == 1


def test_the_message_goes_once_the_store_has_answered(connect: Connect) -> None:
    mirror = connect(SandboxStore(3, 3))
    mirror.server.stop()
    away = send(mirror, "POST", **body(mirror)).json["data"]
    assert "could not be verified" in away["status_message"]
    with SandboxServer(mirror.store, port=int(mirror.server.api_url.rsplit(":", 1)[1])) as back:
        mirror.server = back
        mirror.instance_id = away["id"]
        mirror.refreshes = {each["resource"]: each["id"] for each in away["refreshes"]}
        mirror.completed()
    assert (mirror.instance()["status"], mirror.instance()["status_message"]) == ("active", None)


# -- mending ----------------------------------------------------------------------------------------------------------


def broken(connect: Connect, **options: Any) -> Mirror:
    """A store that refused its token in the middle of its first refreshes."""
    mirror = connect(SandboxStore(20, 20, awkward=False), settings={"page_size": 8}, **options)
    mirror.store.set_token("another-token-7777")
    mirror.run("orders")
    mirror.run("products")
    assert mirror.instance()["status"] == "needs_attention"
    assert {mirror.refresh(resource)["status"] for resource in ("products", "orders")} == {"failed"}
    return mirror


def mend(mirror: Mirror, **settings: Any) -> TestResponse:
    token = {"access_token": mirror.store.access_token}
    return send(mirror, "PATCH", f"/{mirror.instance_id}", connection_settings=token, **settings)


def test_a_mended_token_continues_what_failed(connect: Connect) -> None:
    mirror = broken(connect)
    answer = mend(mirror)
    assert answer.status_code == 200
    data = answer.json["data"]
    assert (data["status"], data["status_message"]) == ("active", None)
    assert {(each["resource"], each["id"]) for each in answer.json["started_refreshes"]} == {
        (resource, refresh_id) for resource, refresh_id in mirror.refreshes.items()
    }
    assert "Enter a valid one" not in answer.text
    mirror.completed().assert_mirrors_the_store()


@pytest.mark.ci
def test_a_mended_token_and_an_earlier_start_date_both_work(connect: Connect) -> None:
    start = (datetime.now(UTC) - timedelta(days=100)).date()
    mirror = connect(
        SandboxStore(60, 60, awkward=False),
        settings={"page_size": 8, "slice_s": 0.1, "concurrency": 1},
        latency_ms=40,
        integration_settings__start_date=start.isoformat(),
    )
    for resource in RESOURCES:
        assert mirror.advance(resource) is Outcome.CONTINUE, "it knows the start date of then"
    mirror.store.set_token("another-token-7777")
    mirror.run()
    answer = mend(mirror, integration_settings={"start_date": "2010-01-01"})
    assert {each["id"] for each in answer.json["started_refreshes"]} == set(mirror.refreshes.values())
    mirror.completed()
    mirror.execute(mirror.table("leases").update().values(next_sync_at=None))
    with mirror.app.app_context():
        begun = begin_due(mirror.engine, mirror.instance_id)
    assert {resource for resource, _ in begun} == set(RESOURCES)
    mirror.refreshes.update(begun)
    mirror.completed().assert_mirrors_the_store()


def test_a_mended_token_starts_what_is_due(connect: Connect) -> None:
    mirror = connect(SandboxStore(5, 5, awkward=False), is_automatic_sync_enabled=True).completed()
    mirror.store.set_token("another-token-7777")
    mirror.start("orders", "incremental").run("orders")
    answer = mend(mirror)
    started = {each["resource"]: each["id"] for each in answer.json["started_refreshes"]}
    assert set(started) == {"products", "orders"}
    assert started["orders"] == mirror.refreshes["orders"], "the one that failed goes on"
    assert started["products"] > mirror.refreshes["products"], "and what was due begins"


def test_an_old_failure_that_was_repeated_stays_ended(connect: Connect) -> None:
    mirror = broken(connect)
    failed = dict(mirror.refreshes)
    assert mend(mirror).status_code == 200
    mirror.completed()
    mirror.again("orders", mode="incremental")
    token = mirror.store.set_token()
    mirror.start("orders", "incremental").run("orders")
    newest = mirror.refreshes["orders"]
    answer = mend(mirror)
    assert token != "another-token-7777"
    assert [each["id"] for each in answer.json["started_refreshes"]] == [newest]
    assert newest not in failed.values()


def test_a_change_of_the_name_starts_nothing(connect: Connect) -> None:
    mirror = broken(connect)
    answer = send(mirror, "PATCH", f"/{mirror.instance_id}", name="Renamed")
    assert answer.json["started_refreshes"] == []
    assert answer.json["data"]["status"] == "needs_attention"


# -- what is probably not meant ---------------------------------------------------------------------------------------


def codes(warnings: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(each["field"], each["code"]) for each in warnings]


TWICE = (HASH, "store_connected_twice")
FUTURE = ("integration_settings.start_date", "start_date_in_future")


def test_the_same_store_twice_is_warned_of(connect: Connect) -> None:
    mirror = connect(SandboxStore(2, 2))
    answer = send(mirror, "POST", **body(mirror))
    assert answer.status_code == 201
    assert codes(answer.json["warnings"]) == [TWICE]
    assert f"'Main shop' (instance {mirror.instance_id})" in answer.json["warnings"][0]["message"]
    second = answer.json["data"]["id"]
    for method, path, sent in (
        ("PATCH", f"/{second}", {"name": "Renamed"}),
        ("POST", f"/{second}/check", {}),
        ("POST", "/check", body(mirror, name="A third")),
    ):
        assert TWICE in codes(send(mirror, method, path, **sent).json["warnings"]), path
    headers = bearer(mirror.app)
    one = mirror.app.test_client().get(f"{URL}/{mirror.instance_id}", headers=headers).json["data"]
    assert "'Renamed'" in one["health"]["warnings"][0]["message"]
    listed = mirror.app.test_client().get(URL, headers=headers).json["data"]
    assert [codes(each["health"]["warnings"]) for each in listed] == [[TWICE], [TWICE]]
    assert send(mirror, "DELETE", f"/{second}").status_code == 202
    again = mirror.app.test_client().get(f"{URL}/{mirror.instance_id}", headers=headers).json["data"]
    assert again["health"]["warnings"] == []


def test_a_store_connected_many_times_names_a_few(connect: Connect) -> None:
    mirror = connect(SandboxStore(0, 0))
    for number in range(8):
        answer = send(mirror, "POST", **body(mirror, name=f"Shop {number}"))
        assert answer.status_code == 201
    (warning,) = answer.json["warnings"]
    assert warning["message"].count("(instance ") == 5
    assert " and more." in warning["message"]


def test_an_instance_that_may_not_be_read_is_not_named(connect: Connect) -> None:
    mirror = connect(SandboxStore(2, 2))
    mirror.host._may = lambda action, instance: instance is None or instance.name != "Main shop"
    (warning,) = send(mirror, "POST", **body(mirror)).json["warnings"]
    assert "another instance, which you may not read" in warning["message"]
    assert "Main shop" not in warning["message"]


def test_another_store_is_no_warning(connect: Connect) -> None:
    mirror = connect(SandboxStore(2, 2))
    given = body(mirror, integration_settings__store_hash="other1")
    assert send(mirror, "POST", query="verify=false", **given).json["warnings"] == []


@pytest.mark.parametrize(("days", "expected"), [(30, [TWICE, FUTURE]), (-1, [TWICE])])
def test_a_start_date_in_the_future_is_warned_of(connect: Connect, days: int, expected: list[tuple[str, str]]) -> None:
    mirror = connect(SandboxStore(2, 2))
    day = (datetime.now(UTC) + timedelta(days=days)).date().isoformat()
    answer = send(mirror, "POST", **body(mirror, integration_settings__start_date=day))
    assert codes(answer.json["warnings"]) == expected
    if days > 0:
        assert f"no order comes before {day}" in answer.json["warnings"][1]["message"]


def test_a_taken_name_does_not_stop_the_check(connect: Connect) -> None:
    mirror = connect(SandboxStore(2, 2))
    answer = send(mirror, "POST", "/check", **body(mirror, name="Main shop"))
    assert answer.status_code == 200
    assert answer.json["data"]["is_ready"] is True
    assert ("name", "name_taken") in codes(answer.json["warnings"])
    other = send(mirror, "POST", "/check", **body(mirror, name="Main shop", integration_settings__store_id=999))
    assert other.status_code == 422
