"""What is gone from the store is found, made sure of, and marked: all of it or nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from bigcommerce_integration.refresh.lifecycle.claim import Outcome
from bigcommerce_integration.refresh.read import candidates as missing
from bigcommerce_integration.refresh.read import confirmation
from bigcommerce_integration.sandbox import SandboxStore

from .conftest import Connect, Mirror


def marked(mirror: Mirror, table: str) -> list[int]:
    return [row["bigcommerce_id"] for row in mirror.rows(table) if row["deleted_at"] is not None]


@pytest.mark.ci
@pytest.mark.parametrize("page_size", [7, 250])
def test_ten_deleted_products_are_marked_and_no_other(connect_any: Connect, page_size: int) -> None:
    store = SandboxStore(100, 0)
    mirror = connect_any(store, settings={"page_size": page_size}).completed("products")
    # Neighbours, the first and the last: both ends of pages and ranges.
    ids = store.product_ids
    gone = [ids[0], *ids[10:17], *ids[-2:]]
    variants = [variant.id for each in gone for variant in store.products[each].variants]
    told: list[int] = []
    mirror.host.products_changed = lambda session, instance, ids: told.extend(ids)
    for each in gone:
        store.delete_product(each)
    before = {row["bigcommerce_id"]: row["change_number"] for row in mirror.rows("products")}
    mirror.again("products")
    assert marked(mirror, "products") == sorted(gone)
    assert marked(mirror, "variants") == sorted(variants)
    assert mirror.refresh("products")["deleted"] == 10
    assert sorted(told) == sorted(gone)
    after = {row["bigcommerce_id"]: row["change_number"] for row in mirror.rows("products")}
    assert {each for each in after if after[each] != before[each]} == set(gone), "the rest was not written"
    assert min(after[each] for each in gone) > max(before.values())
    assert mirror.rows("missing_records") == []
    told.clear()
    mirror.again("products")
    assert (mirror.refresh("products")["deleted"], told) == (0, []), "they are gone once"


def test_what_comes_back_is_unmarked(connect: Connect) -> None:
    store = SandboxStore(5, 0, awkward=False)
    mirror = connect(store).completed("products")
    gone, payload = store.product_ids[2], mirror.row("products", store.product_ids[2])["payload"]
    product = store.products[gone]
    store.delete_product(gone)
    mirror.again("products")
    assert marked(mirror, "products") == [gone]
    store.put_product(product)
    mirror.again("products")
    assert marked(mirror, "products") == marked(mirror, "variants") == []
    assert mirror.row("products", gone)["payload"] == payload


def test_an_empty_catalogue_marks_none(connect_any: Connect) -> None:
    store = SandboxStore(3, 0, awkward=False)
    mirror = connect_any(store).completed("products")
    for each in list(store.product_ids):
        store.delete_product(each)
    mirror.start("products").run("products")
    refresh = mirror.refresh("products")
    assert refresh["status"] == "failed"
    assert "no products at all, and 3 are stored" in refresh["message"]
    assert "allow_mass_delete" in refresh["message"]
    assert marked(mirror, "products") == []
    mirror.again("products", allow_mass_delete=True)
    assert len(marked(mirror, "products")) == 3
    mirror.again("products")
    assert mirror.refresh("products")["deleted"] == 0, "nothing stored is live, so nothing is odd"


def test_more_than_the_share_marks_none(connect_any: Connect) -> None:
    store = SandboxStore(100, 0, awkward=False)
    mirror = connect_any(store).completed("products")
    for each in store.product_ids[:21]:
        store.delete_product(each)
    mirror.start("products").run("products")
    refresh = mirror.refresh("products")
    assert refresh["status"] == "failed"
    assert "21 of 100 stored products are gone" in refresh["message"]
    assert marked(mirror, "products") == marked(mirror, "variants") == []
    assert refresh["deleted"] == 0
    assert mirror.instance()["status"] == "active"
    mirror.again("products", allow_mass_delete=True)
    assert len(marked(mirror, "products")) == 21


@pytest.mark.parametrize(("deleted", "share"), [(20, 0.0), (21, 0.21)])
def test_a_few_or_a_small_share_may_always_go(connect: Connect, deleted: int, share: float) -> None:
    store = SandboxStore(100, 0, awkward=False)
    mirror = connect(store, settings={"max_deleted_share": share}).completed("products")
    for each in store.product_ids[50 : 50 + deleted]:
        store.delete_product(each)
    mirror.again("products")
    assert len(marked(mirror, "products")) == deleted


def test_a_list_that_leaves_products_out_marks_none_of_them(connect: Connect) -> None:
    store = SandboxStore(30, 0, awkward=False)
    mirror = connect(store, settings={"page_size": 10}).completed("products")
    hidden = {each: store.products[each] for each in store.product_ids[8:13]}
    back = False

    # The walk does not see them; asked for by name they are there, and changed.
    def came_back(*_: Any) -> None:
        nonlocal back
        if not back:
            for product in hidden.values():
                store.put_product(product)
            back = True

    for each in hidden:
        store.delete_product(each)
    unconfirmed = missing.unconfirmed

    def then(*args: Any, **kwargs: Any) -> list[int]:
        came_back()
        return unconfirmed(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(confirmation, "unconfirmed", then)
        mirror.again("products")
    assert back
    assert marked(mirror, "products") == []
    assert mirror.rows("missing_records") == []
    mirror.again("products").assert_mirrors_the_store()


def test_a_row_that_was_seen_since_is_not_marked(connect: Connect) -> None:
    store = SandboxStore(10, 0, awkward=False)
    mirror = connect(store).completed("products")
    gone = store.product_ids[4]
    store.delete_product(gone)
    products = mirror.table("products")
    # As if this refresh itself wrote the row, of a later answer; not so late that only a wrong clock could say so.
    later = datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=50)
    is_gone = products.c.bigcommerce_id == gone
    mirror.execute(products.update().where(is_gone).values(observed_at=later, change_number=1_000_000))
    mirror.again("products")
    assert marked(mirror, "products") == []


def test_orders_that_lists_hide_are_read_singly(connect_any: Connect) -> None:
    store = SandboxStore(0, 40, awkward=False)
    mirror = connect_any(store).completed("orders")
    archived, deleted = store.order_ids[3], store.order_ids[4]
    store.archive_order(archived)
    store.delete_order(deleted)
    store.switches.list_archived = False
    told: list[int] = []
    mirror.host.orders_changed = lambda session, instance, ids: told.extend(ids)
    mirror.server.requests.clear()
    mirror.again("orders")
    assert mirror.row("orders", archived)["is_deleted"]
    assert not mirror.row("orders", archived)["is_sale"]
    assert marked(mirror, "orders") == [deleted]
    assert sorted(told) == [archived, deleted]
    assert len(mirror.asked(r"/orders/\d+\?")) == 2
    mirror.again("orders", mode="date_range", date_from=date(2010, 1, 1), date_to=date(2099, 1, 1))
    assert marked(mirror, "orders") == [deleted]
    store.delete_order(archived)
    mirror.again("orders", mode="date_range", date_from=date(2010, 1, 1), date_to=date(2099, 1, 1))
    assert marked(mirror, "orders") == [archived, deleted], "also what was archived first"


def test_range_of_days_finds_deletions_of_those_days(connect_any: Connect) -> None:
    store = SandboxStore(0, 0, awkward=False)
    days = [
        store.create_order(lines=1, date_created=f"{name}, {day} Mar 2026 12:00:00 +0000")
        for name, day in (("Thu", "05"), ("Fri", "06"), ("Sat", "07"))
    ]
    mirror = connect_any(store).completed("orders")
    for each in days:
        store.delete_order(each)
    mirror.again("orders", mode="date_range", date_from=date(2026, 3, 6), date_to=date(2026, 3, 6))
    assert marked(mirror, "orders") == [days[1]]


def test_orders_of_before_the_start_date_are_not_missed(connect: Connect) -> None:
    store = SandboxStore(0, 10, awkward=False)
    mirror = connect(store).completed("orders")
    instances = mirror.table("instances")
    mirror.execute(instances.update().values(start_date=date(2099, 1, 1)))
    mirror.again("orders")
    assert marked(mirror, "orders") == []


def test_incremental_and_days_refreshes_mark_nothing_deleted(connect: Connect) -> None:
    store = SandboxStore(10, 10, awkward=False)
    mirror = connect(store).completed()
    store.delete_product(store.product_ids[0])
    store.delete_order(store.order_ids[0])
    mirror.again("products", "orders", mode="incremental")
    mirror.again("products", mode="date_range", date_from=date(2010, 1, 1), date_to=date(2099, 1, 1))
    assert marked(mirror, "products") == marked(mirror, "orders") == []


def test_only_so_many_orders_are_read_singly_in_one_refresh(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bigcommerce_integration.refresh.run.phases.MOST_SINGLY", 3)
    store = SandboxStore(0, 40, awkward=False)
    mirror = connect(store).completed("orders")
    store.switches.list_archived = False
    store.archive_order(store.order_ids[0])
    mirror.again("orders")
    gone = store.order_ids[5:10]
    for each in gone:
        store.delete_order(each)
    mirror.again("orders")
    assert marked(mirror, "orders") == gone[:3], "those known as archived come last"
    mirror.again("orders")
    assert marked(mirror, "orders") == gone


def test_stopped_anywhere_it_marks_the_same(connect: Connect) -> None:
    """Each slice does one thing, as if a worker were killed after it."""
    store = SandboxStore(60, 0, awkward=False)
    mirror = connect(store, settings={"page_size": 10, "concurrency": 1}).completed("products")
    gone = store.product_ids[5:15]
    for each in gone:
        store.delete_product(each)
    mirror.with_settings(slice_s=0.0).start("products")
    slices = 0
    while (outcome := mirror.advance("products")) is not Outcome.ENDED:
        assert outcome is Outcome.CONTINUE
        slices += 1
    assert slices >= 6
    assert marked(mirror, "products") == gone


def test_a_host_that_refuses_marks_none_and_then_all(connect: Connect) -> None:
    store = SandboxStore(20, 0, awkward=False)
    mirror = connect(store).completed("products")
    gone = store.product_ids[5:8]
    for each in gone:
        store.delete_product(each)
    tries: list[list[int]] = []

    def refuse(session: Any, instance: Any, ids: list[int]) -> None:
        tries.append(list(ids))
        if len(tries) < 3:
            assert marked(mirror, "products") == [], "not committed yet"
            raise RuntimeError("not now")

    mirror.host.products_changed = refuse
    mirror.again("products")
    assert tries == [gone] * 3
    assert marked(mirror, "products") == gone


def test_nothing_is_written_where_nothing_changed(connect: Connect) -> None:
    mirror = connect(SandboxStore(60, 60, awkward=False)).completed()
    written: list[str] = []
    with mirror.app.app_context():
        engine = mirror.host_app.db.engine

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(("UPDATE", "DELETE", "INSERT")) and "bigcommerce_missing" not in statement:
            written.append(statement.split(" SET", maxsplit=1)[0].split("(", maxsplit=1)[0])

    event.listen(engine, "before_cursor_execute", note)
    try:
        mirror.again("products", "orders")
    finally:
        event.remove(engine, "before_cursor_execute", note)
    mirrored = {"products", "variants", "orders", "order_lines"}
    assert not [each for each in written if any(f"bigcommerce_{name}" in each for name in mirrored)]
