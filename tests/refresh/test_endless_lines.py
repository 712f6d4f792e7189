"""Order lines without end: the one order is rejected, its page goes in, and a slice and a cancel end in time."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bigcommerce_integration.client.http.transport import Answer, Call, Transport
from bigcommerce_integration.refresh.job.parameters import Mode
from bigcommerce_integration.refresh.lifecycle.claim import Outcome
from bigcommerce_integration.refresh.lifecycle.transitions import cancel
from bigcommerce_integration.refresh.read import slice as slices
from bigcommerce_integration.refresh.run import order_lines
from bigcommerce_integration.sandbox import SandboxStore

from ..processes import wait_until
from .conftest import Connect, Mirror

PAGE = 250


def endless(
    monkeypatch: pytest.MonkeyPatch, mirror: Mirror, order_id: int, lines: Callable[[int], list[dict[str, Any]]]
) -> None:
    """The pages of this order's lines are made by number, and never end; the request is made all the same."""
    get = Transport.get

    def sent(self: Transport, call: Call) -> Answer:
        answer = get(self, call)
        if call.path != f"v2/orders/{order_id}/products":
            return answer
        return replace(answer, body=json.dumps(lines(int(dict(call.params)["page"]))).encode())

    monkeypatch.setattr(Transport, "get", sent)


def rising(page: int) -> list[dict[str, Any]]:
    return [{"id": 10_000 + page * PAGE + at, "quantity": 1} for at in range(PAGE)]


def without_ids(page: int) -> list[dict[str, Any]]:
    return [{"quantity": 1, "name": f"{page}"} for _ in range(PAGE)]


def the_same(page: int) -> list[dict[str, Any]]:
    return rising(1)


def too_many(page: int) -> list[dict[str, Any]]:
    return [*rising(page), {"id": 1, "quantity": 1}]


def some_without_ids(page: int) -> list[dict[str, Any]]:
    return [*rising(page)[1:], {"quantity": 1}]


def huge(page: int) -> list[dict[str, Any]]:
    return [{**line, "name": "x" * 40} for line in rising(page)]


@pytest.mark.parametrize(
    ("lines", "pages", "said"),
    [
        (rising, 7, "do not end"),
        (huge, 3, "do not end"),
        (without_ids, 1, "without ids"),
        (some_without_ids, 1, "no id"),
        (the_same, 2, "ignores the page"),
        (too_many, 1, "251 of its lines where 250"),
    ],
)
def test_endless_lines_reject_their_order_alone(
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    lines: Callable[[int], list[dict[str, Any]]],
    pages: int,
    said: str,
):
    store = SandboxStore(5, 0, awkward=False)
    before, bad, after = (store.create_order(kind=kind) for kind in ("lines_60", "lines_60", "plain"))
    mirror = connect(store)
    monkeypatch.setattr(order_lines, "MOST_PAGES", 7)
    monkeypatch.setattr(order_lines, "MOST_BYTES", 55_000)
    endless(monkeypatch, mirror, bad, lines)
    mirror.completed("orders")
    assert mirror.ids("orders") == [before, after]
    (rejected,) = mirror.rows("rejected_records")
    assert rejected["bigcommerce_id"] == bad
    assert said in rejected["reason"]
    assert len(mirror.asked(rf"/orders/{bad}/products")) == pages


def test_an_order_has_at_most_25000_lines():
    assert order_lines.MOST_PAGES * PAGE == 25_000


@pytest.mark.ci
def test_a_page_of_long_orders_gets_on_in_each_slice(connect: Connect):
    store = SandboxStore(5, 0, awkward=False)
    made = [store.create_order(kind="lines_260") for _ in range(6)]
    # No slice lasts longer than its first answer.
    mirror = connect(store, settings={"concurrency": 2}, latency_ms=5).with_settings(slice_s=0.001)
    stored = []
    for _ in range(200):
        if mirror.advance("orders") is Outcome.ENDED:
            break
        stored.append(len(mirror.ids("orders")))
    assert mirror.refresh("orders")["status"] == "completed"
    assert mirror.ids("orders") == made
    assert mirror.ids("order_lines") == sorted(line for order in made for line, _ in store.order_line_records(order))
    assert len(set(stored)) > 2, "orders of one page are stored in more than one slice"
    # Each order's lines were asked for once, but for those under way as a slice ended.
    assert len(mirror.asked(r"/orders/\d+/products")) <= 3 * 2 * len(made)


def test_a_page_is_stored_in_parts_where_memory_is_short(connect: Connect, monkeypatch: pytest.MonkeyPatch):
    store = SandboxStore(5, 0, awkward=False)
    made = [store.create_order(kind="lines_60") for _ in range(6)]
    mirror = connect(store, settings={"concurrency": 1})
    told: list[list[int]] = []
    mirror.host.orders_changed = lambda session, instance, ids: told.append(list(ids))
    size = sum(len(text) for _, text in store.order_line_records(made[0]))
    monkeypatch.setattr(order_lines, "MOST_BYTES", int(size * 1.5))
    mirror.completed("orders")
    assert mirror.ids("order_lines") == sorted(line for order in made for line, _ in store.order_line_records(order))
    assert len(told) > 2
    assert sorted(each for ids in told for each in ids) == made
    assert mirror.refresh("orders")["fetched"] == len(made)


@pytest.fixture
def looking_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancel is noticed before the next question."""
    monkeypatch.setattr(slices, "LOOK_S", 0.0)


def cancel_orders(mirror: Mirror) -> bool:
    return mirror.transaction(lambda session: cancel(session, mirror.engine.tables, mirror.refreshes["orders"]))


@pytest.mark.usefixtures("looking_always")
def test_a_cancel_ends_the_lines(connect: Connect, monkeypatch: pytest.MonkeyPatch):
    store = SandboxStore(5, 0, awkward=False)
    order_id = store.create_order(kind="lines_60")
    mirror = connect(store)
    asked: list[int] = []

    def lines(page: int) -> list[dict[str, Any]]:
        asked.append(page)
        if page == 3:
            assert mirror.transaction(lambda session: cancel(session, mirror.engine.tables, mirror.refreshes["orders"]))
        return rising(page)

    endless(monkeypatch, mirror, order_id, lines)
    for _ in range(50):
        if mirror.advance("orders") is Outcome.CANCELLED:
            break
    assert mirror.refresh("orders")["status"] == "cancelled"
    assert asked == [1, 2, 3]


@pytest.mark.usefixtures("looking_always", "quick_retries")
@pytest.mark.parametrize(
    ("mode", "path"),
    [("full", "/v2/store"), ("full", "sort=id%3Adesc"), ("full", "sort=id%3Aasc"), ("ids", "min_id|/v2/orders/[0-9]")],
)
def test_a_cancel_ends_what_is_tried_again(connect: Connect, mode: Mode, path: str):
    store = SandboxStore(5, 3, awkward=False)
    mirror = connect(store).completed()
    mirror.start("orders", mode, **({"ids": tuple(store.order_ids)} if mode == "ids" else {}))
    store.faults.add("status", path, status=503, times=None)
    began = len(mirror.asked())

    def cancel_soon() -> None:
        wait_until(lambda: len(mirror.asked()) >= began + 3, 60, "a question that is tried again")
        cancel_orders(mirror)

    thread = threading.Thread(target=cancel_soon)
    thread.start()
    for _ in range(200):
        if mirror.advance("orders") in (Outcome.CANCELLED, Outcome.ENDED):
            break
        mirror.let_time_pass("orders")
    thread.join()
    assert mirror.refresh("orders")["status"] == "cancelled"
