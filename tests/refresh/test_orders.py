"""Orders and their lines: every column, all the ways that lines come, and what a later answer changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update

from bigcommerce_integration.errors import BadRecord
from bigcommerce_integration.models.mirror import LINE_AMOUNTS, ORDER_AMOUNTS
from bigcommerce_integration.refresh.orders import map_record
from bigcommerce_integration.refresh.page import Mapped
from bigcommerce_integration.sandbox import SandboxStore

from .conftest import NOON, Connect, Mirror, payload, record, writer

SECOND = timedelta(seconds=1)


def sale(**changes: Any) -> dict[str, Any]:
    """An order of seven pieces in five lines: shipped (two), picked up, downloaded, sent by e-mail."""
    return payload("orders", **changes)


def shipped(value: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = value["consignments"]["shipping"][0]
    return found


def mapped(value: dict[str, Any]) -> Mapped:
    return map_record(record(value))


def line_ids(order: Mapped) -> list[int]:
    return sorted(line["bigcommerce_id"] for line in order.children)


# -- mapping -------------------------------------------------------------------------------------------------------


def test_every_column_of_an_order(connect_any: Connect):
    mirror = connect_any()
    assert writer(mirror, "orders").write(sale()) == {"fetched": 1, "created": 1}
    (row,) = mirror.rows("orders")
    expected = {
        "instance_id": mirror.instance_id,
        "bigcommerce_id": 118,
        "status_id": 11,
        "is_sale": True,
        "is_deleted": False,
        "customer_id": 11,
        "channel_id": 2,
        "payment_status": "captured",
        "external_order_id": "M-118",
        "currency_code": "EUR",
        "default_currency_code": "USD",
        "store_default_currency_code": "USD",
        "store_default_to_transactional_exchange_rate": Decimal("0.9012345678"),
        "is_tax_inclusive_pricing": True,
        "items_total": 7,
        "date_created": datetime(2019, 1, 3, 19, 31, 55),
        "date_modified": datetime(2019, 1, 4, 0, 3, 17),
        "date_shipped": None,
        "observed_at": NOON,
        "deleted_at": None,
        "payload": record(sale()).text,
    }
    assert {name: row[name] for name in expected} == expected
    amounts = {name: row[name] for name in ORDER_AMOUNTS}
    assert amounts == {name: Decimal(sale()[name]) for name in ORDER_AMOUNTS}
    assert len(set(amounts.values())) == len(ORDER_AMOUNTS) == 19, "no column can stand for another"


def test_every_column_of_the_lines_of_all_consignments(connect_any: Connect):
    mirror = connect_any()
    writer(mirror, "orders").write(sale())
    names = (
        "bigcommerce_id",
        "bigcommerce_order_id",
        "bigcommerce_product_id",
        "bigcommerce_variant_id",
        "parent_order_product_id",
        "type",
        "sku",
        "quantity",
        "quantity_shipped",
        "quantity_refunded",
        "payload",
    )
    rows = mirror.rows("order_lines")
    assert [tuple(row[name] for name in names) for row in rows] == [
        (201, 118, 77, 381, None, "physical", "BOWL-S", 3, 1, 1, None),
        (202, 118, 77, 382, 201, "physical", "BOWL-L", 1, 0, 0, None),
        (203, 118, 0, 0, None, "custom", "", 1, 0, 0, None),
        (204, 118, 80, 390, None, "digital", "PDF", 1, 0, 0, None),
        (205, 118, 0, 0, None, "giftcertificate", "", 1, 0, 0, None),
    ]
    assert rows[0]["name"] == "Größe <b>L</b> 茶碗 🍵"
    sent = next(line for line in shipped(sale())["line_items"] if line["id"] == 202)
    assert {name: rows[1][name] for name in LINE_AMOUNTS} == {name: Decimal(sent[name]) for name in LINE_AMOUNTS}
    assert len({rows[1][name] for name in LINE_AMOUNTS}) == len(LINE_AMOUNTS)


def test_numbers_may_be_text_and_amounts_numbers():
    order = mapped(sale(status_id="11", customer_id="0", items_total="7", total_inc_tax=19.99, is_deleted="false"))
    assert (order.columns["status_id"], order.columns["customer_id"], order.columns["items_total"]) == (11, 0, 7)
    assert order.columns["total_inc_tax"] == Decimal("19.99")
    assert order.columns["is_deleted"] is False
    value = sale()
    shipped(value)["line_items"][0].update(id="201", quantity="3", price_ex_tax=1.1, product_id="77")
    line = next(line for line in mapped(value).children if line["bigcommerce_id"] == 201)
    assert (line["quantity"], line["price_ex_tax"], line["bigcommerce_product_id"]) == (3, Decimal("1.1"), 77)


def test_what_is_null_empty_or_absent_is_none():
    value = sale(date_modified=None, date_created="", external_order_id=None, total_tax="", items_total=None)
    for name in ("channel_id", "payment_status", "is_deleted", "subtotal_tax"):
        del value[name]
    columns = mapped(value).columns
    absent = ("date_modified", "date_created", "external_order_id", "total_tax", "items_total", "channel_id")
    assert {columns[name] for name in (*absent, "payment_status", "subtotal_tax")} == {None}
    assert columns["is_deleted"] is False
    assert not mapped(value).needs_lines, "without their number the lines are taken as they are"


@pytest.mark.parametrize(
    ("status_id", "is_deleted", "is_sale"),
    [(11, False, True), (0, False, False), (5, False, False), (6, False, False), (4, False, True), (11, True, False)],
)
def test_what_counts_as_a_sale(status_id: int, is_deleted: bool, is_sale: bool):
    columns = mapped(sale(status_id=status_id, is_deleted=is_deleted)).columns
    assert (columns["is_sale"], columns["is_deleted"]) == (is_sale, is_deleted)


@pytest.mark.parametrize("wrap", [lambda consignments: consignments, lambda consignments: [consignments]])
def test_both_shapes_of_consignments_are_read(wrap: Callable[[Any], Any]):
    order = mapped(sale(consignments=wrap(sale()["consignments"])))
    assert line_ids(order) == [201, 202, 203, 204, 205]
    assert not order.needs_lines


def test_an_order_without_lines_has_none():
    empty = {"pickups": [], "shipping": [], "downloads": [], "email": {"gift_certificates": []}}
    order = mapped(sale(consignments=empty, items_total=0))
    assert (line_ids(order), order.needs_lines) == ([], False)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"total_inc_tax": "a lot"}, "total_inc_tax"),
        ({"date_created": "yesterday"}, "date_created"),
        ({"status_id": 1.5}, "status_id"),
        ({"external_order_id": "x" * 256}, "external_order_id"),
        ({"is_deleted": 2}, "is_deleted"),
        ({"customer_id": 2**63}, "customer_id"),
    ],
)
def test_what_cannot_be_read_is_named(changes: dict[str, Any], said: str):
    with pytest.raises(BadRecord, match=said):
        mapped(sale(**changes))


def test_an_order_that_cannot_be_read_is_set_aside_and_the_rest_goes_in(connect: Connect):
    mirror = connect()
    result = writer(mirror, "orders").write(sale(total_tax="a lot"), sale(id=119))
    assert result == {"fetched": 2, "created": 1, "rejected": 1}
    (rejected,) = mirror.rows("rejected_records")
    assert (rejected["bigcommerce_id"], rejected["resource"]) == (118, "orders")
    assert "total_tax" in rejected["reason"]
    assert mirror.ids("orders") == [119]


@pytest.mark.parametrize("change", [{"quantity": "many"}, {"price_tax": "?"}])
def test_a_line_that_cannot_be_read_sets_its_order_aside(change: dict[str, Any]):
    value = sale()
    shipped(value)["line_items"][1].update(change)
    with pytest.raises(BadRecord, match=rf"lines\.{next(iter(change))}"):
        mapped(value)


def test_no_reason_names_a_person():
    value = sale(payment_status={"email": "trisha@example.com"})
    with pytest.raises(BadRecord) as caught:
        mapped(value)
    assert "trisha" not in str(caught.value)


def test_what_databases_refuse_is_replaced_in_columns_and_kept_in_the_payload(connect_any: Connect):
    mirror = connect_any()
    odd = sale(external_order_id="A\x00\udc00")
    shipped(odd)["line_items"][0]["name"] = "\ud83c NUL \x00"
    assert writer(mirror, "orders").write(odd) == {"fetched": 1, "created": 1}
    assert mirror.rows("orders")[0]["external_order_id"] == "A\ufffd\ufffd"
    assert mirror.rows("orders")[0]["payload"] == record(odd).text
    assert mirror.row("order_lines", 201)["name"] == "\ufffd NUL \ufffd"


# -- are those all lines? -----------------------------------------------------------------------------------------


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
    assert order.needs_lines is needs_lines
    assert len(order.children) == (0 if needs_lines else count)


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
def test_the_marker_of_truncated_lines_is_found_wherever_it_stands(where: str):
    assert mapped(_warned(sale(), where)).needs_lines


@pytest.mark.parametrize("items_total", [6, 8, 0])
def test_a_sum_of_quantities_other_than_the_order_s_asks_for_the_lines(items_total: int):
    assert mapped(sale(items_total=items_total)).needs_lines


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
    assert mapped(sale(consignments=consignments)).needs_lines


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
def test_all_lines_come_and_those_fetched_apart_only_once_for_one_record(connect: Connect, kind: str, requests: int):
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


def test_an_order_that_goes_before_its_lines_were_read_is_kept_and_asked_for_again(connect: Connect):
    store = SandboxStore(5, 0, awkward=False)
    order_id = store.create_order(kind="lines_60")
    mirror = connect(store)
    store.faults.add("status", r"/orders/\d+/products", status=404)
    mirror.completed("orders")
    assert mirror.ids("orders") == [order_id]
    assert mirror.ids("order_lines") == []
    mirror.again("orders")
    assert len(mirror.ids("order_lines")) == 60


def test_lines_that_cannot_be_read_set_their_order_aside(connect: Connect):
    store = SandboxStore(5, 0, awkward=False)
    bad, good = store.create_order(kind="lines_60"), store.create_order(kind="lines_51")
    line = store.order(bad).lines[55]
    line.text = json.dumps({**json.loads(line.text), "quantity": "many"})
    mirror = connect(store).completed("orders")
    assert mirror.ids("orders") == [good]
    (rejected,) = mirror.rows("rejected_records")
    assert (rejected["bigcommerce_id"], "lines.quantity" in rejected["reason"]) == (bad, True)
    assert {row["bigcommerce_order_id"] for row in mirror.rows("order_lines")} == {good}


# -- what a later answer changes ----------------------------------------------------------------------------------


def test_the_same_order_writes_nothing(connect: Connect):
    mirror = connect()
    pages = writer(mirror, "orders")
    pages.write(sale())
    before = mirror.rows("orders"), mirror.rows("order_lines")
    told: list[int] = []
    mirror.host.orders_changed = lambda session, instance, ids: told.extend(ids)
    assert pages.write(sale(), at=NOON + SECOND) == {"fetched": 1, "unchanged": 1}
    assert (mirror.rows("orders"), mirror.rows("order_lines"), told) == (*before, [])


def test_lines_are_added_changed_and_removed_and_the_others_left_alone(connect_any: Connect):
    mirror = connect_any()
    pages = writer(mirror, "orders")
    pages.write(sale())
    before = {row["bigcommerce_id"]: row for row in mirror.rows("order_lines")}
    changed = sale()
    first, second = shipped(changed)["line_items"]
    first["quantity"] = 2
    shipped(changed)["line_items"] = [first, {**second, "id": 299, "quantity": 2}]
    assert pages.write(changed, at=NOON + SECOND) == {"fetched": 1, "updated": 1}
    after = {row["bigcommerce_id"]: row for row in mirror.rows("order_lines")}
    assert sorted(after) == [201, 203, 204, 205, 299], "a line taken out of its order is the one thing deleted"
    assert (after[201]["quantity"], after[201]["id"]) == (2, before[201]["id"])
    assert {number: after[number] for number in (203, 204, 205)} == {
        number: before[number] for number in (203, 204, 205)
    }
    order = mirror.rows("orders")[0]
    numbers = [order["change_number"], after[201]["change_number"], after[299]["change_number"]]
    assert min(numbers) > max(row["change_number"] for row in before.values())
    assert len(set(numbers)) == 3


def test_an_older_answer_never_overwrites_a_newer_one_nor_its_lines(connect: Connect):
    mirror = connect()
    pages = writer(mirror, "orders")
    pages.write(sale())
    old = sale(status_id=1, items_total=0, consignments={"shipping": []})
    before = mirror.rows("orders"), mirror.rows("order_lines")
    assert pages.write(old, at=NOON - SECOND) == {"fetched": 1, "skipped": 1}
    assert (mirror.rows("orders"), mirror.rows("order_lines")) == before
    assert pages.write(old) == {"fetched": 1, "updated": 1}, "within one second the later applied wins"
    assert mirror.rows("order_lines") == []


def test_an_order_that_was_gone_comes_back(connect: Connect):
    mirror = connect()
    pages = writer(mirror, "orders")
    pages.write(sale())
    mirror.execute(update(mirror.table("orders")).values(deleted_at=NOON))
    assert pages.write(sale(), at=NOON + SECOND) == {"fetched": 1, "updated": 1}
    assert mirror.rows("orders")[0]["deleted_at"] is None


def test_archived_orders_are_mirrored_and_no_sale(connect: Connect):
    store = SandboxStore(2, 0)
    order_id = store.create_order()
    mirror = connect(store).completed("orders")
    store.archive_order(order_id)
    mirror.again("orders")
    (row,) = mirror.rows("orders")
    assert (row["is_deleted"], row["is_sale"], row["deleted_at"]) == (True, False, None)


# -- the start date -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize(
    ("zone", "midnight"),
    [
        ("America/Chicago", datetime(2024, 1, 31, 6)),
        ("Pacific/Auckland", datetime(2024, 1, 30, 11)),
    ],
)
def test_the_start_date_begins_at_midnight_in_the_store(
    connect: Connect, zone: str, midnight: datetime, inclusive: bool
):
    """Also where V2's date filter does not include its bound, which nobody knows."""
    store = SandboxStore(2, 0, timezone=zone, now=datetime(2024, 3, 1, tzinfo=UTC))
    store.switches.dates_inclusive = inclusive
    made = {}
    for seconds in (-3600, -1, 0, 1, 3600):
        moment = midnight + timedelta(seconds=seconds)
        made[seconds] = store.create_order(date_created=moment.strftime("%a, %d %b %Y %H:%M:%S +0000"))
    mirror = connect(store, integration_settings__start_date="2024-01-31").completed("orders")
    assert mirror.ids("orders") == [made[seconds] for seconds in (0, 1, 3600)]
    # A late edit of an old order does not bring it into books that already hold it.
    store.edit_order(made[-1], staff_notes="edited")
    mirror.again("orders")
    assert mirror.ids("orders") == [made[seconds] for seconds in (0, 1, 3600)]


def told_of(mirror: Mirror) -> list[int]:
    told: list[int] = []
    mirror.host.orders_changed = lambda session, instance, ids: told.extend(ids)
    return told


def test_a_sweep_tells_the_host_of_the_changed_orders_alone(connect: Connect):
    mirror = connect(SandboxStore(5, 30, awkward=False)).completed("orders")
    told = told_of(mirror)
    changed = mirror.store.order_ids[3:6]
    for order_id in changed:
        mirror.store.edit_order(order_id, staff_notes="edited")
    mirror.again("orders")
    assert told == changed
    assert (mirror.refresh("orders")["updated"], mirror.refresh("orders")["unchanged"]) == (3, 27)
