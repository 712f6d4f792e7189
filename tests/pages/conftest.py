"""An app with the pages, and a person who uses them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dramatiq.brokers.stub import StubBroker

from ..shop import Shop, opened
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
