"""Numbers and texts of any size from the store: a refresh goes on, or ends with a short message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bigcommerce_integration.client.http.transport import Answer, Call, Transport
from bigcommerce_integration.errors import StoreNotFound
from bigcommerce_integration.resources.columns import MESSAGE_LENGTH
from bigcommerce_integration.sandbox import SandboxStore

from .conftest import Connect

HUGE = str(2**63)
TOLD = ("Requests-Quota", "Requests-Left", "Time-Window-Ms", "Time-Reset-Ms")
QUOTA = {f"X-Rate-Limit-{name}": HUGE for name in TOLD}


def answering(monkeypatch: pytest.MonkeyPatch, path: str, change: Callable[[Answer], Answer]) -> None:
    """The answers to this path are changed."""
    get = Transport.get

    def changed(self: Transport, call: Call) -> Answer:
        answer = get(self, call)
        return change(answer) if call.path == path else answer

    monkeypatch.setattr(Transport, "get", changed)


def test_a_quota_larger_than_any_column_is_taken(connect_any: Connect):
    store = SandboxStore(5, 5, awkward=False)
    store.faults.add("delay", delay_s=0, times=None, headers=QUOTA)
    mirror = connect_any(store).completed()
    assert mirror.refresh("orders")["quota_left"] == 10**9
    mirror.assert_mirrors_the_store()


def test_totals_larger_than_any_column_are_passed_over(connect_any: Connect, monkeypatch: pytest.MonkeyPatch):
    mirror = connect_any(SandboxStore(5, 5, awkward=False))
    answering(
        monkeypatch,
        "v3/catalog/products",
        lambda answer: replace(answer, body=answer.body.replace(b'"total":', f'"total":{HUGE}'.encode())),
    )
    answering(monkeypatch, "v2/orders/count", lambda answer: replace(answer, body=b'{"count":%d}' % 2**62))
    mirror.completed()
    assert mirror.refresh("orders")["total"] is None
    mirror.assert_mirrors_the_store()


def test_a_time_zone_without_end_is_a_short_error(connect_any: Connect, monkeypatch: pytest.MonkeyPatch):
    mirror = connect_any(SandboxStore(1, 1))
    zone = b'{"timezone":{"name":"' + b"x" * 1_000_000 + b'"}}'
    answering(monkeypatch, "v2/store", lambda answer: replace(answer, body=zone))
    found = mirror.run("orders").refresh("orders")
    assert found["status"] == "failed"
    assert "1000000 characters" in found["message"]
    assert len(found["message"]) < MESSAGE_LENGTH


@pytest.mark.parametrize(
    "text", ["x" * 1_000_000, "a\0b", "🍃" * 1_000_000], ids=["long", "unstorable", "four bytes each"]
)
def test_whatever_a_failure_says_it_is_stored(connect_any: Connect, monkeypatch: pytest.MonkeyPatch, text: str):
    mirror = connect_any(SandboxStore(1, 1))

    def fail(*_: Any) -> Answer:
        raise StoreNotFound(text)

    monkeypatch.setattr(Transport, "get", fail)
    found = mirror.run("orders").refresh("orders")
    assert found["status"] == "failed"
    assert 0 < len(found["message"]) <= MESSAGE_LENGTH
    assert mirror.instance()["status_message"] == found["message"]
