"""Who may do what with an instance: each verb, each refusal, each tenant; and the token is told nowhere."""

from __future__ import annotations

from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from flask import Flask, got_request_exception
from flask.testing import FlaskClient
from sqlalchemy import select

from bigcommerce_integration.models import tables

from ..host_app import ACCESS_TOKEN, HostApp, bearer, new_instance
from .test_access import CarefulHost, _no_tenant, as_tenant, careful, careful_app, careful_client
from .test_secrecy import Watch, boom, everything_of, loud_app, watch

__all__ = ["_no_tenant", "careful", "careful_app", "careful_client", "loud_app", "watch"]

URL = "/api/big-commerce"
NEW_TOKEN = "an0ther-token-nobody-may-see-5432"
VERBS = [
    ("GET", "", "read"),
    ("PUT", "", "change"),
    ("PATCH", "", "change"),
    ("DELETE", "", "delete"),
    ("POST", "/check", "check"),
    ("GET", "/history", "read_history"),
]


@pytest.mark.parametrize(
    ("method", "path"), [("GET", URL), ("POST", f"{URL}/check"), *((m, f"{URL}/1{p}") for m, p, _ in VERBS)]
)
def test_without_a_token_the_answer_is_the_hosts_own_401(method: str, path: str, client: FlaskClient) -> None:
    answer = client.open(path, method=method)
    assert (answer.status_code, answer.json) == (401, {"msg": "Missing Authorization Header"})


def test_each_verb_asks_may_for_its_own_action(careful: CarefulHost, careful_client: FlaskClient) -> None:
    data = careful_client.post(URL, json=new_instance()).json["data"]  # type: ignore[index]
    for method, path, action in VERBS:
        careful.refused, careful.asked = {action}, []
        answer = careful_client.open(f"{URL}/{data['id']}{path}", method=method, data=b"not even JSON")
        assert (answer.status_code, answer.json) == (403, {"message": "You are not permitted to do this."}), method
        ((asked, instance),) = careful.asked
        assert (asked, instance and instance.id) == (action, data["id"])
    careful.refused, careful.asked = {"check"}, []
    assert careful_client.post(f"{URL}/check", data=b"not even JSON").status_code == 403
    assert careful.asked == [("check", None)]
    careful.refused = {"read"}
    assert careful_client.get(URL).json["data"] == []  # type: ignore[index]


def test_another_tenants_instance_is_unknown_to_every_verb(careful_client: FlaskClient) -> None:
    as_tenant("acme")
    data = careful_client.post(URL, json=new_instance()).json["data"]  # type: ignore[index]
    as_tenant("umbrella")
    body = {"name": "Stolen"}
    for method, path, _ in VERBS:
        answer = careful_client.open(f"{URL}/{data['id']}{path}", method=method, json=body)
        assert (answer.status_code, answer.json.keys()) == (404, {"message"}), method  # type: ignore[union-attr]
    for query in ("", "?name=main", "?status=active"):
        assert careful_client.get(f"{URL}{query}").json["pagination"]["total"] == 0  # type: ignore[index]
    as_tenant("acme")
    (listed,) = careful_client.get(URL).json["data"]  # type: ignore[index]
    assert (listed["id"], listed["name"], listed["status"]) == (data["id"], "Main shop", "active")


@pytest.mark.parametrize("text", ["abc", "0", "01", "99"])
def test_an_unknown_id_is_our_404_for_every_verb(text: str, client: FlaskClient, headers: dict[str, str]) -> None:
    for method, path, _ in VERBS:
        answer = client.open(f"{URL}/{text}{path}", method=method, json={}, headers=headers)
        assert (answer.status_code, answer.json.keys()) == (404, {"message"}), (method, path)  # type: ignore[union-attr]


# The token


def ask(watch: Watch, method: str, path: str, body: Any = None) -> int:
    with got_request_exception.connected_to(watch.on_exception, watch.app):
        answer = watch.app.test_client().open(f"{URL}{path}", method=method, json=body, headers=bearer(watch.app))
    watch.said += [answer.text, str(answer.headers)]
    return answer.status_code


