"""Instances whose mirror rows the tests write."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dramatiq.brokers.stub import StubBroker
from flask import Flask

from ..conftest import made
from ..host_app import HostApp
from ..services import DATABASES, fresh_database
from .mirrored import Mirrored, connected


@pytest.fixture
def mirrored(app: Flask, host_app: HostApp) -> Mirrored:
    """On SQLite."""
    return connected(app, host_app)


@pytest.fixture(scope="module", params=DATABASES)
def shared_app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mirrored]:
    """An app on each database, for all tests of a file; the instance is the first of many."""
    host_app = HostApp()
    broker = StubBroker(middleware=[])
    with fresh_database(request.param, tmp_path_factory.mktemp("shared")) as url:
        for app in made(host_app, broker, url):
            yield connected(app, host_app)
    broker.close()


@pytest.fixture
def any_mirrored(shared_app: Mirrored) -> Mirrored:
    """A new instance among those of other tests, on each database."""
    return connected(shared_app.app, shared_app.host_app)
