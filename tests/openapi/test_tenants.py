"""Another tenant's instance is a 404 on every route that the document knows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from flask import Flask

from bigcommerce_integration import SQLAlchemyHost

from ..host_app import HostApp, bearer, new_instance
from .conformance import Document

URL = "/api/big-commerce"
TENANT: ContextVar[str] = ContextVar("tenant", default="ours")


class TwoTenants(SQLAlchemyHost):
    def tenant(self) -> str:
        return TENANT.get()


@pytest.fixture
def app(host_app: HostApp, broker: StubBroker, sqlite_url: str) -> Iterator[Flask]:
    host = host_app.host(TwoTenants, tenant_column=None)
    app = host_app.create_app(sqlite_url, broker=broker, host=host)
    host_app.create_rows(app)
    yield app
    host_app.dispose(app)


def bodies(operation: dict[str, Any]) -> list[Any]:
    """The examples; none for an operation without a body."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return [example["value"] for example in content.get("examples", {}).values()] or [None]


def test_another_tenants_instance_is_unknown_everywhere(app: Flask, document: Document) -> None:
    client, headers = app.test_client(), bearer(app)
    created = client.post(URL, json=new_instance(), headers=headers).json
    assert created is not None
    ids = {"instance_id": created["data"]["id"], "refresh_id": created["data"]["refreshes"][0]["id"]}
    asked = 0
    reset = TENANT.set("theirs")
    for (path, method), operation in document.operations.items():
        if "{instance_id}" not in path:
            continue
        where = re.sub(r"\{(\w+)\}", lambda name: str(ids.get(name[1], 1)), path)
        for body in bodies(operation):
            answer = client.open(where, method=method, headers=headers, json=body)
            assert answer.status_code == 404, (method, where, answer.text)
            asked += 1
    assert asked >= 20
    listed = client.get(URL, headers=headers).json
    assert listed is not None
    assert listed["data"] == []
    TENANT.reset(reset)
    listed = client.get(URL, headers=headers).json
    assert listed is not None
    assert [each["id"] for each in listed["data"]] == [ids["instance_id"]]
    # Nothing of all that has changed it.
    shown = client.get(f"{URL}/{ids['instance_id']}", headers=headers).json
    assert shown is not None
    assert [each["status"] for each in shown["data"]["refreshes"]] == ["pending", "pending"]
    assert shown["data"]["name"] == "Main shop"
