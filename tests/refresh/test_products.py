"""Products and variants: every column from what BigCommerce sends, and what a later answer changes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text, update

from bigcommerce_integration.errors import BadRecord
from bigcommerce_integration.resources.columns import TEXT_LENGTH
from bigcommerce_integration.resources.registry import REGISTRY
from bigcommerce_integration.sandbox import SandboxStore

from .conftest import NOON, Connect, Mirror, payload, record, writer

SECOND = timedelta(seconds=1)


def bowl(**changes: Any) -> dict[str, Any]:
    return payload("products", 0, **changes)


def columns(value: dict[str, Any]) -> dict[str, Any]:
    return dict(REGISTRY.mappers["products"].map_record(record(value)).columns)


def variant(**changes: Any) -> dict[str, Any]:
    """The columns of the bowl's first variant, so changed."""
    value = bowl()
    value["variants"] = [{**value["variants"][0], **changes}]
    (child,) = REGISTRY.mappers["products"].map_record(record(value)).of("variants")
    return dict(child)


# -- mapping -------------------------------------------------------------------------------------------------------


def test_every_column_of_a_product_and_its_variants(connect_any: Connect):
    mirror = connect_any()
    assert writer(mirror, "products").write(bowl(), payload("products", 1)) == {"fetched": 2, "created": 2}
    product, gift_card = mirror.rows("products")
    assert {name: product[name] for name in ("instance_id", "bigcommerce_id", "name", "sku", "type")} == {
        "instance_id": mirror.instance_id,
        "bigcommerce_id": 77,
        "name": "Größe <b>L</b> 茶碗 🍵",
        "sku": "BOWL",
        "type": "physical",
    }
    assert (product["price"], product["is_visible"]) == (Decimal("24.9900"), True)
    assert product["date_created"] == datetime(2018, 8, 15, 14, 49, 5)
    assert product["date_modified"] == datetime(2024, 3, 1, 5, 30), "in UTC, whatever the offset"
    assert product["payload"] == record(bowl()).text
    assert (product["observed_at"], product["deleted_at"], product["is_only_referenced"]) == (NOON, None, False)
    assert (gift_card["type"], gift_card["sku"], gift_card["price"]) == ("digital", "", Decimal(0))
    assert gift_card["is_visible"] is False
    names = ("bigcommerce_id", "bigcommerce_product_id", "sku", "sku_key", "price", "inventory_level")
    assert [tuple(row[name] for name in names) for row in mirror.rows("variants")] == [
        (381, 77, " BOWL-S ", "BOWL-S", None, 28),
        (382, 77, "BOWL-L", "BOWL-L", Decimal("30.0049"), 0),
        (390, 80, "", None, Decimal(0), 0),
    ]


def test_numbers_may_be_text_and_text_may_be_a_number():
    found = columns(bowl(price="24.99", sku=4711, name=12, is_visible="1"))
    assert (found["price"], found["sku"], found["name"]) == (Decimal("24.99"), "4711", "12")
    assert found["is_visible"] is True
    assert variant(id="381", inventory_level="28", price="1e1", sku=7)["price"] == Decimal(10)
    assert variant(id="381", inventory_level="28", sku=7)["inventory_level"] == 28
    assert variant(sku=7)["sku_key"] == "7"


def test_what_is_null_empty_or_absent_is_none():
    value = bowl(price=None, date_created="", date_modified=None, sku=None)
    for name in ("name", "type", "is_visible"):
        del value[name]
    assert columns(value) == dict.fromkeys(
        ("notes", "name", "sku", "type", "price", "is_visible", "date_created", "date_modified")
    )
    assert variant(sku=None, price="", inventory_level=None)["price"] is None
    assert variant(sku=None)["sku_key"] is None
    assert variant(inventory_level="")["inventory_level"] is None


@pytest.mark.parametrize("shown", [[], None, {"data": []}])
def test_product_without_variants_in_its_answer_maps_none(shown: Any):
    assert REGISTRY.mappers["products"].map_record(record(bowl(variants=shown))).of("variants") == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"variants": ["x"]}, "not an object"),
        ({"variants": [{"sku": "A"}]}, "no id"),
        ({"variants": [{"id": "A"}]}, "variants.id"),
    ],
)
def test_what_cannot_be_read_is_named(changes: dict[str, Any], said: str):
    with pytest.raises(BadRecord, match=said):
        REGISTRY.mappers["products"].map_record(record(bowl(**changes)))


