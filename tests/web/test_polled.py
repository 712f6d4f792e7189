"""What is polled ends its transaction with a commit, and never commits what the host has begun."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from flask import Flask, g
from sqlalchemy import event, insert, text

from ..host_app import HostApp, bearer, new_instance

URL = "/api/big-commerce"


def polled_paths(app: Flask) -> list[str]:
    """Those of a new store and of one of its refreshes."""
    answer = app.test_client().post(f"{URL}?verify=false", json=new_instance(), headers=bearer(app))
    path = f"{URL}/{answer.json['data']['id']}"
    return [path, f"{path}/refreshes/{answer.json['data']['refreshes'][0]['id']}"]


def ends_of(app: Flask, host_app: HostApp, path: str) -> Counter[str]:
    """How the transactions of one GET end."""
    seen: Counter[str] = Counter()
    with app.app_context():
        engine = host_app.db.engine
    notes = {name: lambda *_, name=name: seen.update([name]) for name in ("commit", "rollback")}
    for name, note in notes.items():
        event.listen(engine, name, note)
    try:
        assert app.test_client().get(path, headers=bearer(app)).status_code == 200
    finally:
        for name, note in notes.items():
            event.remove(engine, name, note)
    return seen


def test_a_polled_answer_ends_with_one_commit(any_app: Flask, host_app: HostApp) -> None:
    for path in polled_paths(any_app):
        assert ends_of(any_app, host_app, path) == {"commit": 1}


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_postgresql_keeps_the_plans_of_what_is_polled(any_app: Flask, host_app: HostApp) -> None:
    client, headers = any_app.test_client(), bearer(any_app)
    for path in polled_paths(any_app):
        # psycopg prepares what it has sent five times.
        for _ in range(7):
            client.get(path, headers=headers)
    with any_app.app_context():
        kept = host_app.db.session.scalars(text("SELECT statement FROM pg_prepared_statements")).all()
    assert sum("bigcommerce_leases" in each for each in kept) >= 2


def hosted(host_app: HostApp, broker: StubBroker, url: str, hook: Any) -> Flask:
    """The host app with a function that is called before each request."""
    app = host_app.create_app(url, broker=broker, before=lambda made: made.before_request(hook))
    host_app.create_rows(app)
    return app


def test_rows_that_the_host_has_written_stay_uncommitted(
    host_app: HostApp, broker: StubBroker, sqlite_url: str
) -> None:
    writes: list[dict[str, Any]] = []

    def hook() -> None:
        for row in writes:
            host_app.db.session.execute(insert(host_app.NominalCode), row)

    app = hosted(host_app, broker, sqlite_url, hook)
    paths = polled_paths(app)
    before = host_app.count(app, host_app.NominalCode)
    writes.append({"id": 77_777, "name": "Not committed"})
    for path in paths:
        assert ends_of(app, host_app, path)["commit"] == 0
    assert host_app.count(app, host_app.NominalCode) == before
    host_app.dispose(app)


def test_objects_that_the_host_has_read_are_not_expired(host_app: HostApp, broker: StubBroker, sqlite_url: str) -> None:
    class May:
        """Reads the user within ``may``, when our transaction has begun, and keeps it for the request."""

        def __call__(self, action: str, instance: Any) -> bool:
            g.user = host_app.db.session.get(host_app.User, 1)
            return True

    app = host_app.create_app(sqlite_url, broker=broker, host=host_app.host(may=May()))
    host_app.create_rows(app)
    for path in polled_paths(app):
        assert ends_of(app, host_app, path)["commit"] == 0
    host_app.dispose(app)


def test_what_may_writes_by_itself_is_committed_along(host_app: HostApp, broker: StubBroker, sqlite_url: str) -> None:
    """A row of an audit trail, say, written by plain SQL: kept as by a request that changes something."""

    class May:
        count = 0

        def __call__(self, action: str, instance: Any) -> bool:
            if action == "read":
                self.count += 1
                row = {"id": 80_000 + self.count, "name": "Read"}
                host_app.db.session.execute(insert(host_app.NominalCode), row)
            return True

    app = host_app.create_app(sqlite_url, broker=broker, host=host_app.host(may=May()))
    host_app.create_rows(app)
    paths = polled_paths(app)
    before = host_app.count(app, host_app.NominalCode)
    for path in paths:
        assert ends_of(app, host_app, path) == {"commit": 1}
    assert host_app.count(app, host_app.NominalCode) == before + 2
    host_app.dispose(app)
