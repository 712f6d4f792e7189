"""Asking for a refresh: the modes, and every mistake in one answer."""

from __future__ import annotations

from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from bigcommerce_integration.models import tables
from bigcommerce_integration.refresh.job.parameters import load_parameters

from ..host_app import HostApp, bearer, new_instance

URL = "/api/big-commerce"


@pytest.fixture
def instance(client: FlaskClient, headers: dict[str, str], app: Flask, host_app: HostApp, broker: StubBroker) -> str:
    """The path of an instance whose initial refreshes are over."""
    path = client.post(URL, json=new_instance(), headers=headers).headers["Location"]
    with app.app_context():
        host_app.db.session.execute(update(tables.refreshes).values(status="completed", open_key=None))
        host_app.db.session.commit()
    broker.flush_all()
    return path


def refused(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 422, answer.text
    return answer.json["errors"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("resource", ["products", "orders"])
@pytest.mark.parametrize(
    ("body", "mode", "parameters"),
    [
        ({}, "incremental", {}),
        ({"mode": "incremental"}, "incremental", {}),
        ({"mode": "full"}, "full", {}),
        ({"mode": "full", "allow_mass_delete": True}, "full", {"allow_mass_delete": True}),
        (
            {"mode": "date_range", "date_from": "2024-01-31", "date_to": "2024-01-31"},
            "date_range",
            {"date_from": "2024-01-31", "date_to": "2024-01-31"},
        ),
        ({"mode": "ids", "ids": [3, 1]}, "ids", {"ids": [3, 1]}),
    ],
)
def test_each_mode_begins_a_refresh_and_hints_at_it(
    resource: str,
    body: dict[str, Any],
    mode: str,
    parameters: dict[str, Any],
    client: FlaskClient,
    headers: dict[str, str],
    instance: str,
    broker: StubBroker,
) -> None:
    answer = client.post(f"{instance}/{resource}/refresh", json=body, headers=headers)
    assert answer.status_code == 202, answer.text
    data = answer.json["data"]
    assert (data["resource"], data["mode"], data["parameters"]) == (resource, mode, parameters)
    assert (data["status"], data["requested_by"]) == ("pending", "1")
    assert answer.headers["Location"] == f"{instance}/refreshes/{data['id']}"
    assert client.get(answer.headers["Location"], headers=headers).json["data"]["id"] == data["id"]
    assert broker.queues["bigcommerce"].qsize() == 1


def test_no_body_at_all_is_an_incremental_refresh(client: FlaskClient, headers: dict[str, str], instance: str) -> None:
    answer = client.post(f"{instance}/orders/refresh", headers=headers)
    assert (answer.status_code, answer.json["data"]["mode"]) == (202, "incremental")


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"mode": "initial"}, {"mode"}),
        ({"mode": None}, {"mode"}),
        ({"mode": ["full"]}, {"mode"}),
        ({"mode": "FULL", "ids": [0], "typo": 1}, {"mode", "ids.0", "typo"}),
        ({"mode": "full", "allow_mass_delete": 1}, {"allow_mass_delete"}),
        ({"allow_mass_delete": False}, {"allow_mass_delete"}),
        ({"mode": "full", "ids": [1], "date_from": "2024-02-01"}, {"ids", "date_from"}),
        ({"mode": "date_range"}, {"date_from", "date_to"}),
        ({"mode": "date_range", "date_from": None, "date_to": "2024-02-30"}, {"date_from", "date_to"}),
        ({"mode": "date_range", "date_from": "2024-02-02", "date_to": "2024-02-01"}, {"date_to"}),
        ({"mode": "date_range", "date_from": "2024-01-30", "date_to": "2024-02-01"}, {"date_from"}),
        ({"mode": "date_range", "date_from": "2024-02-01", "date_to": "9999-12-31"}, {"date_to"}),
        ({"mode": "ids"}, {"ids"}),
        ({"mode": "ids", "ids": []}, {"ids"}),
        ({"mode": "ids", "ids": "1"}, {"ids"}),
        ({"mode": "ids", "ids": [1, 1]}, {"ids"}),
        ({"mode": "ids", "ids": [True, 2, 1.0, "1", -1, 2**63]}, {"ids.0", "ids.2", "ids.3", "ids.4", "ids.5"}),
        ({"mode": "ids", "ids": list(range(1, 252))}, {"ids"}),
    ],
)
def test_every_bad_field_is_named(
    body: dict[str, Any], names: set[str], client: FlaskClient, headers: dict[str, str], instance: str
) -> None:
    assert set(refused(client.post(f"{instance}/orders/refresh", json=body, headers=headers))) == names


def test_ids_join_those_that_still_wait(
    client: FlaskClient, headers: dict[str, str], instance: str, app: Flask, host_app: HostApp
) -> None:
    def ask(ids: list[int], resource: str = "orders") -> tuple[int, list[int]]:
        answer = client.post(f"{instance}/{resource}/refresh", json={"mode": "ids", "ids": ids}, headers=headers)
        assert answer.status_code == 202, answer.text
        assert answer.headers["Location"].endswith(f"/refreshes/{answer.json['data']['id']}")
        return answer.json["data"]["id"], answer.json["data"]["parameters"]["ids"]

    first, _ = ask([5, 3])
    assert ask([3, 9]) == (first, [5, 3, 9])
    assert ask([3], "products")[0] != first
    second, ids = ask(list(range(100, 348)))
    assert (second != first, ids) == (True, list(range(100, 348))), "so many are too many for one"
    assert ask([7]) == (first, [5, 3, 9, 7])
    with app.app_context():
        begun = update(tables.refreshes).where(tables.refreshes.c.id.in_([first, second]))
        host_app.db.session.execute(begun.values(status="processing"))
        host_app.db.session.commit()
    third, ids = ask([8])
    assert (third in (first, second), ids) == (False, [8])


def test_two_hundred_and_fifty_ids_are_taken(client: FlaskClient, headers: dict[str, str], instance: str) -> None:
    body = {"mode": "ids", "ids": list(range(1, 251))}
    assert client.post(f"{instance}/orders/refresh", json=body, headers=headers).status_code == 202


def test_a_second_walk_is_409_and_names_the_open_one(any_app: Flask) -> None:
    client, headers = any_app.test_client(), bearer(any_app)
    created = client.post(URL, json=new_instance(), headers=headers)
    path = f"{created.headers['Location']}/products/refresh"
    for mode in ("incremental", "full"):
        answer = client.post(path, json={"mode": mode}, headers=headers)
        (open_id,) = [each["id"] for each in created.json["data"]["refreshes"] if each["resource"] == "products"]
        assert (answer.status_code, answer.json["refresh_id"]) == (409, open_id)
        assert f"Refresh {open_id} " in answer.json["message"]
    # Some ids may be asked for beside it, as often as somebody likes.
    for _ in range(2):
        assert client.post(path, json={"mode": "ids", "ids": [1]}, headers=headers).status_code == 202


def test_what_is_stored_is_what_the_engine_reads(
    client: FlaskClient, headers: dict[str, str], instance: str, app: Flask, host_app: HostApp
) -> None:
    body = {"mode": "date_range", "date_from": "2024-02-01", "date_to": "2024-02-29"}
    client.post(f"{instance}/orders/refresh", json=body, headers=headers)
    (text,) = host_app.scalars(app, tables.refreshes.select().with_only_columns(tables.refreshes.c.parameters))[-1:]
    stored = load_parameters(text)
    assert (str(stored.date_from), str(stored.date_to)) == ("2024-02-01", "2024-02-29")
