"""A host app on a fresh database for each test."""

from __future__ import annotations

import gc
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import AgeLimit, Callbacks, Retries, ShutdownNotifications
from flask import Flask
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine, event

from .compiled_once import compile_routes_once, keep_bytecode, rewrite_asserts_once
from .examples import load_profile
from .host_app import HostApp, bearer
from .kept_databases import UNTIL_THE_END
from .longest_first import begin_with_longest
from .services import DATABASES, fresh_database
from .shop import Shop, code_base, opened

keep_bytecode()
load_profile()
compile_routes_once()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Before workers are started."""
    rewrite_asserts_once(config)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Before they are handed out."""
    begin_with_longest(items)


def pytest_collection_finish() -> None:
    """What is there before the first test stays to the end: it is not searched for garbage again and again.

    What tests leave is searched after so many more new objects than usual: a tenth of all CPU time is saved.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 10, 10)


def pytest_sessionfinish() -> None:
    """Databases that tests have shared."""
    UNTIL_THE_END.close()


@event.listens_for(Engine, "connect")
def _without_waiting_for_the_disk(connection: Any, _: object) -> None:
    """Most of the time of so small transactions is spent on it; nobody pulls the plug of a test."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA journal_mode = MEMORY")


@pytest.fixture
def broker() -> Iterator[StubBroker]:
    """The app's own broker, in memory."""
    # Without those of Dramatiq's own that start a thread or a server with every broker: over a whole run they add up.
    broker = StubBroker(middleware=[AgeLimit(), ShutdownNotifications(), Callbacks(), Retries()])
    broker.emit_after("process_boot")
    yield broker
    broker.flush_all()
    broker.close()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> Iterator[str]:
    """A fresh SQLite file."""
    with fresh_database("sqlite", tmp_path) as url:
        yield url


@pytest.fixture(params=DATABASES)
def database_kind(request: pytest.FixtureRequest) -> str:
    """Each of the databases that we support."""
    return str(request.param)


@pytest.fixture
def database_url(database_kind: str, tmp_path: Path) -> Iterator[str]:
    """A fresh database, without tables, of each kind."""
    with fresh_database(database_kind, tmp_path) as url:
        yield url


@pytest.fixture(scope="session")
def host_app() -> HostApp:
    """One code base, db and models, for the apps of all tests: its tables are made once, not by each test."""
    return HostApp()


@pytest.fixture
def app(host_app: HostApp, broker: StubBroker, sqlite_url: str) -> Iterator[Flask]:
    """The host's app with our blueprint and the rows that requests refer to, on SQLite."""
    yield from made(host_app, broker, sqlite_url)


@pytest.fixture
def any_app(host_app: HostApp, broker: StubBroker, database_kind: str, tmp_path: Path) -> Iterator[Flask]:
    """The same on each database."""
    with host_app.databases.lent(database_kind, tmp_path) as url:
        yield from made(host_app, broker, url)


def made(host_app: HostApp, broker: StubBroker, url: str, **settings: Any) -> Iterator[Flask]:
    """An app with its tables and rows, its connections closed afterwards."""
    app = host_app.create_app(url, broker=broker, settings=settings)
    host_app.create_rows(app)
    yield app
    host_app.dispose(app)


@pytest.fixture
def db(app: Flask, host_app: HostApp) -> Iterator[SQLAlchemy]:
    """The host's database, within the app's context: requests made meanwhile share its session."""
    with app.app_context():
        yield host_app.db


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client of the app, not logged in."""
    return app.test_client()


@pytest.fixture
def headers(app: Flask) -> dict[str, str]:
    """What a logged-in user sends."""
    return bearer(app)


@pytest.fixture
def due_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tick need not wait to see whether the request's own hint arrives."""
    monkeypatch.setattr("bigcommerce_integration.operations.instances.connect.HINT_AFTER_S", 0.0)


@pytest.fixture
def shop(broker: StubBroker, sqlite_url: str) -> Iterator[Shop]:
    """A served store and a host app that may connect it, on SQLite."""
    with opened(sqlite_url, broker) as shop:
        yield shop


@pytest.fixture
def any_shop(broker: StubBroker, database_kind: str, tmp_path: Path) -> Iterator[Shop]:
    """The same on each database."""
    with code_base().databases.lent(database_kind, tmp_path) as url, opened(url, broker) as shop:
        yield shop


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    """Alembic's template configures logging, and with it switches off every logger that exists."""
    root = logging.getLogger()
    loggers = [each for each in root.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    before = [(each, each.disabled, each.level, list(each.handlers)) for each in (root, *loggers)]
    yield
    for each, disabled, level, handlers in before:
        each.disabled, each.level, each.handlers = disabled, level, handlers
