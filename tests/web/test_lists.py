"""Lists of products, variants and orders: cursors, filters, changes."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, event, update

from bigcommerce_integration.operations.lists import paging

from ..host_app import HostApp
from .mirrored import NOON, Mirrored, connected, errors

LISTS = ("products", "variants", "orders")


@pytest.fixture
def few_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search looks at three rows and no more."""
    monkeypatch.setattr(paging, "MOST_SCANNED", 3)


@pytest.mark.parametrize("name", LISTS)
def test_pages_follow_one_another_by_id(name: str, any_mirrored: Mirrored) -> None:
    any_mirrored.add(name, *({"bigcommerce_id": each} for each in (7, 3, 11, 5, 9)))
    page = any_mirrored.get(name, limit=2)
    assert ([row["bigcommerce_id"] for row in page["data"]], page["meta"]) == ([3, 5], {"next": "5"})
    assert any_mirrored.all_ids(name, limit=2) == [3, 5, 7, 9, 11]
    assert any_mirrored.ids(name, after=7) == [9, 11]
    assert any_mirrored.get(name, limit=5)["meta"] == {"next": None}


@pytest.mark.parametrize("name", LISTS)
def test_rows_arriving_between_pages_double_and_hide_nothing(name: str, mirrored: Mirrored) -> None:
    mirrored.add(name, *({"bigcommerce_id": each} for each in (10, 20, 30)))
    first = mirrored.get(name, limit=2)
    mirrored.add(name, {"bigcommerce_id": 5}, {"bigcommerce_id": 25})
    mirrored.execute(delete(mirrored.table(name)).where(mirrored.table(name).c.bigcommerce_id == 20))
    assert mirrored.ids(name, after=first["meta"]["next"]) == [25, 30]


@pytest.mark.parametrize("name", LISTS)
def test_deleted_rows_are_left_out_unless_asked_for(name: str, any_mirrored: Mirrored) -> None:
    any_mirrored.add(name, {"bigcommerce_id": 1}, {"bigcommerce_id": 2, "deleted_at": NOON})
    assert any_mirrored.ids(name) == any_mirrored.ids(name, deleted="false") == [1]
    assert any_mirrored.ids(name, deleted="true") == [2]
    assert any_mirrored.ids(name, deleted="any") == [1, 2]


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.usefixtures("few_looks")
def test_where_few_rows_pass_pages_are_short_but_miss_none(name: str, any_mirrored: Mirrored) -> None:
    gone = {each for each in range(1, 40) if each not in (1, 9, 10, 11, 12, 30)}
    any_mirrored.add(
        name, *({"bigcommerce_id": each, "deleted_at": NOON if each in gone else None} for each in range(1, 40))
    )
    assert any_mirrored.all_ids(name, limit=2) == [1, 9, 10, 11, 12, 30]
    assert any_mirrored.all_ids(name, limit=2, deleted="true") == sorted(gone)
    # Two rows of the first page and three more were looked at.
    assert any_mirrored.get(name, limit=2)["meta"] == {"next": "5"}