@pytest.mark.parametrize(
    ("field", "value", "column"),
    [
        ("price", "12 EUR", None),
        ("price", "NaN", None),
        ("price", 10**17, None),
        ("sku", "x" * 256, "x" * 255),
        ("name", ["a"], None),
        ("name", "é" * 20_000, "é" * TEXT_LENGTH),
        ("date_modified", "2024-01-31", None),
        ("date_created", "0001-01-01T00:00:00+14:00", None),
        ("is_visible", "perhaps", None),
    ],
)
def test_an_unreadable_field_is_noted(connect_any: Connect, field: str, value: object, column: object):
    mirror = connect_any()
    odd = bowl(**{field: value})
    assert writer(mirror, "products").write(odd) == {"fetched": 1, "created": 1, "notes": 1}
    (row,) = mirror.rows("products")
    assert (row[field], row["payload"]) == (column, record(odd).text)
    assert [each["field"] for each in json.loads(row["notes"])] == [field]
    assert {each["notes"] for each in mirror.rows("variants")} == {None}


@pytest.mark.parametrize(
    ("field", "value", "column"),
    [
        ("price", "free", None),
        ("inventory_level", 2.5, None),
        ("inventory_level", 2**63, None),
        ("sku", {"a": 1}, None),
        ("sku", "S" * 300, "S" * 255),
    ],
)
def test_an_unreadable_field_of_a_variant_is_noted(connect_any: Connect, field: str, value: object, column: object):
    mirror = connect_any(integration_settings__auto_link_products=True)
    odd = bowl()
    odd["variants"][0][field] = value
    pages = writer(mirror, "products")
    assert pages.write(odd)["notes"] == 1
    row = mirror.row("variants", 381)
    assert row[field] == column
    assert [each["field"] for each in json.loads(row["notes"])] == [field]
    assert mirror.rows("products")[0]["notes"] is None
    assert "notes" not in pages.write(bowl(), at=NOON + SECOND)
    assert mirror.row("variants", 381)["notes"] is None


def test_no_link_is_made_by_a_part_of_a_sku(connect: Connect):
    mirror = connect(integration_settings__auto_link_products=True)
    mirror.add_host_product("S" * 255)
    odd = bowl()
    odd["variants"][0]["sku"] = "S" * 256
    writer(mirror, "products").write(odd)
    row = mirror.row("variants", 381)
    assert (row["sku_key"], row["host_product_id"]) == (None, None)
    assert "too long" in row["link_conflict"]


def test_unreadable_product_is_rejected_and_the_rest_is_written(connect_any: Connect):
    mirror = connect_any()
    bad = record(bowl(variants=["x"]))
    assert writer(mirror, "products").write(payload("products", 1), bad) == {
        "fetched": 2,
        "created": 1,
        "rejected": 1,
    }
    (rejected,) = mirror.rows("rejected_records")
    assert "not an object" in rejected["reason"]
    assert (rejected["bigcommerce_id"], rejected["resource"]) == (77, "products")
    assert rejected["payload"].decode() == bad.text
    assert rejected["refresh_id"] == mirror.refreshes["products"]
    assert mirror.ids("products") == [80]
    assert mirror.refresh("products")["rejected"] == 1


def test_text_databases_refuse_is_replaced_but_kept_in_payload(connect_any: Connect):
    mirror = connect_any()
    odd = bowl(name="NUL \x00 and half \ud83c a pair", sku="\x00")
    odd["variants"][0]["sku"] = "A\x00B"
    assert writer(mirror, "products").write(odd) == {"fetched": 1, "created": 1}
    (row,) = mirror.rows("products")
    assert (row["name"], row["sku"]) == ("NUL \ufffd and half \ufffd a pair", "\ufffd")
    assert row["payload"] == record(odd).text
    assert "\\u0000 and half \\ud83c" in row["payload"]
    assert mirror.row("variants", 381)["sku"] == "A\ufffdB"


# -- what a later answer changes ----------------------------------------------------------------------------------


