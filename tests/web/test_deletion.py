"""DELETE: gone at once for everybody, though its rows take their time."""

from __future__ import annotations

from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from bigcommerce_integration import instance_deleted
from bigcommerce_integration.models import tables
from bigcommerce_integration.operations.instances import disconnect
from bigcommerce_integration.sandbox import SandboxStore

from ..host_app import HostApp, bearer, new_instance
from ..processes import wait_until
from ..shop import URL, opened
from ..test_end_to_end import working
from .test_changes import Connected


@pytest.fixture
def connected(any_app: Flask, host_app: HostApp) -> Connected:
    return Connected(any_app, host_app)


def test_delete_wipes_token_frees_name_and_cancels_refreshes(connected: Connected) -> None:
    connected.execute(update(tables.leases).values(owner="a worker", epoch=5))
    answer = connected.ask("DELETE")
    assert answer.status_code == 202
    data = answer.json["data"]
    assert (data["status"], data["connection_settings"]) == ("deleting", {"access_token": None})
    assert [each["status"] for each in data["refreshes"]] == ["cancelled", "cancelled"]
    assert all(each["finished_at"] for each in data["refreshes"])
    assert connected.rows(select(tables.instances.c.access_token)) == [(b"",)]
    assert connected.rows(select(tables.refreshes.c.open_key)) == [(None,)] * 2
    assert connected.rows(select(tables.hints.c.refresh_id)) == []
    assert connected.leases("owner", "epoch") == [(None, 6)] * 2
    again = connected.client.post(URL, json=new_instance(), headers=connected.headers)
    assert again.status_code == 201


def test_deleted_instance_leaves_lists_and_still_shows_itself(connected: Connected) -> None:
    assert connected.ask("DELETE").status_code == 202
    listed = connected.client.get(URL, headers=connected.headers).json
    assert (listed["data"], listed["pagination"]["total"]) == ([], 0)
    for method, path in (("GET", "/history"), ("POST", "/check"), ("GET", "/refreshes/1"), ("PATCH", ""), ("PUT", "")):
        answer = connected.ask(method, {}, path=path)
        assert (answer.status_code, answer.json.keys()) == (404, {"message"}), (method, path)
    shown = connected.ask("GET")
    assert (shown.status_code, shown.json["data"]["status"]) == (200, "deleting")
    assert "bit by bit" in shown.json["data"]["status_message"]


def test_a_second_delete_is_the_same_answer_and_no_second_deed(connected: Connected) -> None:
    told: list[int] = []
    with instance_deleted.connected_to(lambda sender, instance_id: told.append(instance_id), connected.app):
        first, second = connected.ask("DELETE"), connected.ask("DELETE", If_Match='"1"')
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json == second.json
    assert first.headers["ETag"] == second.headers["ETag"] == '"2"'
    assert told == [connected.data["id"]]
    rows = connected.rows(select(tables.history.c.action, tables.history.c.done_by, tables.history.c.changes))
    assert [(row.action, row.done_by) for row in rows] == [("create", "1"), ("delete", "1")]
    assert "wiped" in rows[1].changes


def test_two_deleted_ones_of_one_name_do_not_meet(connected: Connected) -> None:
    assert connected.ask("DELETE").status_code == 202
    made = connected.client.post(URL, json=new_instance(), headers=connected.headers)
    assert connected.client.delete(made.headers["Location"], headers=connected.headers).status_code == 202


def test_what_fails_on_the_way_leaves_all_as_it_was(connected: Connected, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise RuntimeError("killed here")

    monkeypatch.setattr(disconnect.history, "record", fail)
    with pytest.raises(RuntimeError):
        connected.ask("DELETE")
    with connected.app.app_context():
        connected.host_app.db.session.remove()
    data = connected.ask("GET").json["data"]
    assert data["status"] == "active"
    assert [each["status"] for each in data["refreshes"]] == ["pending", "pending"]
    assert connected.rows(select(tables.hints.c.refresh_id)) != []


def test_rotating_keys_passes_over_a_wiped_token(app: Flask, client: FlaskClient, headers: dict[str, str]) -> None:
    client.post(URL, json=new_instance(), headers=headers)
    client.post(URL, json=new_instance(name="Other"), headers=headers)
    client.delete(f"{URL}/1", headers=headers)
    done = app.test_cli_runner().invoke(args=["bigcommerce", "rotate-keys"])
    assert (done.exit_code, done.output) == (0, "1 access tokens encrypted with the first key.\n")


def test_delete_stops_a_running_refresh_and_every_row_is_removed(broker: StubBroker, sqlite_url: str) -> None:
    """In the midst of the walk, by a worker's own tick; another instance of the same store is left whole."""
    settings = {"page_size": 5, "tick_s": 0.2, "concurrency": 1}
    with opened(sqlite_url, broker, store=SandboxStore(30, 30), settings=settings) as shop:
        kept = shop.post(name="Kept")
        with working(broker):
            shop.wait(60)
        gone = shop.post(name="Gone", integration_settings__auto_create_products=False)
        products = shop.host_app.count(shop.app, shop.host_app.Product)
        shop.server.latency_ms = 100
        with working(broker):
            shop.wait_fetched(10, "orders")
            deleted = shop.app.test_client().delete(f"{URL}/{gone['id']}", headers=bearer(shop.app))
            assert deleted.status_code == 202
            cancelled = [each["results"]["fetched"] for each in deleted.json["data"]["refreshes"]]
            assert max(cancelled) < 30, "in the midst of it"
            shop.instances.remove(gone)
            wait_until(lambda: len(shop.rows("instances")) == 1, 30, "the end of the purge")
        for name in shop.tables.named():
            if "instance_id" in getattr(shop.tables, name).c:
                assert {row.instance_id for row in shop.rows(name)} <= {kept["id"]}, name
        shop.assert_exact()
        assert shop.host_app.count(shop.app, shop.host_app.Product) == products > 0
