"""What is edited at the worst moment: between two requests that belong together, or within one second."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from bigcommerce_integration.client.http.transport import Answer, Call, Transport
from bigcommerce_integration.sandbox import SandboxStore

from .conftest import Connect


def before_the_first(monkeypatch: pytest.MonkeyPatch, pattern: str, edit: Callable[[], object]) -> None:
    """Edit the store before it sees the first request for such a path."""
    get, edits = Transport.get, [edit]

    def watched(self: Transport, call: Call) -> Answer:
        if edits and re.search(pattern, call.path):
            edits.pop()()
        return get(self, call)

    monkeypatch.setattr(Transport, "get", watched)


def test_order_edited_before_its_lines_is_right_one_refresh_on(connect_any: Connect, monkeypatch: pytest.MonkeyPatch):
    store = SandboxStore(5, 0, awkward=False)
    order_id = store.create_order(kind="lines_60")
    lines = [line_id for line_id, _ in store.order_line_records(order_id)]

    def edit() -> None:
        store.remove_line(order_id, lines[3])
        store.edit_line(order_id, lines[55], quantity=7)
        store.add_line(order_id)

    before_the_first(monkeypatch, r"/orders/\d+/products", edit)
    mirror = connect_any(store).completed("orders")
    mirror.again("orders", mode="incremental")
    mirror.completed("products").assert_mirrors_the_store()
    assert mirror.row("order_lines", lines[55])["quantity"] == 7
    assert lines[3] not in mirror.ids("order_lines")


def test_variant_moved_between_pages_is_right_after_a_sweep(connect_any: Connect, monkeypatch: pytest.MonkeyPatch):
    """One moves to a product that is still to be read, and both answers have it; the other back, and neither has it."""
    store = SandboxStore(0, 0)
    for _ in range(24):
        store.create_product(variants=2)
    first, last = store.product_ids[0], store.product_ids[-1]
    mirror = connect_any(store, settings={"page_size": 10, "concurrency": 1}).completed()
    forth, back = (store.products[each].variants[1].id for each in (first, last))

    def move() -> None:
        store.move_variant(forth, last)
        store.move_variant(back, first)

    store.edit_product(first, name="Edited before")
    pages = iter([lambda: None, move])
    get = Transport.get

    def watched(self: Transport, call: Call) -> Answer:
        if call.path.endswith("products") and "include" in dict(call.params):
            next(pages, lambda: None)()
        return get(self, call)

    monkeypatch.setattr(Transport, "get", watched)
    mirror.again("products").again("products")
    owners = {row["bigcommerce_id"]: row["bigcommerce_product_id"] for row in mirror.rows("variants")}
    assert (owners[forth], owners[back]) == (last, first)
    assert {row["deleted_at"] for row in mirror.rows("variants")} == {None}
    assert mirror.again("products").refresh("products")["unchanged"] == 24


def test_recreated_product_takes_over_the_link_of_its_sku(connect_any: Connect):
    store = SandboxStore(0, 0)
    sku = "AGAIN"

    def make() -> int:
        product_id = store.create_product(variants=1)
        store.edit_variant(store.products[product_id].variants[0].id, sku=sku)
        return product_id

    old = make()
    mirror = connect_any(
        store, integration_settings__auto_link_products=True, integration_settings__auto_create_products=True
    ).completed()
    made = {number for number, spelling in mirror.host_products().items() if spelling == sku}
    assert len(made) == 1
    store.delete_product(old)
    new = make()
    for _ in range(2):
        mirror.again("products")
    rows = {row["bigcommerce_product_id"]: row for row in mirror.rows("variants")}
    assert rows[old]["deleted_at"] is not None
    assert (rows[new]["deleted_at"], rows[new]["host_product_id"], rows[new]["link_conflict"]) == (None, *made, None)
    assert {number for number, spelling in mirror.host_products().items() if spelling == sku} == made


def test_records_of_one_second_or_dated_back_come_next_time(connect_any: Connect):
    store = SandboxStore(2, 3, awkward=False)
    mirror = connect_any(store, settings={"page_size": 5}, integration_settings__start_date="2024-01-01").completed()
    moment = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")
    shared = [store.create_order(date_created=moment, date_modified=moment) for _ in range(12)]
    back = datetime(2024, 2, 1, tzinfo=UTC) + timedelta(hours=7)
    dated_back = store.create_order(date_created=back.strftime("%a, %d %b %Y %H:%M:%S +0000"))
    too_far = store.create_order(date_created="Mon, 01 May 2023 10:00:00 +0000")
    mirror.again("orders", mode="incremental")
    assert {*shared, dated_back} <= set(mirror.ids("orders"))
    assert too_far not in mirror.ids("orders")
