"""PUT and PATCH: what is replaced, merged, kept, refused; and what follows for the refreshes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, select, update

from bigcommerce_integration import instance_changed
from bigcommerce_integration.encryption import TokenCipher
from bigcommerce_integration.models import tables
from bigcommerce_integration.operations import transactions
from bigcommerce_integration.operations.instances import change, validation

from ..conftest import made
from ..host_app import ACCESS_TOKEN, ENCRYPTION_KEY, NOMINAL_CODE_IDS, HostApp, bearer, new_instance

URL = "/api/big-commerce"
NEW_TOKEN = "a-new-token-of-the-store-4321"


class Connected:
    """One instance, and what tests ask of it."""

    def __init__(self, app: Flask, host_app: HostApp, **body: Any) -> None:
        self.app, self.host_app = app, host_app
        self.client, self.headers = app.test_client(), bearer(app)
        created = self.client.post(URL, json=new_instance(**body), headers=self.headers)
        assert created.status_code == 201, created.json
        self.data: dict[str, Any] = created.json["data"]
        self.path = created.headers["Location"]

    def ask(self, method: str, body: Any = None, *, path: str = "", **headers: str) -> Any:
        return self.client.open(
            self.path + path,
            method=method,
            json=body,
            headers=self.headers | {k.replace("_", "-"): v for k, v in headers.items()},
        )

    def patch(self, body: Any, *, path: str = "", **headers: str) -> Any:
        return self.ask("PATCH", body, path=path, **headers)

    def patched(self, body: Any, path: str = "") -> dict[str, Any]:
        answer = self.patch(body, path=path)
        assert answer.status_code == 200, answer.json
        return answer.json["data"]  # type: ignore[no-any-return]

    def refused(self, body: Any, method: str = "PATCH") -> dict[str, Any]:
        answer = self.ask(method, body)
        assert answer.status_code == 422, answer.json
        return answer.json["errors"]  # type: ignore[no-any-return]

    def execute(self, *statements: Any) -> None:
        with self.app.app_context():
            for statement in statements:
                self.host_app.db.session.execute(statement)
            self.host_app.db.session.commit()

    def rows(self, statement: Any) -> list[Any]:
        with self.app.app_context(), self.host_app.db.engine.connect() as connection:
            return list(connection.execute(statement).all())

    def token(self) -> str:
        ((stored,),) = self.rows(select(tables.instances.c.access_token))
        return TokenCipher([ENCRYPTION_KEY]).decrypt(stored).reveal()

    def leases(self, *columns: str) -> list[tuple[Any, ...]]:
        """Products first."""
        wanted = [tables.leases.c[name] for name in columns]
        return [tuple(row) for row in self.rows(select(*wanted).order_by(tables.leases.c.resource.desc()))]

    def history(self) -> list[dict[str, Any]]:
        answer = self.ask("GET", path="/history")
        assert answer.status_code == 200
        return answer.json["data"]  # type: ignore[no-any-return]


@pytest.fixture
def connected(app: Flask, host_app: HostApp) -> Connected:
    return Connected(app, host_app)


@pytest.fixture
def any_connected(any_app: Flask, host_app: HostApp) -> Connected:
    return Connected(any_app, host_app)


def body_of(data: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """What a UI sends back that was given the instance; the mask is left out."""
    kept = ("name", "integration_id", "integration_settings", "is_automatic_sync_enabled")
    return {name: data[name] for name in kept} | changes


# What is stored


def test_patch_merges_and_leaves_the_rest(any_connected: Connected) -> None:
    before = any_connected.data
    data = any_connected.patched(
        {"name": "New name", "integration_settings": {"sales_nominal_code_id": NOMINAL_CODE_IDS[0]}}
    )
    assert data["name"] == "New name"
    assert data["integration_settings"] == before["integration_settings"] | {
        "sales_nominal_code_id": NOMINAL_CODE_IDS[0]
    }
    assert {**data, "updated_at": 0, "name": 0, "integration_settings": 0} == {
        **before,
        "updated_at": 0,
        "name": 0,
        "integration_settings": 0,
    }
    assert data["updated_at"] > before["updated_at"]
    assert any_connected.ask("GET").json["data"]["integration_settings"] == data["integration_settings"]
    assert any_connected.token() == ACCESS_TOKEN


def test_patch_clears_by_null_and_keeps_what_is_absent(connected: Connected) -> None:
    codes = {"sales_nominal_code_id": NOMINAL_CODE_IDS[0], "cogs_nominal_code_id": NOMINAL_CODE_IDS[1]}
    periods = {"batch_period_customer_returns": "daily", "proforma_payment_cost_percentage": 2.5}
    connected.patched({"integration_settings": codes | periods})
    nulls = {"sales_nominal_code_id": None, "batch_period_customer_returns": None}
    settings = connected.patched({"integration_settings": nulls})["integration_settings"]
    assert {name: settings[name] for name in (*codes, *periods)} == {
        "sales_nominal_code_id": None,
        "cogs_nominal_code_id": NOMINAL_CODE_IDS[1],
        "batch_period_customer_returns": None,
        "proforma_payment_cost_percentage": 2.5,
    }


def test_put_replaces_all_and_keeps_a_token_that_is_not_given(any_connected: Connected) -> None:
    any_connected.patched({"integration_settings": {"sales_nominal_code_id": NOMINAL_CODE_IDS[0]}})
    body = body_of(any_connected.data, name="Replaced", is_automatic_sync_enabled=True)
    del body["integration_settings"]["sales_nominal_code_id"]
    for connection_settings in ({}, {"connection_settings": {}}):
        answer = any_connected.ask("PUT", body | connection_settings)
        assert answer.status_code == 200, answer.json
        data = answer.json["data"]
        assert (data["name"], data["is_automatic_sync_enabled"]) == ("Replaced", True)
        assert data["integration_settings"]["sales_nominal_code_id"] is None
    assert any_connected.token() == ACCESS_TOKEN


def test_a_token_that_is_given_untried_replaces_the_old_one(any_connected: Connected) -> None:
    data = any_connected.patched({"connection_settings": {"access_token": NEW_TOKEN}}, "?verify=false")
    assert data["connection_settings"] == {"access_token": "••••••••4321"}
    assert any_connected.token() == NEW_TOKEN
    assert any_connected.history()[0]["changes"] == {"connection_settings.access_token": "replaced"}


def test_nothing_changed_is_no_change(connected: Connected) -> None:
    told: list[int] = []
    with instance_changed.connected_to(lambda sender, instance_id: told.append(instance_id), connected.app):
        for body in ({}, {"connection_settings": {}}, {"name": "Main shop"}, body_of(connected.data)):
            assert connected.patch(body).headers["ETag"] == '"1"'
        assert connected.ask("PUT", body_of(connected.data)).headers["ETag"] == '"1"'
    assert told == []
    assert [each["action"] for each in connected.history()] == ["create"]


def test_signal_carries_the_id_after_the_commit_and_may_fail(connected: Connected) -> None:
    told: list[Any] = []

    def receiver(sender: Any, *, instance_id: int) -> None:
        told.append((sender, instance_id, connected.ask("GET").json["data"]["name"]))
        raise RuntimeError("no mail server")

    with instance_changed.connected_to(receiver, connected.app):
        connected.patched({"name": "New name"})
    assert told == [(connected.app, connected.data["id"], "New name")]


def test_history_says_who_changed_what(connected: Connected) -> None:
    connected.headers = bearer(connected.app, "user@example.com")
    connected.patched(
        {"name": "New", "integration_settings": {"start_date": "2024-03-01", "auto_link_products": False}}
    )
    newest, oldest = connected.history()
    assert (newest["action"], newest["done_by"]) == ("change", "user@example.com")
    assert abs(datetime.fromisoformat(newest["done_at"]).timestamp() - datetime.now().timestamp()) < 60
    assert newest["changes"] == {
        "name": {"from": "Main shop", "to": "New"},
        "integration_settings.start_date": {"from": "2024-01-31", "to": "2024-03-01"},
        "integration_settings.auto_link_products": {"from": True, "to": False},
    }
    assert (oldest["action"], oldest["done_by"]) == ("create", "1")
    assert oldest["changes"]["integration_settings.store_hash"] == {"from": None, "to": "abc123"}
    assert oldest["changes"]["connection_settings.access_token"] == "set"


# What is refused


def test_every_bad_field_is_named_at_once(connected: Connected) -> None:
    body = {
        "name": "",
        "integration_id": 2,
        "typo": 1,
        "connection_settings": {"access_token": "two words"},
        "integration_settings": {
            "store_id": 99,
            "auto_link_products": None,
            "auto_create_products": 1,
            "start_date": "20240101",
            "cogs_nominal_code_id": 77,
            "store_hash": "https://x",
        },
        "is_automatic_sync_enabled": None,
    }
    given = {"name", "integration_id", "typo", "connection_settings.access_token", "is_automatic_sync_enabled"}
    assert set(connected.refused(body)) == given | {
        f"integration_settings.{name}" for name in body["integration_settings"]
    }
    assert connected.refused({"connection_settings": None, "integration_settings": None}) == {
        "connection_settings": ["This field may not be null."],
        "integration_settings": ["This field may not be null."],
    }
    missing = connected.refused({"name": "Only"}, "PUT")
    assert set(missing) == {"integration_id", "integration_settings"}
    assert connected.refused({"connection_settings": {"access_token": None}}) == {
        "connection_settings.access_token": ["This field may not be null."]
    }
    assert connected.ask("GET").json["data"]["updated_at"] == connected.data["updated_at"]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("token", ["••••••••9876", "••••••••", "•"])
def test_the_mask_is_refused_by_name(connected: Connected, method: str, token: str) -> None:
    body = body_of(connected.data, connection_settings={"access_token": token})
    ((message,),) = connected.refused(body, method).values()
    assert message.startswith("This is the mask that answers show")


def test_integration_and_used_store_hash_cannot_change(any_connected: Connected) -> None:
    row = {"instance_id": any_connected.data["id"], "refresh_id": 1, "resource": "orders", "reason": "x"}
    stamp = {"is_payload_cut": False, "created_at": datetime(2026, 1, 1)}
    any_connected.execute(insert(tables.rejected_records).values(**row, **stamp))
    errors = any_connected.refused({"integration_id": 2, "integration_settings": {"store_hash": "other1"}})
    assert "Connect a new instance" in errors["integration_id"][-1]
    assert "Connect a new instance" in errors["integration_settings.store_hash"][0]
    any_connected.patched({"integration_id": 1, "integration_settings": {"store_hash": "abc123"}})


def test_a_name_of_another_is_taken_and_its_own_is_not(any_connected: Connected) -> None:
    other = new_instance(name="Other shop")
    assert any_connected.client.post(URL, json=other, headers=any_connected.headers).status_code == 201
    assert any_connected.refused({"name": "ＯＴＨＥＲ shop"}) == {
        "name": ["Another integration already has this name."]
    }
    assert any_connected.patched({"name": "MAIN shop"})["name"] == "MAIN shop"


def test_name_taken_just_after_the_check_is_422(any_connected: Connected, monkeypatch: pytest.MonkeyPatch) -> None:
    look, looks, rivals = validation.is_name_stored, count(1), []

    def post() -> int:
        body = new_instance(name="Other shop")
        return any_connected.app.test_client().post(URL, json=body, headers=any_connected.headers).status_code

    def is_name_stored(*args: Any, **options: Any) -> bool:
        found = look(*args, **options)
        # The second look is the last one before the write.
        if next(looks) == 2:
            with ThreadPoolExecutor(1) as pool:
                rivals.append(pool.submit(post).result())
        return found

    monkeypatch.setattr(validation, "is_name_stored", is_name_stored)
    assert any_connected.refused({"name": "Other shop"}) == {"name": ["Another integration already has this name."]}
    assert rivals == [201]
    assert any_connected.ask("GET").json["data"]["name"] == "Main shop"


def test_reference_the_host_lost_does_not_block_other_changes(
    connected: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = connected.app.extensions["bigcommerce_integration"].host
    monkeypatch.setattr(host, "earliest_start_date", lambda session: date(2025, 1, 1))
    monkeypatch.setattr(host, "name_taken", lambda session, name: True)
    connected.execute(connected.host_app.db.metadata.tables["store"].delete())
    settings = {"start_date": "2024-01-31", "auto_link_products": False}
    connected.patched({"name": "Main shop", "integration_settings": settings})
    assert set(connected.refused({"integration_settings": {"start_date": "2024-02-01"}, "name": "New"})) == {
        "integration_settings.start_date",
        "name",
    }
    assert set(connected.refused(body_of(connected.data), "PUT")) == {"integration_settings.store_id"}


@pytest.mark.parametrize("query", ["?verify=no", "?verify=", "?verify=true&verify=true", "?other=1"])
def test_a_bad_query_is_refused(connected: Connected, query: str) -> None:
    assert connected.patch({"name": "New"}, path=query).status_code == 422
    assert connected.ask("GET").json["data"]["name"] == "Main shop"


def test_bodies_are_read_as_for_post(connected: Connected) -> None:
    send = {"method": "PATCH", "headers": connected.headers}
    assert connected.client.open(connected.path, data=b"{", content_type="application/json", **send).status_code == 400
    assert connected.client.open(connected.path, data=b"{}", content_type="text/plain", **send).status_code == 415
    merge = {"data": b'{"name": "New"}', "content_type": "application/merge-patch+json"}
    assert connected.client.open(connected.path, **merge, **send).status_code == 200


# Versions


def test_if_match_is_honoured(any_connected: Connected) -> None:
    tag = any_connected.ask("GET").headers["ETag"]
    first = any_connected.patch({"name": "First"}, If_Match=tag)
    assert (first.status_code, first.headers["ETag"]) == (200, '"2"')
    for method, body in (("PATCH", {"name": "Lost"}), ("PUT", body_of(any_connected.data)), ("DELETE", None)):
        for stale in (tag, 'W/"2"', '"9", "x"'):
            late = any_connected.ask(method, body, If_Match=stale)
            assert (late.status_code, late.json.keys()) == (412, {"message"}), (method, stale)
    assert any_connected.ask("GET").json["data"]["name"] == "First"
    for number, good in enumerate(('"2"', "*", '"1", "4"'), 3):
        answer = any_connected.patch({"name": f"Name {number}"}, If_Match=good)
        assert (answer.status_code, answer.headers["ETag"]) == (200, f'"{number}"')


def test_concurrent_changes_without_if_match_are_all_kept(any_connected: Connected) -> None:
    names = ("sales", "cogs", "shipping_revenue", "shipping_refund", "sales_returns_allowances")
    together = threading.Barrier(len(names))

    def change(name: str) -> int:
        client = any_connected.app.test_client()
        together.wait()
        body = {"integration_settings": {f"{name}_nominal_code_id": NOMINAL_CODE_IDS[0]}}
        return client.patch(any_connected.path, json=body, headers=any_connected.headers).status_code

    with ThreadPoolExecutor(len(names)) as pool:
        assert list(pool.map(change, names)) == [200] * len(names)
    settings = any_connected.ask("GET").json["data"]["integration_settings"]
    assert [settings[f"{name}_nominal_code_id"] for name in names] == [NOMINAL_CODE_IDS[0]] * len(names)
    assert any_connected.ask("GET").headers["ETag"] == f'"{1 + len(names)}"'
    assert len(any_connected.history()) == 1 + len(names)


# What follows


def set_sync(connected: Connected, **values: Any) -> None:
    connected.execute(update(tables.leases).values(next_sync_at=datetime(2030, 1, 1), **values))


def test_earlier_start_date_is_kept_until_its_span_is_fetched(any_connected: Connected) -> None:
    set_sync(any_connected)

    def move(day: str) -> list[tuple[Any, ...]]:
        any_connected.patched({"integration_settings": {"start_date": day}})
        return any_connected.leases("backfill_to", "next_sync_at")

    assert move("2023-06-01") == [(date(2024, 1, 31), None)] * 2
    assert move("2023-01-01") == [(date(2024, 1, 31), None)] * 2, "the later day stays"
    set_sync(any_connected)
    later = datetime(2030, 1, 1)
    assert move("2023-03-01") == [(date(2024, 1, 31), later)] * 2, "still to be fetched from there"
    assert move("2024-06-01") == [(None, later)] * 2, "nothing is left out any more"
    assert move("2024-05-01") == [(date(2024, 6, 1), None)] * 2


@pytest.mark.parametrize("name", ["auto_link_products", "auto_create_products"])
def test_linking_switched_on_wants_a_pass(any_connected: Connected, name: str) -> None:
    any_connected.patched({"integration_settings": {name: False}})
    set_sync(any_connected, is_link_wanted=False)
    any_connected.patched({"integration_settings": {"sales_nominal_code_id": None}, "name": "New"})
    assert any_connected.leases("is_link_wanted", "next_sync_at") == [(False, datetime(2030, 1, 1))] * 2
    any_connected.patched({"integration_settings": {name: True}})
    assert any_connected.leases("is_link_wanted") == [(True,), (False,)]
    assert any_connected.leases("next_sync_at")[0] == (None,)
    set_sync(any_connected, is_link_wanted=False)
    any_connected.patched({"integration_settings": {name: False}})
    assert any_connected.leases("is_link_wanted", "next_sync_at")[0] == (False, datetime(2030, 1, 1))


def test_automatic_sync_switched_on_is_due_at_once(any_connected: Connected) -> None:
    set_sync(any_connected)
    any_connected.patched({"is_automatic_sync_enabled": True})
    assert any_connected.leases("next_sync_at") == [(None,)] * 2
    set_sync(any_connected)
    any_connected.patched({"is_automatic_sync_enabled": False})
    assert any_connected.leases("next_sync_at") == [(datetime(2030, 1, 1),)] * 2


def test_new_token_clears_attention_and_stops_the_old_one_s_runs(any_connected: Connected) -> None:
    broken = {"status": "needs_attention", "status_message": "It does not accept the access token."}
    any_connected.execute(update(tables.instances).values(**broken), update(tables.leases).values(owner="w", epoch=7))
    assert any_connected.patched({"name": "New"})["status"] == "needs_attention"
    data = any_connected.patched({"connection_settings": {"access_token": NEW_TOKEN}}, "?verify=false")
    assert (data["status"], data["status_message"]) == ("active", None)
    assert any_connected.leases("owner", "epoch", "next_sync_at") == [(None, 8, None)] * 2


def test_another_store_begins_anew_while_nothing_is_stored(any_connected: Connected) -> None:
    any_connected.execute(
        update(tables.leases).values(watermark=datetime(2025, 1, 1), owner="w", epoch=3),
        update(tables.refreshes).values(status="processing", checkpoint="{}", attempts=2, total=5),
    )
    any_connected.patched({"integration_settings": {"store_hash": "other1"}}, "?verify=false")
    assert any_connected.leases("watermark", "owner", "epoch") == [(None, None, 4)] * 2
    refreshes = tables.refreshes
    found = any_connected.rows(
        select(refreshes.c.status, refreshes.c.checkpoint, refreshes.c.attempts, refreshes.c.total)
    )
    assert [tuple(row) for row in found] == [("processing", None, 0, None)] * 2


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "TRY_FOR_S", 0.5)


@pytest.fixture(params=["postgresql", "mariadb"])
def server_connected(
    request: pytest.FixtureRequest, host_app: HostApp, broker: StubBroker, tmp_path: Path
) -> Iterator[Connected]:
    """On the databases that lock rows; SQLite's one writer is waited for by the driver (see test_names.py)."""
    with host_app.databases.lent(request.param, tmp_path) as url:
        for app in made(host_app, broker, url):
            yield Connected(app, host_app)