@pytest.mark.usefixtures("few_looks")
@pytest.mark.parametrize(("column", "name"), [("date_modified", "modified"), ("date_created", "created")])
def test_a_span_of_time_is_listed_by_time_then_id(column: str, name: str, any_mirrored: Mirrored) -> None:
    # Ids fall as times rise, many share one time, one has none.
    any_mirrored.add(
        "orders",
        *(
            {
                "bigcommerce_id": 100 - number,
                column: NOON + timedelta(microseconds=number // 4),
                "status_id": number % 5,
                "is_sale": number % 7 == 0,
            }
            for number in range(40)
        ),
        {"bigcommerce_id": 500},
    )
    begin, end = NOON + timedelta(microseconds=2), NOON + timedelta(microseconds=8)
    inside = sorted(range(8, 32), key=lambda number: (number // 4, 100 - number))
    span = {f"{name}_from": f"{begin.isoformat()}Z", f"{name}_until": f"{end.isoformat()}Z"}
    assert any_mirrored.all_ids("orders", limit=3, **span) == [100 - number for number in inside]
    some = [100 - number for number in inside if number % 5 == 1]
    assert any_mirrored.all_ids("orders", limit=2, status_id=1, **span) == some
    rare = [100 - number for number in inside if number % 7 == 0]
    assert any_mirrored.all_ids("orders", limit=2, is_sale="true", **span) == rare
    assert 500 not in any_mirrored.all_ids("orders", limit=100, **{f"{name}_until": "2999-12-31T00:00:00Z"})


def test_orders_are_filtered(any_mirrored: Mirrored) -> None:
    any_mirrored.add(
        "orders",
        {"bigcommerce_id": 1, "status_id": 10, "customer_id": 5, "date_created": NOON, "date_modified": NOON},
        {"bigcommerce_id": 2, "status_id": 11, "customer_id": 5, "is_sale": False, "date_created": NOON},
        {"bigcommerce_id": 3, "status_id": 11, "customer_id": 6, "is_deleted": True},
        {"bigcommerce_id": 4, "status_id": 11, "customer_id": 5, "deleted_at": NOON},
    )
    for query, expected in (
        ({"status_id": 11}, [2, 3]),
        ({"status_id": 11, "deleted": "any"}, [2, 3, 4]),
        ({"customer_id": 5}, [1, 2]),
        ({"customer_id": 5, "status_id": 10}, [1]),
        ({"customer_id": 5, "created_from": "2026-01-31T12:00:00Z", "modified_until": "2026-01-31T12:00:01Z"}, [1]),
        ({"created_from": "2026-01-31T12:00:00Z", "modified_from": "2026-01-31T12:00:00Z"}, [1]),
        ({"created_until": "2026-01-31T12:00:00Z"}, []),
        ({"is_sale": "false"}, [2]),
        ({"archived": "true"}, [3]),
        ({"archived": "false"}, [1, 2]),
        ({"status_id": 99}, []),
    ):
        assert any_mirrored.ids("orders", **query) == expected, query


def test_products_are_filtered(any_mirrored: Mirrored) -> None:
    any_mirrored.add(
        "products",
        {"bigcommerce_id": 1, "sku": "Mug", "is_visible": True, "date_modified": NOON},
        {"bigcommerce_id": 2, "sku": "MUG", "is_visible": False, "date_modified": NOON + timedelta(days=1)},
        {"bigcommerce_id": 3, "sku": "Mug ", "is_visible": True},
        {"bigcommerce_id": 4, "sku": "Müg", "is_visible": True},
    )
    for query, expected in (
        ({"sku": "Mug"}, [1]),
        ({"sku": "Mug "}, [3]),
        ({"sku": "Müg"}, [4]),
        ({"sku": "MUG", "is_visible": "true"}, []),
        ({"is_visible": "false"}, [2]),
        ({"modified_from": "2026-01-31T12:00:00Z"}, [1, 2]),
        ({"modified_from": "2026-01-31T12:00:00.000001Z"}, [2]),
        ({"modified_until": "2026-02-01T12:00:00Z", "is_visible": "true"}, [1]),
        ({"sku": "Mug", "modified_until": "2026-01-31T12:00:00Z"}, []),
    ):
        assert any_mirrored.ids("products", **query) == expected, query


@pytest.mark.usefixtures("few_looks")
def test_variants_are_filtered(any_mirrored: Mirrored) -> None:
    blank: dict[str, Any] = {"bigcommerce_product_id": 1}
    any_mirrored.add(
        "variants",
        blank | {"bigcommerce_id": 1, "sku": " A ", "sku_key": "A", "host_product_id": 7, "link_source": "auto"},
        blank | {"bigcommerce_id": 2, "sku": "a", "sku_key": "a", "link_conflict": "Two have it."},
        blank | {"bigcommerce_id": 3, "sku": "B", "sku_key": "B"},
        *({"bigcommerce_id": each, "bigcommerce_product_id": 2} for each in range(4, 20)),
        blank | {"bigcommerce_id": 20, "sku": "Ä", "sku_key": "Ä", "link_conflict": "Blank."},
    )
    unlinked = list(range(2, 21))
    for query, expected in (
        ({"sku": "A"}, [1]),
        ({"sku": " A"}, [1]),
        ({"sku": "a"}, [2]),
        ({"sku": "a", "linked": "true"}, []),
        ({"product": 1}, [1, 2, 3, 20]),
        ({"product": 1, "linked": "false"}, [2, 3, 20]),
        ({"linked": "true"}, [1]),
        ({"linked": "false"}, unlinked),
        ({"conflict": "true"}, [2, 20]),
        ({"conflict": "true", "linked": "true"}, []),
        ({"conflict": "false", "linked": "false"}, [3, *range(4, 20)]),
        ({"conflict": "false"}, [1, 3, *range(4, 20)]),
    ):
        assert any_mirrored.all_ids("variants", limit=2, **query) == expected, query
    assert any_mirrored.get("variants", sku="a")["data"][0]["link_conflict"] == "Two have it."


@pytest.mark.parametrize("name", LISTS)
def test_changes_come_by_change_number_with_deleted_rows(name: str, any_mirrored: Mirrored) -> None:
    any_mirrored.add(name, {"bigcommerce_id": 9}, {"bigcommerce_id": 3, "deleted_at": NOON}, {"bigcommerce_id": 5})
    page = any_mirrored.get(name, changed_after=0, limit=2)
    assert [row["bigcommerce_id"] for row in page["data"]] == [9, 3]
    assert page["meta"] == {"next_changed_after": 2, "is_last": False}
    table = any_mirrored.table(name)
    any_mirrored.execute(update(table).where(table.c.bigcommerce_id == 9).values(change_number=4))
    page = any_mirrored.get(name, changed_after=2)
    assert [row["bigcommerce_id"] for row in page["data"]] == [5, 9]
    assert page["meta"] == {"next_changed_after": 4, "is_last": True}
    assert any_mirrored.get(name, changed_after=4) == {"data": [], "meta": {"next_changed_after": 4, "is_last": True}}


@pytest.mark.parametrize("name", LISTS)
def test_rows_of_another_instance_are_never_among_them(name: str, any_mirrored: Mirrored) -> None:
    other = connected(any_mirrored.app, any_mirrored.host_app)
    other.add(name, {"bigcommerce_id": 1}, {"bigcommerce_id": 2})
    any_mirrored.add(name, {"bigcommerce_id": 2})
    assert any_mirrored.ids(name) == any_mirrored.ids(name, deleted="any") == [2]
    assert any_mirrored.ids(name, changed_after=0) == [2]
    assert other.ids(name, after=1) == [2]


@pytest.mark.parametrize(
    ("path", "query", "bad"),
    [
        ("products", {"limit": "101", "after": "x", "sku": "", "colour": "red"}, {"limit", "after", "sku", "colour"}),
        ("products", {"include": "lines"}, {"include"}),
        ("variants", {"include": "payload"}, {"include"}),
        ("variants", {"linked": "1", "conflict": "yes", "product": "x"}, {"linked", "conflict", "product"}),
        ("orders", {"status_id": "a", "is_sale": "TRUE", "modified_from": "2026-01-01"},
         {"status_id", "is_sale", "modified_from"}),
        ("orders", {"after": "1_2"}, {"after"}),
        ("orders", {"after": "5", "created_from": "2026-01-01T00:00:00Z"}, {"after"}),
        ("orders", {"after": f"{2**63 - 1}_1", "created_from": "2026-01-01T00:00:00Z"}, {"after"}),
        ("orders", {"after": "1_2_3"}, {"after"}),
        ("orders", {"after": "_"}, {"after"}),
        ("orders", {"changed_after": "-1"}, {"changed_after"}),
        ("orders", {"changed_after": "1", "status_id": "10"}, {"changed_after"}),
        ("products", {"changed_after": "1", "after": "10"}, {"changed_after"}),
        ("products", {"changed_after": "1", "deleted": "any"}, {"changed_after"}),
    ],
)  # fmt: skip
def test_bad_parameters_are_named_all_at_once(
    path: str, query: dict[str, str], bad: set[str], mirrored: Mirrored
) -> None:
    assert set(errors(mirrored.ask(path, query_string=query))) == bad


def test_the_largest_numbers_are_taken(any_mirrored: Mirrored) -> None:
    largest = 2**63 - 1
    for query in ({"after": largest}, {"changed_after": largest}, {"status_id": largest}, {"customer_id": -largest}):
        assert any_mirrored.ids("orders", **query) == []


def test_rows_are_plain_json(any_mirrored: Mirrored) -> None:
    payload = '{"id": 1, "name": "\\u0000 \\ud800 日本"}'
    any_mirrored.add(
        "products",
        {
            "bigcommerce_id": 1,
            "name": "Mug",
            "sku": "M",
            "type": "physical",
            "price": Decimal("12.5"),
            "is_visible": True,
            "date_created": datetime(2026, 1, 2, 3, 4, 5),
            "payload": payload,
        },
    )
    any_mirrored.add("variants", {"bigcommerce_id": 2, "price": Decimal("0"), "inventory_level": -3})
    (product,) = any_mirrored.get("products", include="payload")["data"]
    assert product == {
        "bigcommerce_id": 1,
        "name": "Mug",
        "sku": "M",
        "type": "physical",
        "price": "12.5000",
        "is_visible": True,
        "is_only_referenced": False,
        "date_created": "2026-01-02T03:04:05.000000Z",
        "date_modified": None,
        "notes": None,
        "observed_at": "2026-01-31T12:00:00.000000Z",
        "change_number": 1,
        "deleted_at": None,
        "payload": payload,
    }
    assert "payload" not in any_mirrored.get("products")["data"][0]
    (variant,) = any_mirrored.get("variants")["data"]
    assert variant == {
        "bigcommerce_id": 2,
        "bigcommerce_product_id": 1,
        "sku": None,
        "price": "0.0000",
        "inventory_level": -3,
        "host_product_id": None,
        "link_source": None,
        "link_conflict": None,
        "link_conflict_code": None,
        "notes": None,
        "observed_at": "2026-01-31T12:00:00.000000Z",
        "change_number": 2,
        "deleted_at": None,
    }


def test_an_app_without_the_instance_knows_no_lists(mirrored: Mirrored) -> None:
    for name in LISTS:
        assert mirrored.client.get(f"/api/big-commerce/99/{name}").status_code == 404


def test_many_pages_need_one_query_each_where_most_rows_pass(mirrored: Mirrored, app: Flask, host_app: HostApp) -> None:
    mirrored.add("orders", *({"bigcommerce_id": each} for each in range(1, 8)))
    asked: list[str] = []
    with app.app_context():
        engine = host_app.db.engine
    event.listen(engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    assert mirrored.ids("orders", limit=3, after=2) == [3, 4, 5]
    assert len([each for each in asked if "bigcommerce_orders" in each]) == 1
