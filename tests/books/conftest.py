"""Books on a fresh database for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from sqlalchemy import Engine, event

from ..host_app import HostApp
from .kit import Shelf, host_app_with_journal, opened, shelf


@pytest.fixture(scope="session")
def bookkeeper() -> HostApp:
    return host_app_with_journal()


@pytest.fixture
def books(bookkeeper: HostApp, broker: StubBroker, sqlite_url: str) -> Iterator[Shelf]:
    app, host = opened(bookkeeper, sqlite_url, broker)
    yield shelf(app, host, bookkeeper)
    bookkeeper.dispose(app)


@pytest.fixture
def any_books(bookkeeper: HostApp, broker: StubBroker, database_kind: str, tmp_path: Path) -> Iterator[Shelf]:
    with bookkeeper.databases.lent(database_kind, tmp_path) as url:
        app, host = opened(bookkeeper, url, broker)
        yield shelf(app, host, bookkeeper)
        bookkeeper.dispose(app)


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """Every statement that any engine executes."""
    seen: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield seen
    event.remove(Engine, "before_cursor_execute", note)
