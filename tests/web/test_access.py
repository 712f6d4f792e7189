"""Who may ask, and what they may see."""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import ContextVar
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from flask import Flask
from flask.testing import FlaskClient
from flask_jwt_extended import create_access_token, create_refresh_token
from sqlalchemy import select

from bigcommerce_integration import SQLAlchemyHost
from bigcommerce_integration.errors import ConfigError
from bigcommerce_integration.models.instances import IntegrationInstance

from ..host_app import HostApp, bearer, new_instance

URL = "/api/big-commerce"
ROUTES = [("POST", URL), ("GET", f"{URL}/1"), ("GET", f"{URL}/1/refreshes/1")]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_without_a_token_the_answer_is_the_hosts_own_401(method: str, path: str, client: FlaskClient) -> None:
    answer = client.open(path, method=method)
    assert (answer.status_code, answer.json) == (401, {"msg": "Missing Authorization Header"})


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_an_expired_token_keeps_the_hosts_body(method: str, path: str, app: Flask, client: FlaskClient) -> None:
    headers = bearer(app, expires_delta=timedelta(seconds=-1))
    answer = client.open(path, method=method, headers=headers)
    assert (answer.status_code, answer.json) == (401, {"msg": "Token has expired"})


@pytest.mark.parametrize("value", ["Bearer x.y.z", "Bearer ", "Basic dTpw", "Bearer a b"])
def test_a_broken_header_is_refused_by_the_host(value: str, client: FlaskClient) -> None:
    assert client.get(f"{URL}/1", headers={"Authorization": value}).status_code in (401, 422)


