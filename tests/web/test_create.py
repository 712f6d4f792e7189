"""POST: the instance and its first refreshes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import ANY

import pytest
from dramatiq.brokers.stub import StubBroker
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import create_engine, select

from bigcommerce_integration import instance_created
from bigcommerce_integration.models import tables
from bigcommerce_integration.worker import actors

from ..host_app import ACCESS_TOKEN, BIGCOMMERCE_ID, NOMINAL_CODE_IDS, STORE_ID, HostApp, bearer, new_instance

URL = "/api/big-commerce"
UNTRIED = f"{URL}?verify=false"

HEALTH = (
    "last_success_at",
    "age_s",
    "watermark",
    "next_refresh_at",
    "conflicts",
    "refused",
    "open_refresh",
    "left_out",
    "trouble",
    "last_failure",
)
DEFAULT_SETTINGS = {
    "store_hash": "abc123",
    "start_date": "2024-01-31",
    "store_id": STORE_ID,
    "auto_link_products": True,
    "auto_create_products": False,
    "sales_nominal_code_id": None,
    "cogs_nominal_code_id": None,
    "shipping_revenue_nominal_code_id": None,
    "shipping_refund_nominal_code_id": None,
    "sales_returns_allowances_nominal_code_id": None,
    "sync_sales_order_invoices_to_accounting": True,
    "sync_sales_credit_to_accounting": True,
    "proforma_marketplace_cost_percentage": None,
    "proforma_payment_cost_percentage": None,
    "batch_period_sales_order_fulfillments": None,
    "batch_period_customer_returns": None,
}
GIVEN_SETTINGS = {
    "store_hash": "Z9",
    "start_date": "2023-02-28",
    "store_id": STORE_ID,
    "auto_link_products": False,
    "auto_create_products": True,
    "sales_nominal_code_id": NOMINAL_CODE_IDS[0],
    "cogs_nominal_code_id": NOMINAL_CODE_IDS[1],
    "shipping_revenue_nominal_code_id": NOMINAL_CODE_IDS[2],
    "shipping_refund_nominal_code_id": NOMINAL_CODE_IDS[3],
    "sales_returns_allowances_nominal_code_id": NOMINAL_CODE_IDS[0],
    "sync_sales_order_invoices_to_accounting": False,
    "sync_sales_credit_to_accounting": False,
    "proforma_marketplace_cost_percentage": 2.5,
    "proforma_payment_cost_percentage": 100,
    "batch_period_sales_order_fulfillments": "daily",
    "batch_period_customer_returns": "none",
}


def test_post_answers_with_the_instance_and_its_two_refreshes(any_app: Flask) -> None:
    answer = any_app.test_client().post(UNTRIED, json=new_instance(), headers=bearer(any_app))
    assert answer.status_code == 201, answer.json
    assert answer.json["warnings"] == []
    data = answer.json["data"]
    refreshes, created_at, updated_at = data.pop("refreshes"), data.pop("created_at"), data.pop("updated_at")
    assert data == {
        "id": data["id"],
        "name": "Main shop",
        "integration_id": BIGCOMMERCE_ID,
        "connection_settings": {"access_token": "••••••••9876"},
        "integration_settings": DEFAULT_SETTINGS,
        "is_automatic_sync_enabled": False,
        "status": "active",
        "status_message": None,
        "store_timezone": None,
        "store_currency": None,
        "health": {
            **dict.fromkeys(("products", "orders"), dict.fromkeys(HEALTH) | {"open_refresh": ANY}),
            # They begin once the orders are here.
            "refunds": dict.fromkeys((*HEALTH, "open_refresh", "off")),
            "last_worker_tick_at": None,
            "warnings": [],
            "findings": ANY,
        },
    }
    assert [each["code"] for each in data["health"]["findings"]] == ["no_worker", "sync_off"]
    assert [data["health"][each["resource"]]["open_refresh"]["id"] for each in refreshes] == [
        each["id"] for each in refreshes
    ]
    assert answer.headers["ETag"] == '"1"'
    assert answer.headers["Location"] == f"{URL}/{data['id']}"
    assert created_at == updated_at
    assert created_at.endswith("Z")
    assert abs(datetime.fromisoformat(created_at) - datetime.now(UTC)) < timedelta(minutes=1)
    assert [(each["resource"], each["mode"], each["status"]) for each in refreshes] == [
        ("products", "initial", "pending"),
        ("orders", "initial", "pending"),
    ]
    assert all(each["progress_percentage"] is None for each in refreshes)


def test_what_is_given_is_kept_and_get_shows_it(any_app: Flask) -> None:
    client, headers = any_app.test_client(), bearer(any_app)
    body = new_instance(integration_settings=GIVEN_SETTINGS, is_automatic_sync_enabled=True, name="  Näme 🛒 \n")
    created = client.post(UNTRIED, json=body, headers=headers)
    assert created.status_code == 201, created.json
    shown = client.get(created.headers["Location"], headers=headers)
    assert shown.status_code == 200
    assert shown.json["data"] == created.json["data"]
    assert shown.json["data"]["integration_settings"] == GIVEN_SETTINGS
    assert shown.json["data"]["name"] == "Näme 🛒"
    assert shown.json["data"]["is_automatic_sync_enabled"] is True


def test_null_where_it_is_the_default_is_taken(client: FlaskClient, headers: dict[str, str]) -> None:
    nulls = {name: None for name, default in DEFAULT_SETTINGS.items() if default is None}
    body = new_instance(integration_settings=DEFAULT_SETTINGS | nulls)
    answer = client.post(URL, json=body, headers=headers)
    assert answer.json["data"]["integration_settings"] == DEFAULT_SETTINGS


def test_the_rows_are_the_job(any_app: Flask, host_app: HostApp) -> None:
    answer = any_app.test_client().post(URL, json=new_instance(), headers=bearer(any_app, "user-5"))
    instance_id = answer.json["data"]["id"]
    with any_app.app_context():
        session = host_app.db.session
        (row,) = session.execute(select(tables.instances)).mappings()
        assert row["created_by"] == "user-5"
        assert ACCESS_TOKEN.encode() not in row["access_token"]
        leases = session.execute(select(tables.leases.c.instance_id, tables.leases.c.resource, tables.leases.c.epoch))
        assert sorted(map(tuple, leases)) == [(instance_id, "orders", 0), (instance_id, "products", 0)]
        refresh_ids = set(session.scalars(select(tables.refreshes.c.id)))
        assert refresh_ids == {each["id"] for each in answer.json["data"]["refreshes"]}
        assert set(session.scalars(select(tables.hints.c.refresh_id))) == refresh_ids


def test_hints_are_sent_when_everybody_can_see_the_rows(
    app: Flask, sqlite_url: str, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = create_engine(sqlite_url)
    seen: list[tuple[list[Any], list[Any]]] = []

    def send_hints(state: Any, hints: Any) -> None:
        with engine.connect() as connection:
            by_id = select(tables.refreshes.c.resource, tables.refreshes.c.id).order_by(tables.refreshes.c.id)
            stored = connection.execute(by_id)
            seen.append((list(hints), list(map(tuple, stored))))

    monkeypatch.setattr(actors, "send_hints", send_hints)
    assert app.test_client().post(URL, json=new_instance(), headers=headers).status_code == 201
    engine.dispose()
    ((sent, visible),) = seen
    assert sent == visible[::-1], "the orders first"
    assert len(sent) == 2


class BrokenBroker(StubBroker):
    """A broker that is down."""

    def enqueue(self, message: Any, *, delay: int | None = None) -> Any:
        raise ConnectionError("the broker is down")


def test_instance_is_created_while_the_broker_is_down(host_app: HostApp, sqlite_url: str) -> None:
    app = host_app.create_app(sqlite_url, broker=BrokenBroker())
    host_app.create_rows(app)
    assert app.test_client().post(URL, json=new_instance(), headers=bearer(app)).status_code == 201
    assert host_app.count(app, tables.hints) == 2
    host_app.dispose(app)


@pytest.fixture
def receivers() -> Iterator[list[Any]]:
    """Receivers of ``instance_created``, let go afterwards."""
    connected: list[Any] = []
    yield connected
    for receiver in connected:
        instance_created.disconnect(receiver)


def test_signal_carries_the_id_after_the_commit(
    app: Flask, headers: dict[str, str], client: FlaskClient, receivers: list[Any]
) -> None:
    told: list[tuple[Any, int]] = []

    def receiver(sender: Any, *, instance_id: int) -> None:
        told.append((sender, instance_id))
        assert client.get(f"{URL}/{instance_id}", headers=headers).status_code == 200

    receivers.append(receiver)
    instance_created.connect(receiver)
    answer = client.post(URL, json=new_instance(), headers=headers)
    assert told == [(app, answer.json["data"]["id"])]


def test_failing_signal_receiver_is_logged_and_instance_created(
    client: FlaskClient, headers: dict[str, str], receivers: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    def receiver(sender: Any, *, instance_id: int) -> None:
        raise RuntimeError("no mail server")

    receivers.append(receiver)
    instance_created.connect(receiver)
    assert client.post(URL, json=new_instance(), headers=headers).status_code == 201
    (record,) = [each for each in caplog.records if each.name == "bigcommerce_integration.signals"]
    assert record.exc_info is not None
    assert record.action == "announce"  # type: ignore[attr-defined]


def test_two_instances_on_one_store_are_independent(client: FlaskClient, headers: dict[str, str]) -> None:
    first = client.post(URL, json=new_instance(name="One"), headers=headers).json["data"]
    second = client.post(URL, json=new_instance(name="Two"), headers=headers).json["data"]
    assert first["id"] != second["id"]
    ids = {each["id"] for data in (first, second) for each in data["refreshes"]}
    assert len(ids) == 4


def test_what_fails_after_the_first_insert_leaves_nothing(
    app: Flask, host_app: HostApp, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise RuntimeError("killed here")

    monkeypatch.setattr("bigcommerce_integration.operations.instances.connect.start_instance", fail)
    with pytest.raises(RuntimeError):
        app.test_client().post(URL, json=new_instance(), headers=headers)
    assert host_app.count(app, tables.instances) == 0


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        ("a" * 11 + "wxyz", "••••••••"),
        ("a" * 12 + "wxyz", "••••••••wxyz"),
        ("!~", "••••••••"),
        ("a" * 255, "••••••••aaaa"),
    ],
)
def test_an_answer_shows_at_most_the_last_four_of_a_long_token(
    client: FlaskClient, headers: dict[str, str], token: str, shown: str
) -> None:
    body = new_instance(connection_settings={"access_token": token})
    answer = client.post(URL, json=body, headers=headers)
    assert answer.json["data"]["connection_settings"] == {"access_token": shown}
