"""Answers that no documentation promises: each is read right, or found out with a message that says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bigcommerce_integration.client.http.transport import Answer, Call, Transport
from bigcommerce_integration.refresh.job.parameters import Mode
from bigcommerce_integration.sandbox import SandboxStore

from .conftest import Connect, Mirror

Rewrite = Callable[[list[Any], int], list[Any]]
PAGE_SIZE = 10
# What a product or an order cannot do without.
KEPT = {"id", "variants", "consignments", "items_total"}


def rewriting(monkeypatch: pytest.MonkeyPatch, rewrite: Rewrite, meta: Callable[[Any], Any]) -> None:
    """Every page of products or orders comes with other records, and what counts them (V3) rewritten as well."""
    get = Transport.get

    def rewritten(self: Transport, call: Call) -> Answer:
        answer = get(self, call)
        params = dict(call.params)
        if call.path.startswith("v2/orders/") and call.path.removeprefix("v2/orders/").isdecimal() and answer.body:
            # A range of one id is asked for singly: what is the same record must have the same text.
            return replace(answer, body=json.dumps(rewrite([json.loads(answer.body)], 2)[0]).encode())
        if call.path not in ("v3/catalog/products", "v2/orders") or "include" not in params:
            return answer
        body = json.loads(answer.body) if answer.body else []
        if isinstance(body, dict):
            body = {"data": rewrite(body["data"], int(params["limit"])), "meta": meta(body["meta"])}
        else:
            body = rewrite(body, int(params["limit"]))
        return replace(answer, body=json.dumps(body).encode())

    monkeypatch.setattr(Transport, "get", rewritten)


def of_each(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Rewrite:
    return lambda records, _: [change(record) for record in records]


def as_text(value: Any) -> Any:
    """Numbers as their digits, all the way down."""
    if isinstance(value, dict):
        return {key: as_text(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_text(each) for each in value]
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def as_number(value: Any) -> Any:
    """Amounts that came as text, as V2's do, as numbers."""
    if isinstance(value, dict):
        return {key: as_number(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_number(each) for each in value]
    is_amount = isinstance(value, str) and value.replace(".", "", 1).removeprefix("-").isdigit() and "." in value
    return float(value) if is_amount else value


ANSWERS: dict[str, Rewrite] = {
    "unknown fields": of_each(lambda record: {"new": {"id": [1]}, **record, "newer": None}),
    "nothing but what it takes": of_each(lambda record: {name: record[name] for name in record if name in KEPT}),
    "empty dates": of_each(lambda record: {name: "" if "date" in name else record[name] for name in record}),
    "numbers as text": of_each(as_text),
    "text as numbers": of_each(as_number),
    "less than asked for": lambda records, _: records[:3],
    "the first of each page twice": lambda records, limit: [*records[:1], *records][:limit],
    "the last of each page twice": lambda records, limit: [*records[: limit - 1], *records[: limit - 1][-1:]],
    "an empty list in place of no content": lambda records, _: records,
}


@pytest.mark.ci
@pytest.mark.parametrize("what", ANSWERS)
def test_what_is_awkward_is_read_all_the_same(connect: Connect, monkeypatch: pytest.MonkeyPatch, what: str):
    store = SandboxStore(45, 45)
    mirror = connect(store, settings={"page_size": PAGE_SIZE})
    rewriting(monkeypatch, ANSWERS[what], as_text if what == "numbers as text" else lambda found: found)
    for mode in ("initial", "full"):
        mirror.again("products", "orders", mode=mode) if mode == "full" else mirror.completed()
        assert mirror.ids("products") == store.product_ids
        assert mirror.ids("orders") == store.order_ids
        lines = [line_id for order_id in store.order_ids for line_id, _ in store.order_line_records(order_id)]
        assert mirror.ids("order_lines") == sorted(lines)
        assert not mirror.rows("rejected_records")
        assert not [
            row for name in ("products", "orders", "variants") for row in mirror.rows(name) if row["deleted_at"]
        ]
    assert mirror.refresh("products")["updated"] == mirror.refresh("orders")["updated"] == 0


def failed(mirror: Mirror, resource: str) -> str:
    found = mirror.run(resource).refresh(resource)
    assert found["status"] == "failed", found
    return str(found["message"])


NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = {"date_from": datetime(2025, 6, 1).date(), "date_to": datetime(2025, 8, 1).date()}


@pytest.mark.ci
@pytest.mark.parametrize(
    ("resource", "mode", "parameters", "ignored"),
    [
        ("products", "incremental", {}, "date_modified:min"),
        ("products", "date_range", DAYS, "date_modified:min"),
        ("products", "date_range", DAYS, "date_modified:max"),
        ("orders", "incremental", {}, "min_date_modified"),
        ("orders", "date_range", DAYS, "min_date_created"),
        ("orders", "date_range", DAYS, "max_date_created"),
    ],
)
def test_ignored_filter_is_noticed_in_every_mode(
    connect: Connect, resource: str, mode: Mode, parameters: dict[str, Any], ignored: str
):
    store = SandboxStore(60, 60, now=NEW_YEAR)
    mirror = connect(store, settings={"page_size": PAGE_SIZE}).completed(resource)
    before = mirror.rows(resource)
    store.switches.ignored_filters = frozenset({ignored})
    mirror.start(resource, mode, **parameters)
    asked = mirror.server.requests.count
    assert f"The filter {ignored} was ignored" in failed(mirror, resource)
    assert mirror.server.requests.count - asked < 10
    assert mirror.rows(resource) == before
    store.switches.ignored_filters = frozenset()
    mirror.again(resource, mode=mode, **parameters)


def test_a_filter_for_ids_that_the_store_ignores_is_found_out(connect: Connect):
    """When what a sweep missed is asked for again: else all of it would seem to be there, or to be gone."""
    store = SandboxStore(30, 0, awkward=False)
    mirror = connect(store).completed("products")
    store.delete_product(store.product_ids[3])
    store.switches.ignored_filters = frozenset({"id:in"})
    mirror.start("products", "full")
    assert "The filter id:in was ignored" in failed(mirror, "products")
    assert not [row for row in mirror.rows("products") if row["deleted_at"]]
