"""A page in its transaction: what is read of an answer, what the database refuses, what the host says to it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from bigcommerce_integration.client.api import Reply
from bigcommerce_integration.client.pages import Page
from bigcommerce_integration.client.records import Record
from bigcommerce_integration.models.dialect import conditions
from bigcommerce_integration.refresh.lifecycle.claim import Outcome
from bigcommerce_integration.refresh.write import bulk, rows
from bigcommerce_integration.refresh.write.page import Counts, map_page
from bigcommerce_integration.resources.mapping import content_hash
from bigcommerce_integration.resources.registry import REGISTRY
from bigcommerce_integration.sandbox import SandboxStore

from .conftest import NOON, Connect, Hasty, Mirror, payload, record, writer

MAPPER = REGISTRY.mappers["products"]

UNREADABLE: list[Any] = [{"id": "?"}]
"""Variants whose ids cannot be read, so that their product is rejected."""

# -- an answer as a page ------------------------------------------------------------------------------------------


def page_of(*records: Record) -> Any:
    return map_page(Reply(Page(list(records), is_last=False), NOON, None, 0.0, 0.0), MAPPER.map_record)


def bowl(number: int, **changes: Any) -> Record:
    return record(payload("products", 0, id=number, **changes))


def test_of_a_record_that_comes_twice_the_last_wins():
    page = page_of(bowl(5, name="first"), bowl(5, name="last"), bowl(6))
    assert [(each.id, each.columns["name"]) for each in page.records] == [
        (5, "last"),
        (6, page.records[1].columns["name"]),
    ]
    page = page_of(bowl(5), bowl(5, variants=UNREADABLE))
    assert (page.records, [each.id for each in page.rejected]) == ([], [5])


def test_record_without_an_id_or_of_another_type_is_rejected():
    page = page_of(bowl(5), Record('{"id":"x"}', {"id": "x"}, None), Record("[7]", [7], 7))
    assert [each.id for each in page.records] == [5]
    assert [(each.id, each.text) for each in page.rejected] == [(None, '{"id":"x"}'), (7, "[7]")]
    assert (page.first_id, page.last_id, page.count) == (5, 7, 3)


def test_mapping_error_rejects_the_record_without_its_text(monkeypatch: pytest.MonkeyPatch):
    def fail(one: Record) -> Any:
        raise RuntimeError("with a secret")

    page = map_page(Reply(Page([bowl(5)], is_last=True), NOON, None, 0.0, 0.0), fail)
    assert [each.reason for each in page.rejected] == ["It cannot be read: RuntimeError."]


def test_what_lies_above_a_range_is_left_to_the_next_one():
    page = page_of(bowl(5), bowl(6, variants=UNREADABLE), bowl(7), bowl(8, price="?"))
    cut = page.up_to(6)
    assert ([each.id for each in cut.records], [each.id for each in cut.rejected]) == ([5], [6])
    assert page.up_to(8) is page.up_to(None) is page


def test_the_halves_of_a_page_have_its_records_once():
    page = page_of(bowl(5), bowl(6), bowl(7), bowl(8, variants=UNREADABLE))
    lower, upper = page.halves()
    assert [each.id for each in lower.records] == [5]
    assert [each.id for each in upper.records] == [6, 7]
    assert len(lower.rejected) + len(upper.rejected) == 1
    assert not lower.is_last


def test_content_hashes_differ_where_the_contents_do():
    parts: list[tuple[object, ...]] = [("a",), ("b",), ("a", "b"), ("ab",), (1,), (None,), (True,), ("\ud83c",), ()]
    assert len({content_hash(*each) for each in parts}) == len(parts)
    assert content_hash("a") == content_hash("a")
    assert len(content_hash()) == 32


def test_counts_are_added_by_name():
    assert (Counts({"a": 1, "b": 2}) + Counts({"b": 3, "c": 4})).values == {"a": 1, "b": 5, "c": 4}


# -- what the database refuses -------------------------------------------------------------------------------------


@pytest.mark.parametrize("places", [(7,), (0, 3, 4, 11)])
def test_record_the_database_refuses_is_bisected_and_rejected(connect_any: Connect, places: tuple[int, ...]):
    """A unique index that we know nothing of stands for any value that a database does not want."""
    mirror = connect_any(SandboxStore(12, 0, awkward=False))
    index = "CREATE UNIQUE INDEX one_sku ON bigcommerce_products (sku)"
    bad = [mirror.store.product_ids[place] for place in places]
    mirror.execute(text(index))
    taken = payload("products", 0, id=1, variants=[], sku="TAKEN")
    for product_id in bad:
        mirror.store.edit_product(product_id, sku="TAKEN")
    writer(mirror, "products").write(taken)
    mirror.execute(text("UPDATE bigcommerce_leases SET owner = NULL"))
    told: list[int] = []
    mirror.host.products_changed = lambda session, instance, ids: told.extend(ids)
    mirror.completed("products")
    good = [each for each in mirror.store.product_ids if each not in bad]
    assert mirror.ids("products") == [1, *good]
    refused = mirror.rows("rejected_records")
    assert [row["bigcommerce_id"] for row in refused] == bad
    assert {row["reason"] for row in refused} == {
        "The database refused the row: " + refused[0]["reason"].split(": ")[1]
    }
    assert [row["payload"].decode() for row in refused] == [dict(mirror.store.product_records())[each] for each in bad]
    refresh = mirror.refresh("products")
    assert (refresh["fetched"], refresh["created"], refresh["rejected"]) == (13, len(good) + 1, len(bad))
    assert mirror.server.requests.count <= 5, "the page is not fetched again"


def test_too_long_name_costs_no_other_row(connect_any: Connect):
    mirror = connect_any()
    store = mirror.store
    for _ in range(3):
        store.create_product(variants=1)
    store.edit_product(store.product_ids[1], name="ß" * 40_000)
    mirror.completed("products")
    refresh = mirror.refresh("products")
    assert refresh["created"] + refresh["rejected"] == 3
    assert {store.product_ids[0], store.product_ids[2]} <= set(mirror.ids("products"))
    assert refresh["rejected"] == len(mirror.rows("rejected_records"))


# -- many rows, few statements ------------------------------------------------------------------------------------


@pytest.mark.ci
def test_large_pages_are_written_in_several_statements(connect: Connect, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bulk, "ROWS_A_STATEMENT", 7)
    monkeypatch.setattr(conditions, "VALUES_A_STATEMENT", 5)
    monkeypatch.setattr(rows, "SPARSEST", 0)
    mirror = connect(SandboxStore(40, 40)).completed()
    mirror.assert_mirrors_the_store()
    mirror.again("products", "orders")
    assert mirror.refresh("products")["unchanged"] == mirror.refresh("orders")["unchanged"] == 40


@pytest.mark.parametrize(("payload_bytes", "statements"), [(3_000_000, 3), (10, 1)])
def test_statements_are_bounded_in_bytes(payload_bytes: int, statements: int):
    batches = list(bulk.batches(["x" * payload_bytes] * 3, lambda payload: payload))
    assert len(batches) == statements
    assert sum(map(len, batches)) == 3


def test_statements_of_a_page_do_not_grow_with_its_records(connect: Connect):
    counts = []
    mirror = connect()
    with mirror.app.app_context():
        engine = mirror.host_app.db.engine
    executed: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: executed.append(args[2]))
    pages = writer(mirror, "products")
    for begin, end in ((100, 110), (200, 400)):
        executed.clear()
        pages.write(*(bowl(number, variants=[{"id": number, "sku": f"S-{number}"}]) for number in range(begin, end)))
        counts.append(len(executed))
    assert counts[0] == counts[1] <= 20


# -- what the host says to it -------------------------------------------------------------------------------------


def refusing(mirror: Mirror, times: int) -> list[list[int]]:
    """The host raises so often when told of orders; what it was told and did not refuse."""
    mirror.engine.stopping.__class__ = Hasty
    told: list[list[int]] = []
    left = [times]

    def changed(session: Session, instance: Any, ids: list[int]) -> None:
        assert instance.id == mirror.instance_id
        if left[0]:
            left[0] -= 1
            raise RuntimeError("the ledger is closed\nSELECT secrets")
        told.append(list(ids))

    mirror.host.orders_changed = changed
    return told


def test_a_host_that_raises_twice_gets_every_order_exactly_once(connect_any: Connect):
    mirror = connect_any(SandboxStore(0, 25, awkward=False), settings={"page_size": 10, "concurrency": 1})
    told = refusing(mirror, 2)
    mirror.completed("orders")
    assert [each for ids in told for each in ids] == mirror.store.order_ids == mirror.ids("orders")
    refresh = mirror.refresh("orders")
    assert (refresh["created"], refresh["fetched"], refresh["requests"]) == (25, 25, mirror.server.requests.count)
    assert refresh["requests"] <= 7, "nothing is fetched again"


def test_host_that_always_raises_fails_the_refresh_with_its_text(connect_any: Connect):
    mirror = connect_any(SandboxStore(0, 25, awkward=False))
    told = refusing(mirror, 10**6)
    assert mirror.advance("orders") is Outcome.ENDED
    refresh = mirror.refresh("orders")
    assert refresh["status"] == "failed"
    assert refresh["message"] == "The host's orders_changed refused: RuntimeError: the ledger is closed"
    assert (mirror.ids("orders"), mirror.ids("order_lines"), told) == ([], [], [])
    assert mirror.instance()["status"] == "active"


def test_host_is_called_in_the_transaction_that_wrote_the_rows(connect_any: Connect):
    mirror = connect_any(SandboxStore(0, 5, awkward=False))
    orders, products_ = mirror.table("orders"), mirror.host_app.Product.__table__
    seen: list[int] = []

    def changed(session: Session, instance: Any, ids: list[int]) -> None:
        seen.extend(session.execute(orders.select().with_only_columns(orders.c.bigcommerce_id)).scalars())
        session.execute(products_.insert().values(sku="of the host's own"))

    mirror.host.orders_changed = changed
    mirror.completed("orders")
    assert sorted(seen) == mirror.store.order_ids
    assert list(mirror.host_products().values()) == ["of the host's own"]


def test_what_the_host_wrote_goes_with_the_page_that_it_refuses(connect: Connect):
    mirror = connect(SandboxStore(0, 5, awkward=False))
    mirror.engine.stopping.__class__ = Hasty
    table = mirror.host_app.Product.__table__

    def changed(session: Session, instance: Any, ids: list[int]) -> None:
        session.execute(table.insert().values(sku="half done"))
        raise ValueError("no")

    mirror.host.orders_changed = changed
    mirror.run("orders")
    assert mirror.refresh("orders")["status"] == "failed"
    assert mirror.host_products() == {}


def test_reader_after_a_change_number_sees_every_later_change(connect: Connect):
    """The host asks what changed after the highest number it knows: each page's are above all committed before."""
    mirror = connect(SandboxStore(30, 0, awkward=False), settings={"page_size": 5, "concurrency": 3})
    highest, pages = 0, []
    table = mirror.table("products")

    def changed(session: Session, instance: Any, ids: list[int]) -> None:
        found = session.execute(table.select().where(table.c.bigcommerce_id.in_(ids)))
        pages.append([row.change_number for row in found])

    mirror.host.products_changed = changed
    mirror.completed("products")
    for numbers in pages:
        assert min(numbers) > highest
        highest = max(numbers)
    assert sum(map(len, pages)) == 30
    assert mirror.rows("leases", resource="products")[0]["change_number"] >= highest