def test_the_same_record_writes_nothing(connect_any: Connect):
    mirror = connect_any()
    pages = writer(mirror, "products")
    pages.write(bowl(), payload("products", 1))
    before = mirror.rows("products"), mirror.rows("variants"), mirror.rows("leases", resource="products")
    told: list[int] = []
    mirror.host.products_changed = lambda session, instance, ids: told.extend(ids)
    assert pages.write(bowl(), payload("products", 1), at=NOON + SECOND) == {"fetched": 2, "unchanged": 2}
    after = mirror.rows("products"), mirror.rows("variants"), mirror.rows("leases", resource="products")
    assert before[:2] == after[:2]
    assert before[2][0]["change_number"] == after[2][0]["change_number"]
    assert told == []


def test_changed_product_updates_its_row_and_changed_variants(connect: Connect):
    mirror = connect()
    pages = writer(mirror, "products")
    pages.write(bowl())
    before = {row["bigcommerce_id"]: row for row in mirror.rows("variants")}
    changed = bowl(name="Bowl")
    changed["variants"][1]["inventory_level"] = 5
    assert pages.write(changed, at=NOON + SECOND) == {"fetched": 1, "updated": 1}
    (row,) = mirror.rows("products")
    assert (row["name"], row["observed_at"]) == ("Bowl", NOON + SECOND)
    assert mirror.row("variants", 381) == before[381]
    assert mirror.row("variants", 382)["inventory_level"] == 5
    assert mirror.row("variants", 382)["change_number"] > before[382]["change_number"]


def test_an_older_answer_never_overwrites_a_newer_one(connect: Connect):
    mirror = connect()
    pages = writer(mirror, "products")
    pages.write(bowl(name="new"))
    before = mirror.rows("products")
    assert pages.write(bowl(name="old"), at=NOON - SECOND) == {"fetched": 1, "skipped": 1}
    assert mirror.rows("products") == before


def test_of_two_answers_within_a_second_the_later_applied_wins(connect: Connect):
    mirror = connect()
    pages = writer(mirror, "products")
    pages.write(bowl(name="first"))
    assert pages.write(bowl(name="second")) == {"fetched": 1, "updated": 1}
    assert mirror.rows("products")[0]["name"] == "second"


def test_deleted_product_comes_back(connect: Connect):
    mirror = connect()
    pages = writer(mirror, "products")
    pages.write(bowl())
    for name in ("products", "variants"):
        mirror.execute(update(mirror.table(name)).values(deleted_at=NOON))
    assert pages.write(bowl(), at=NOON + SECOND) == {"fetched": 1, "updated": 1}
    assert {row["deleted_at"] for name in ("products", "variants") for row in mirror.rows(name)} == {None}


def test_variant_missing_from_product_is_deleted_and_may_return(connect: Connect):
    mirror = connect()
    pages = writer(mirror, "products")
    pages.write(bowl())
    pages.write(bowl(variants=bowl()["variants"][:1]), at=NOON + SECOND)
    assert (mirror.row("variants", 381)["deleted_at"], mirror.row("variants", 382)["deleted_at"]) == (
        None,
        NOON + SECOND,
    )
    pages.write(bowl(), at=NOON + 2 * SECOND)
    assert mirror.row("variants", 382)["deleted_at"] is None


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_variant_that_moves_to_another_product_keeps_its_row(connect: Connect, order: tuple[int, int]):
    """Whichever of the two products comes first, in one page or in two."""
    mirror = connect()
    pages = writer(mirror, "products")
    pages.write(bowl(), payload("products", 1))
    row_id = mirror.row("variants", 382)["id"]
    moved = {**bowl()["variants"][1], "product_id": 80}
    answers = [
        bowl(variants=bowl()["variants"][:1]),
        payload("products", 1, variants=[*payload("products", 1)["variants"], moved]),
    ]
    for number in order:
        pages.write(answers[number], at=NOON + SECOND)
    row = mirror.row("variants", 382)
    assert (row["id"], row["bigcommerce_product_id"], row["deleted_at"]) == (row_id, 80, None)


