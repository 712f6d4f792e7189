"""The lines of an order: when those embedded may not be all, and how the others come."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from bigcommerce_integration.client.http.transport import Answer, Call, Transport
from bigcommerce_integration.sandbox import SandboxStore

from .conftest import Connect, Mirror
from .sale import mapped, sale, shipped


def with_shipped_lines(count: int) -> dict[str, Any]:
    """An order of so many lines, one piece each, in one consignment."""
    value = sale(items_total=count)
    template = shipped(value)["line_items"][0]
    lines = [{**template, "id": 1000 + number, "quantity": 1} for number in range(count)]
    value["consignments"] = {"shipping": [{**shipped(value), "line_items": lines}]}
    return value


@pytest.mark.parametrize(("count", "needs_lines"), [(1, False), (49, False), (50, True), (51, True)])
def test_fifty_embedded_lines_may_not_be_all(count: int, needs_lines: bool):
    order = mapped(with_shipped_lines(count))
    assert order.is_partial is needs_lines
    assert len(order.of("order_lines")) == count


def _warned(value: dict[str, Any], where: str) -> dict[str, Any]:
    warning = {"message": "Not all line items of this consignment are returned."}
    if where == "in the order":
        value["__warning__"] = warning
    elif where == "in the consignments":
        value["consignments"]["__warning__"] = warning
    elif where == "in a consignment":
        shipped(value)["__warning__"] = warning
    else:
        shipped(value)["line_items"].append({"__warning__": warning})
    return value


@pytest.mark.parametrize("where", ["in the order", "in the consignments", "in a consignment", "among the lines"])
def test_marker_of_truncated_lines_is_found_anywhere(where: str):
    assert mapped(_warned(sale(), where)).is_partial


@pytest.mark.parametrize("items_total", [6, 8, 0])
def test_wrong_sum_of_quantities_requests_the_lines(items_total: int):
    assert mapped(sale(items_total=items_total)).is_partial


LINK = {"url": "https://api.example.com/stores/abc123/v2/orders/118/products", "resource": "/orders/118/products"}


@pytest.mark.parametrize(
    "consignments",
    [
        LINK,
        {"shipping": [{"id": 20, "line_items": LINK}]},
        {"shipping": [{"id": 20, "line_items": [LINK, LINK]}]},
        {"shipping": [{"id": 20, "line_items": None}]},
        {"shipping": [{"id": 20}]},
        None,
        [],
    ],
)
def test_links_or_nothing_in_place_of_lines_ask_for_the_lines(consignments: object):
    assert mapped(sale(consignments=consignments)).is_partial


@pytest.mark.parametrize("items_total", [None, 7])
@pytest.mark.parametrize("consignments", [LINK, [LINK], {"shipping": LINK}, None, [], {}, {"shipping": []}, "?"])
def test_absent_lines_are_asked_for(consignments: object, items_total: int | None):
    assert mapped(sale(consignments=consignments, items_total=items_total)).is_partial


def test_a_missing_field_asks_for_the_lines():
    value = sale(items_total=None)
    del value["consignments"]
    assert mapped(value).is_partial


@pytest.mark.parametrize("consignments", [LINK, {"shipping": [{"id": 20}]}, {"shipping": [{"line_items": None}]}])
def test_a_link_is_no_empty_list(consignments: object):
    assert mapped(sale(consignments=consignments, items_total=0)).is_partial


@pytest.mark.parametrize("consignments", [None, [], {}, {"shipping": []}])
def test_an_order_of_no_items_is_not_asked_for_lines(consignments: object):
    assert not mapped(sale(consignments=consignments, items_total=0)).is_partial


def notes_of_order(mirror: Mirror, order_id: int) -> list[str]:
    return [each["field"] for each in json.loads(mirror.row("orders", order_id)["notes"] or "[]")]


@pytest.mark.parametrize("sent", [0, 3])
def test_a_short_list_of_lines_erases_none(connect: Connect, sent: int):
    store = SandboxStore(5, 0, awkward=False)
    order_id = store.create_order(kind="lines_60")
    all_lines = dict(store.order_line_records(order_id))
    mirror = connect(store)
    embedded = sorted(all_lines)[:50]
    kept = sorted(all_lines)[57 : 57 + sent]
    # What comes with the order stays as it is, the list of its own is short.
    route = f"/orders/{order_id}/products"
    with lines_sent(mirror, route, [all_lines[each] for each in kept]):
        mirror.completed("orders")
    assert mirror.ids("order_lines") == [*embedded, *kept]
    assert (notes_of_order(mirror, order_id), mirror.refresh("orders")["notes"]) == (["lines"], 1)
    # It is not believed the next time either, and is healed by a whole answer.
    with lines_sent(mirror, route, []):
        mirror.again("orders")
    assert mirror.ids("order_lines") == [*embedded, *kept]
    mirror.again("orders")
    assert mirror.ids("order_lines") == sorted(all_lines)
    assert notes_of_order(mirror, order_id) == []


def test_an_empty_list_of_lines_erases_no_stored_ones(connect: Connect):
    store = SandboxStore(5, 0, awkward=False)
    order_id = store.create_order(kind="plain")
    mirror = connect(store).completed("orders")
    before = mirror.ids("order_lines")
    assert before
    order = store.orders[order_id]
    order.base = re.sub(r'"items_total":[0-9]+', '"items_total":null', order.base)
    order.consignments.clear()
    with lines_sent(mirror, f"/orders/{order_id}/products", []):
        mirror.again("orders")
    assert mirror.ids("order_lines") == before
    assert notes_of_order(mirror, order_id) == ["lines"]


def test_a_vanished_list_of_lines_erases_no_stored_ones(connect: Connect):
    store = SandboxStore(5, 0, awkward=False)
    order_id = store.create_order(kind="lines_60")
    mirror = connect(store).completed("orders")
    store.edit_order(order_id, staff_notes="edited")
    store.faults.add("status", r"/orders/\d+/products", status=404)
    mirror.again("orders")
    assert len(mirror.ids("order_lines")) == 60


@contextmanager
def lines_sent(mirror: Mirror, route: str, texts: list[str]) -> Iterator[None]:
    """The list of lines at this path holds these instead."""
    get = Transport.get

    def sent(self: Transport, call: Call) -> Answer:
        answer = get(self, call)
        return replace(answer, body=f"[{','.join(texts)}]".encode()) if call.path.endswith(route) else answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Transport, "get", sent)
        yield


@pytest.mark.parametrize(
    ("kind", "requests"),
    [
        ("lines_50", 1),
        ("lines_51", 1),
        ("lines_60", 1),
        ("lines_260", 2),
        ("three_by_60", 1),
        ("embedded_missing", 1),
        ("no_lines", 0),
        ("several_consignments", 0),
        ("mixed", 0),
        ("custom_items", 0),
        ("bundle", 0),
    ],
)
def test_all_lines_come_and_extra_ones_are_fetched_once(connect: Connect, kind: str, requests: int):
    store = SandboxStore(5, 0, awkward=False)
    order_id = store.create_order(kind=kind)
    mirror = connect(store).completed("orders")
    truth = store.order_line_records(order_id)
    assert mirror.ids("order_lines") == [line_id for line_id, _ in truth]
    fetched = mirror.asked(r"/orders/\d+/products")
    assert len(fetched) == requests
    payloads = [row["payload"] for row in mirror.rows("order_lines")]
    assert payloads == ([text for _, text in truth] if requests else [None] * len(truth))
    assert mirror.rows("orders")[0]["payload"] == dict(store.order_records())[order_id]
    # The very same record: its lines are known. Another one: they are asked for again.
    mirror.again("orders")
    assert mirror.refresh("orders")["unchanged"] == 1
    assert len(mirror.asked(r"/orders/\d+/products")) == requests
    store.edit_order(order_id, staff_notes="edited")
    mirror.again("orders")
    assert mirror.refresh("orders")["updated"] == 1
    assert len(mirror.asked(r"/orders/\d+/products")) == 2 * requests
    assert mirror.ids("order_lines") == [line_id for line_id, _ in truth]


def test_several_orders_of_a_page_get_their_lines_side_by_side(connect: Connect):
    store = SandboxStore(5, 0, awkward=False)
    for kind in ("lines_60", "plain", "lines_260", "three_by_60", "lines_51", "plain"):
        store.create_order(kind=kind)
    mirror = connect(store, settings={"concurrency": 3}).completed("orders")
    lines = [line_id for order_id in store.order_ids for line_id, _ in store.order_line_records(order_id)]
    assert mirror.ids("order_lines") == sorted(lines)
    assert len(mirror.asked(r"/orders/\d+/products")) == 5


def test_order_deleted_before_its_lines_is_kept_and_retried(connect: Connect):
    store = SandboxStore(5, 0, awkward=False)
    order_id = store.create_order(kind="lines_60")
    mirror = connect(store)
    store.faults.add("status", r"/orders/\d+/products", status=404)
    mirror.completed("orders")
    assert mirror.ids("orders") == [order_id]
    assert len(mirror.ids("order_lines")) == 50, "those that came with the order"
    mirror.again("orders")
    assert len(mirror.ids("order_lines")) == 60


def test_lines_that_cannot_be_read_set_their_order_aside(connect: Connect):
    store = SandboxStore(5, 0, awkward=False)
    bad, good = store.create_order(kind="lines_60"), store.create_order(kind="lines_51")
    line = store.orders[bad].lines[55]
    line.text = json.dumps({**json.loads(line.text), "quantity": "many"})
    mirror = connect(store).completed("orders")
    assert mirror.ids("orders") == [good]
    (rejected,) = mirror.rows("rejected_records")
    assert (rejected["bigcommerce_id"], "lines.quantity" in rejected["reason"]) == (bad, True)
    assert {row["bigcommerce_order_id"] for row in mirror.rows("order_lines")} == {good}
