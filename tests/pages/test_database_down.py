"""A database that does not answer: the page says so within seconds, with nothing of the host's that might ask it."""

from __future__ import annotations

import time
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from flask import Flask
from sqlalchemy import text

from bigcommerce_integration.operations.work import watch

from ..cli.conftest import run_in
from ..cli.test_doctor import silent_server
from ..host_app import HostApp, bearer
from ..services import free_port
from ..shop import URL
from .browsing import Browser, add_pages

SAID = "The database does not answer"


def app_at(host_app: HostApp, broker: StubBroker, port: int) -> Flask:
    """An app whose database is there; ``may`` asks it too, and so does a context processor of the host."""

    def ask(*_: Any) -> bool:
        return bool(host_app.db.session.scalar(text("SELECT 1")))

    url = f"postgresql+psycopg://root:s3cret-pass@127.0.0.1:{port}/none"
    app = host_app.create_app(url, broker=broker, host=host_app.host(may=ask))
    add_pages(app)
    app.context_processor(lambda: {"user": ask()})
    return app


def test_a_page_says_it_and_tries_again(host_app: HostApp, broker: StubBroker) -> None:
    app = app_at(host_app, broker, free_port())
    browser = Browser(app)
    for path in ("/", "/1", "/1/live"):
        page = browser.get(path, 503)
        assert SAID in page.text
        assert "Nothing is lost" in page.text
        assert "It cannot wait" in page.text
        assert "Since " in page.text
        assert 'http-equiv="refresh"' in page.answer.text
        assert page.answer.headers["Retry-After"] == "10"
        assert "default-src 'self'" in page.answer.headers["Content-Security-Policy"]
        assert "s3cret-pass" not in page.answer.text
    host_app.dispose(app)


def test_a_form_says_that_nothing_was_saved(host_app: HostApp, broker: StubBroker) -> None:
    app = app_at(host_app, broker, free_port())
    answer = Browser(app).client.post("/big-commerce/connect", data={"name": "x"}, headers={"Sec-Fetch-Site": "none"})
    assert answer.status_code == 503
    assert "Nothing was saved" in answer.text
    assert 'http-equiv="refresh"' not in answer.text
    host_app.dispose(app)


def test_a_database_that_goes_away_meanwhile_is_said_too(
    host_app: HostApp, broker: StubBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_at(host_app, broker, free_port())
    monkeypatch.setattr(watch.Seen, "is_database_down", False)
    assert SAID in Browser(app).get("/", 503).text
    host_app.dispose(app)


def test_the_api_answers_in_json(host_app: HostApp, broker: StubBroker, caplog: pytest.LogCaptureFixture) -> None:
    app = app_at(host_app, broker, free_port())
    for method, path in (("GET", ""), ("GET", "/1"), ("DELETE", "/1")):
        answer = app.test_client().open(f"{URL}{path}", method=method, headers=bearer(app))
        assert answer.status_code == 503
        assert answer.json["message"].startswith(SAID)
    assert "The database does not answer (OperationalError)." in caplog.text
    assert "s3cret-pass" not in caplog.text
    host_app.dispose(app)


@pytest.mark.parametrize("words", [("list",), ("show", "1"), ("list", "--json"), ("refresh", "1", "orders")])
def test_a_command_ends_with_one_line(host_app: HostApp, broker: StubBroker, words: tuple[str, ...]) -> None:
    app = app_at(host_app, broker, free_port())
    done = run_in(app, *words)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    for said in (SAID, "Nothing is lost", "It cannot wait", "doctor` says why"):
        assert said in done.stderr
    host_app.dispose(app)


@pytest.mark.ci
def test_a_silent_database_holds_nobody_up(host_app: HostApp, broker: StubBroker) -> None:
    with silent_server() as port:
        app = app_at(host_app, broker, port)
        began = time.monotonic()
        assert SAID in Browser(app).get("/", 503).text
        assert run_in(app, "list").exit_code == 1
        assert time.monotonic() - began < 2 * watch.WITHIN_S + 5


def test_a_cut_connection_of_the_pool_is_no_outage(host_app: HostApp, broker: StubBroker, database_url: str) -> None:
    """A restart of the database cuts what the pool keeps; the next page is right all the same."""
    app = host_app.create_app(database_url, broker=broker)
    host_app.create_rows(app)
    add_pages(app)
    browser = Browser(app)
    browser.get("/")
    with app.app_context():
        connection = host_app.db.engine.raw_connection()
        connection.dbapi_connection.close()  # type: ignore[union-attr]
        connection.close()
        app.extensions["bigcommerce_integration"].work_seen.clear()
    browser.get("/")
    host_app.dispose(app)