def test_change_numbers_rise_with_every_row_written(connect: Connect):
    mirror = connect()
    pages = writer(mirror, "products")
    highest = 0
    for number in range(3):
        pages.write(bowl(name=str(number)), payload("products", 1, name=str(number)), at=NOON + number * SECOND)
        rows = [row["change_number"] for row in mirror.rows("products")]
        assert min(rows) > highest
        assert len(set(rows)) == len(rows)
        highest = mirror.rows("leases", resource="products")[0]["change_number"]
        assert highest >= max(rows)
    every = [row["change_number"] for name in ("products", "variants") for row in mirror.rows(name)]
    assert len(set(every)) == len(every)


# -- which products are read --------------------------------------------------------------------------------------

OLD, NEW = "2023-05-01T10:00:00+00:00", "2024-05-01T10:00:00+00:00"


def old_and_new(connect: Connect) -> Mirror:
    """Product 1 is old, 2 is new, 3 is old and in an order, 4 is gone and in an order."""
    store = SandboxStore(0, 0, timezone="America/Chicago", now=datetime(2024, 6, 1, tzinfo=UTC))
    for product_id, date in ((1, OLD), (2, NEW), (3, OLD), (4, OLD)):
        store.create_product(id=product_id, variants=1, date_created=date, date_modified=date)
    for product_id in (3, 4):
        order_id = store.create_order(lines=1)
        (line,) = store.order_lines(order_id)
        store.edit_line(order_id, line["id"], product_id=product_id)
    store.delete_product(4)
    return connect(store, integration_settings__start_date="2024-01-01")


def is_only_referenced(mirror: Mirror) -> dict[int, bool]:
    return {row["bigcommerce_id"]: row["is_only_referenced"] for row in mirror.rows("products")}


@pytest.mark.parametrize("first", ["products", "orders"])
def test_products_of_old_orders_are_fetched_by_the_later_refresh(connect_any: Connect, first: str):
    mirror = old_and_new(connect_any)
    later = {"products": "orders", "orders": "products"}[first]
    mirror.completed(first)
    assert not mirror.asked("id%3Ain")
    mirror.completed(later)
    assert is_only_referenced(mirror) == {2: False, 3: True}
    assert len(mirror.asked("id%3Ain=3,4&")) == 1
    assert [row["bigcommerce_id"] for row in mirror.rows("absent_products")] == [4]
    assert (mirror.refresh(later)["referenced"], mirror.refresh(first)["referenced"]) == (1, 0)
    assert {row["bigcommerce_product_id"] for row in mirror.rows("variants")} == {2, 3}
    # What was asked for once is not asked for again.
    mirror.again("orders", "products")
    assert len(mirror.asked("id%3Ain")) == 1
    assert {lease["owner"] for lease in mirror.rows("leases")} == {None}


def test_refused_referenced_product_is_rejected_once(connect_any: Connect):
    """A unique index that we know nothing of stands for any value that a database does not want."""
    mirror = old_and_new(connect_any)
    mirror.execute(text("CREATE UNIQUE INDEX one_sku ON bigcommerce_products (sku)"))
    for product_id, date in ((2, NEW), (3, OLD)):
        mirror.store.edit_product(product_id, sku="TWICE", date_modified=date)
    mirror.completed("products", "orders")
    assert set(is_only_referenced(mirror)) == {2}
    assert [row["bigcommerce_id"] for row in mirror.rows("rejected_records")] == [3]
    assert sorted(row["bigcommerce_id"] for row in mirror.rows("absent_products")) == [3, 4]
    assert mirror.refresh("orders")["referenced"] == 0


def test_sweep_reads_all_and_inserts_only_new_or_referenced(connect: Connect):
    mirror = old_and_new(connect).completed()
    mirror.store.edit_product(1, name="Still old", date_modified=OLD)
    mirror.again("products")
    assert is_only_referenced(mirror) == {2: False, 3: True}
    assert mirror.refresh("products")["skipped"] == 1
    mirror.store.edit_product(1, name="Edited")
    mirror.store.edit_product(3, name="Edited as well")
    mirror.again("products")
    assert is_only_referenced(mirror) == {1: False, 2: False, 3: False}


def test_orders_refresh_waits_while_products_are_written(connect: Connect):
    mirror = old_and_new(connect).completed("products")
    mirror.start("products", "full")
    mirror.completed("orders")
    assert not mirror.asked("id%3Ain"), "it is for the refresh of products that is open now"
    mirror.completed("products")
    assert is_only_referenced(mirror) == {2: False, 3: True}
