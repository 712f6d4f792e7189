"""Every page is a 404 for another tenant, and a 403 for somebody who may not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from flask import Flask

from bigcommerce_integration import SQLAlchemyHost
from bigcommerce_integration.pages import csrf
from bigcommerce_integration.pages.routes import ROUTES

from ..host_app import ENCRYPTION_KEY, HostApp, bearer, new_instance
from .browsing import HERE, PAGES, Browser, add_pages

TENANT: ContextVar[str] = ContextVar("tenant", default="ours")
REFUSED: ContextVar[frozenset[str]] = ContextVar("refused", default=frozenset())
OF_A_STORE = [(path, method) for path, method, _ in ROUTES if "instance_id" in path]


class Guarded(SQLAlchemyHost):
    def tenant(self) -> str:
        return TENANT.get()

    def may(self, action: str, instance: Any) -> bool:
        return not ({action, "all"} & REFUSED.get())


@pytest.fixture
def app(host_app: HostApp, broker: StubBroker, sqlite_url: str) -> Iterator[Flask]:
    host = host_app.host(Guarded, tenant_column=None)
    app = host_app.create_app(sqlite_url, broker=broker, host=host)
    host_app.create_rows(app)
    add_pages(app)
    made = app.test_client().post("/api/big-commerce?verify=false", json=new_instance(), headers=bearer(app))
    assert made.status_code == 201
    yield app
    TENANT.set("ours")
    REFUSED.set(frozenset())
    host_app.dispose(app)


def _answers(app: Flask, routes: list[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """The status of each route, with a hidden field that is right."""
    client = Browser(app).client
    field = {csrf.FIELD: csrf.form_token([ENCRYPTION_KEY], "ada")}
    found = {}
    for path, method in routes:
        where = PAGES + re.sub(r"<int:\w+>", "1", path)
        data = field if method == "POST" else None
        found[path, method] = client.open(where, method=method, query_string=field, data=data, headers=HERE).status_code
    return found


def test_another_tenant_finds_no_store(app: Flask) -> None:
    TENANT.set("theirs")
    assert "No store is connected yet." in Browser(app).get().text
    found = _answers(app, OF_A_STORE)
    assert len(found) > 10
    assert {each: status for each, status in found.items() if status != 404} == {}


def test_who_may_nothing_is_refused_everywhere(app: Flask) -> None:
    REFUSED.set(frozenset({"all"}))
    found = _answers(app, [*OF_A_STORE, ("/connect", "GET"), ("/connect", "POST")])
    assert {each: status for each, status in found.items() if status != 403} == {}


def test_what_is_not_permitted_is_not_shown(app: Flask) -> None:
    browser = Browser(app)
    links = browser.get("/1").links
    assert {"Start a refresh", "Settings", "Connect a store"} <= links.keys()
    REFUSED.set(frozenset({"change", "refresh", "create", "delete", "read_history"}))
    page = browser.get("/1")
    assert not {"Start a refresh", "Settings", "Connect a store"} & page.links.keys()
    assert "What people did" not in page.text
    assert "/cancel" not in browser.get("/1/refreshes/1").answer.text