def test_a_jwt_refresh_token_is_no_access(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        token = create_refresh_token("1")
    assert client.get(f"{URL}/1", headers={"Authorization": f"Bearer {token}"}).status_code == 422


def test_a_cookie_is_no_access_even_where_the_host_takes_cookies(app: Flask, client: FlaskClient) -> None:
    app.config["JWT_TOKEN_LOCATION"] = ["headers", "cookies"]
    with app.app_context():
        client.set_cookie("access_token_cookie", create_access_token("1"))
    assert client.get(f"{URL}/1").status_code == 401


def test_the_body_is_not_read_before_the_login(client: FlaskClient) -> None:
    assert client.post(URL, data=b"x" * 100_000).status_code == 401


class CarefulHost(SQLAlchemyHost):
    """Several tenants, and rules; both set by the test."""

    current_tenant: ContextVar[Any] = ContextVar("tenant", default="")
    refused: set[str]
    asked: list[tuple[str, IntegrationInstance | None]]

    def tenant(self) -> str:
        return self.current_tenant.get()  # type: ignore[no-any-return]

    def may(self, action: str, instance: IntegrationInstance | None) -> bool:
        self.asked.append((action, instance))
        return action not in self.refused


@pytest.fixture
def careful(host_app: HostApp) -> CarefulHost:
    host = host_app.host(CarefulHost, may=lambda action, instance: False, tenant_column=None)
    host.refused, host.asked = set(), []
    return host


@pytest.fixture
def careful_app(
    host_app: HostApp, broker: StubBroker, database_kind: str, tmp_path: Path, careful: CarefulHost
) -> Iterator[Flask]:
    with host_app.databases.lent(database_kind, tmp_path) as url:
        app = host_app.create_app(url, broker=broker, host=careful)
        host_app.create_rows(app)
        yield app
        host_app.dispose(app)


@pytest.fixture
def careful_client(careful_app: Flask) -> FlaskClient:
    client = careful_app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = bearer(careful_app)["Authorization"]
    return client


def as_tenant(tenant: Any) -> None:
    CarefulHost.current_tenant.set(tenant)


@pytest.fixture(autouse=True)
def _no_tenant() -> None:
    as_tenant("")


def test_what_may_refuses_is_403_and_may_gets_the_instance(careful: CarefulHost, careful_client: FlaskClient) -> None:
    careful.refused = {"create"}
    refused = careful_client.post(URL, data=b"not even JSON")
    assert (refused.status_code, refused.json) == (403, {"message": "You are not permitted to do this."})
    careful.refused = {"read"}
    data = careful_client.post(URL, json=new_instance()).json["data"]
    assert careful_client.get(f"{URL}/{data['id']}").status_code == 403
    assert careful_client.get(f"{URL}/{data['id']}/refreshes/{data['refreshes'][0]['id']}").status_code == 403
    assert [action for action, _ in careful.asked] == ["create", "create", "read", "read"]
    assert careful.asked[0][1] is None
    seen = careful.asked[-1][1]
    assert isinstance(seen, IntegrationInstance)
    assert (seen.id, seen.name, seen.store_hash) == (data["id"], "Main shop", "abc123")


def test_another_tenants_instance_is_unknown(careful_client: FlaskClient) -> None:
    as_tenant("acme")
    data = careful_client.post(URL, json=new_instance()).json["data"]
    refresh_id = data["refreshes"][0]["id"]
    paths = [f"{URL}/{data['id']}", f"{URL}/{data['id']}/refreshes/{refresh_id}"]
    assert [careful_client.get(path).status_code for path in paths] == [200, 200]
    for other in ("", "ACME", "acmé", "acm", "acme2"):
        as_tenant(other)
        for path in paths:
            answer = careful_client.get(path)
            assert answer.status_code == 404
            assert answer.json.keys() == {"message"}


def test_a_name_is_unique_within_its_tenant(careful_client: FlaskClient) -> None:
    for tenant in ("acme", "ACME", "umbrella", ""):
        as_tenant(tenant)
        assert careful_client.post(URL, json=new_instance()).status_code == 201
        assert careful_client.post(URL, json=new_instance()).status_code == 422


@pytest.mark.parametrize("tenant", [None, 5, " acme", "acme ", "x" * 256])
def test_tenant_that_databases_confuse_is_the_host_s_error(
    tenant: Any, app: Flask, careful: CarefulHost, host_app: HostApp
) -> None:
    object.__setattr__(app.extensions["bigcommerce_integration"], "host", careful)
    as_tenant(tenant)
    with pytest.raises(ConfigError, match=r"Host.tenant\(\)"):
        app.test_client().get(f"{URL}/1", headers=bearer(app))


@pytest.mark.parametrize(
    "text",
    [
        "abc",
        "0",
        "-1",
        "1.0",
        "01",
        "+1",
        "1e3",
        "99",
        str(2**63 - 1),
        str(2**63),
        "9" * 400,
        "%31%00",
        "１",
        "²",
        "1 ",
    ],
)
def test_an_unknown_id_is_our_404(text: str, client: FlaskClient, headers: dict[str, str]) -> None:
    created = client.post(URL, json=new_instance(), headers=headers).json["data"]
    for path in (f"{URL}/{text}", f"{URL}/{text}/refreshes/1", f"{URL}/{created['id']}/refreshes/{text}"):
        answer = client.get(path, headers=headers)
        assert answer.status_code == 404, path
        assert answer.json.keys() == {"message"}


def test_a_refresh_of_another_instance_is_unknown(client: FlaskClient, headers: dict[str, str]) -> None:
    first = client.post(URL, json=new_instance(name="One"), headers=headers).json["data"]
    second = client.post(URL, json=new_instance(name="Two"), headers=headers).json["data"]
    path = f"{URL}/{first['id']}/refreshes/{second['refreshes'][0]['id']}"
    assert client.get(path, headers=headers).status_code == 404


def test_created_by_is_the_identity_as_text(any_app: Flask, host_app: HostApp) -> None:
    column = any_app.extensions["bigcommerce_integration"].tables.instances.c.created_by
    for number, identity in enumerate(("user@example.com", "x" * 300, "Ünï")):
        body = new_instance(name=f"Shop {number}")
        answer = any_app.test_client().post(URL, json=body, headers=bearer(any_app, identity))
        assert answer.status_code == 201
        assert host_app.scalars(any_app, select(column).order_by(column.table.c.id))[-1] == identity[:255]