def assert_silent(watch: Watch) -> None:
    watch.assert_silent()
    logged = [record.getMessage() + repr(vars(record)) for record in watch.caplog.records]
    errors = [everything_of(each.exc_info[1]) for each in watch.caplog.records if each.exc_info and each.exc_info[1]]
    for place in (*watch.said, *watch.raised, *logged, *errors, watch.caplog.text):
        assert NEW_TOKEN not in place
        assert NEW_TOKEN[:-4] not in place


CHANGE = {"connection_settings": {"access_token": NEW_TOKEN}}


def test_replaced_token_is_shown_nowhere(watch: Watch, loud_app: Flask, host_app: HostApp) -> None:
    assert watch.post() == 201
    assert ask(watch, "PATCH", "/1?verify=false", CHANGE) == 200
    assert any(f"•{NEW_TOKEN[-4:]}" in said or f"\\u2022{NEW_TOKEN[-4:]}" in said for said in watch.said)
    for method, path in (("GET", ""), ("GET", "/1"), ("GET", "/1/history"), ("DELETE", "/1"), ("GET", "/1")):
        assert ask(watch, method, path) in (200, 202)
    watch.said += map(repr, host_app.scalars(loud_app, select(tables.history.c.changes)))
    assert_silent(watch)


@pytest.mark.parametrize(
    "body",
    [
        CHANGE | {"name": ""},
        {"connection_settings": {"access_token": f"{NEW_TOKEN} "}},
        {"connection_settings": {"access_token": [NEW_TOKEN]}},
        {"connection_settings": {"access_token": f"•{NEW_TOKEN}"}},
        {"connection_settings": NEW_TOKEN},
        {"integration_settings": {"start_date": NEW_TOKEN}},
        {"name": 5, "typo": NEW_TOKEN},
    ],
)
def test_refused_change_does_not_show_the_token(watch: Watch, body: Any) -> None:
    assert watch.post() == 201
    for method, path in (("PATCH", "/1"), ("PUT", "/1"), ("POST", "/check")):
        assert ask(watch, method, path, body) == 422
    assert_silent(watch)


@pytest.mark.parametrize(
    "broken",
    [
        "change.require_valid",
        "change.changed_columns",
        "change._write",
        "change.history.record",
        "change.side_effects.apply",
        "change.view_of",
        "verification.probe.check",
    ],
)
def test_failure_on_the_way_does_not_show_the_token(watch: Watch, broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert watch.post() == 201
    monkeypatch.setattr(f"bigcommerce_integration.operations.instances.{broken}", boom)
    query = "" if "verification" in broken else "?verify=false"
    assert ask(watch, "PATCH", f"/1{query}", CHANGE) == 500
    assert "the host's own failure" in watch.raised[0]
    assert_silent(watch)


@pytest.mark.ci
@pytest.mark.parametrize(
    "broken",
    [
        "client.http.transport.Transport.get",
        "store_check.queries.StoreClient.store_info",
        "store_check.probe.report_of",
    ],
)
def test_failure_of_the_store_s_check_does_not_show_the_token(
    watch: Watch, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert watch.post() == 201
    monkeypatch.setattr(f"bigcommerce_integration.{broken}", boom)
    asked = [ask(watch, "PATCH", "/1", CHANGE), ask(watch, "POST", "/1/check")]
    asked.append(ask(watch, "POST", "/check", new_instance(name="New", connection_settings__access_token=NEW_TOKEN)))
    assert asked == [500, 500, 500]
    assert_silent(watch)


def test_unreachable_store_does_not_show_the_token(
    host_app: HostApp, broker: StubBroker, sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    app = host_app.create_app(sqlite_url, broker=broker, settings={"BIGCOMMERCE_API_URL": "http://127.0.0.1:9"})
    host_app.create_rows(app)
    watch = Watch(app, caplog)
    assert watch.post() == 201
    assert ask(watch, "PATCH", "/1", CHANGE) == 503
    assert ask(watch, "POST", "/1/check") == 200
    assert_silent(watch)
    assert ACCESS_TOKEN not in caplog.text
    host_app.dispose(app)
