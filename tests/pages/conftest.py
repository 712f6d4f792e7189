"""An app with the pages, and a person who uses them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dramatiq.brokers.stub import StubBroker
from flask import Flask

from ..host_app import HostApp
from ..shop import Shop, opened
from ..web.mirrored import Mirrored, connected
from .browsing import Browser, add_pages


@pytest.fixture
def paged(broker: StubBroker, sqlite_url: str) -> Iterator[Shop]:
    """A served store, and a host app with the pages that may connect it."""
    with opened(sqlite_url, broker) as shop:
        add_pages(shop.app)
        yield shop


@pytest.fixture
def browser(paged: Shop) -> Browser:
    """Somebody who is logged in."""
    return Browser(paged.app)


@pytest.fixture
def listed(app: Flask, host_app: HostApp) -> Mirrored:
    """A connected store whose records a test writes, in an app with the pages."""
    add_pages(app)
    return connected(app, host_app)


@pytest.fixture
def reader(listed: Mirrored) -> Browser:
    """Somebody who is logged in to that app."""
    return Browser(listed.app)