@pytest.mark.parametrize("locked", ["leases", "instances"])
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_frozen_worker_makes_it_503_and_nothing_hangs(
    server_connected: Connected, impatient: None, method: str, locked: str
) -> None:
    body = {"integration_settings": {"start_date": "2020-01-01"}} if method == "PATCH" else None
    with server_connected.app.app_context(), server_connected.host_app.db.engine.connect() as frozen:
        frozen.execute(select(getattr(tables, locked)).with_for_update())
        answer = server_connected.ask(method, body)
        assert (answer.status_code, answer.json.keys()) == (503, {"message"})
        frozen.rollback()
    assert server_connected.ask("GET").headers["ETag"] == '"1"'
    assert server_connected.ask(method, body).status_code in (200, 202)


def test_what_fails_on_the_way_leaves_nothing(connected: Connected, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise RuntimeError("killed here")

    monkeypatch.setattr(change.history, "record", fail)
    with pytest.raises(RuntimeError):
        connected.patch({"name": "New", "integration_settings": {"start_date": "2020-01-01"}})
    monkeypatch.undo()
    assert connected.ask("GET").headers["ETag"] == '"1"'
    assert connected.leases("backfill_to") == [(None,)] * 2


@pytest.fixture
def deleted(connected: Connected) -> Iterator[Connected]:
    assert connected.ask("DELETE").status_code == 202
    return connected


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_what_is_being_deleted_cannot_be_changed(deleted: Connected, method: str, client: FlaskClient) -> None:
    assert deleted.ask(method, body_of(deleted.data)).status_code == 404
