"""What the log says of refreshes, and with which fields."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from bigcommerce_integration.refresh.lifecycle.claim import Outcome
from bigcommerce_integration.refresh.lifecycle.transitions import cancel, reopen
from bigcommerce_integration.sandbox import SandboxStore

from .conftest import Connect, Mirror

LOGGER = "bigcommerce_integration.refresh.run.advance"


@pytest.fixture
def mirror(connect: Connect, caplog: pytest.LogCaptureFixture) -> Mirror:
    """Fifty products in five slices, with a log at INFO."""
    caplog.set_level(logging.INFO, LOGGER)
    return connect(
        SandboxStore(50, 0, awkward=False), settings={"page_size": 10, "slice_s": 0.1, "concurrency": 1}, latency_ms=110
    )


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Of each record its action and its text; all carry the same fields."""
    records: list[Any] = [each for each in caplog.records if each.name == LOGGER]
    assert {each.resource for each in records} <= {"products"}
    assert all(each.instance_id and each.refresh_id for each in records)
    return [(each.action, each.getMessage()) for each in records]


def test_begin_and_end_are_told_once(mirror: Mirror, caplog: pytest.LogCaptureFixture) -> None:
    mirror.completed("products")
    named = f"Refresh {mirror.refreshes['products']} of the products of instance {mirror.instance_id}"
    ended = "50 fetched, 50 created, 0 updated, 0 deleted, 0 rejected"
    assert told(caplog) == [
        ("begin", f"{named} begins (mode initial)."),
        ("complete", f"{named} is completed: {ended}."),
    ]


def test_what_was_opened_again_goes_on(mirror: Mirror, caplog: pytest.LogCaptureFixture) -> None:
    refresh_id, tables = mirror.refreshes["products"], mirror.engine.tables
    while mirror.refresh("products")["fetched"] == 0:
        assert mirror.advance("products") is Outcome.CONTINUE
    mirror.transaction(lambda session: cancel(session, tables, refresh_id))
    mirror.transaction(lambda session: reopen(session, tables, refresh_id))
    fetched = mirror.refresh("products")["fetched"]
    mirror.completed("products")
    assert [action for action, _ in told(caplog)] == ["begin", "begin", "complete"]
    assert f" goes on (mode initial, {fetched} records were fetched before)." in told(caplog)[1][1]


def test_the_log_has_no_secret(mirror: Mirror, caplog: pytest.LogCaptureFixture) -> None:
    mirror.store.scopes.clear()
    mirror.run("products")
    assert [action for action, _ in told(caplog)] == ["begin", "fail"]
    assert all(mirror.server.access_token not in repr(vars(each)) for each in caplog.records)
