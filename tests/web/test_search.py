"""What a person types into a search box, and the counts beside a store."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert

from bigcommerce_integration.operations.lists import paging, search

from .mirrored import NOON, URL, Mirrored, connected, errors


def add_catalog(mirrored: Mirrored) -> None:
    mirrored.add(
        "products",
        {"bigcommerce_id": 1, "name": "Red Mug, large", "sku": "MUG-L"},
        {"bigcommerce_id": 2, "name": "Blue mug", "sku": "CUP_1"},
        {"bigcommerce_id": 3, "name": "100% wool / red", "sku": "W%1"},
        {"bigcommerce_id": 4, "name": "Old mug", "sku": "MUG-OLD", "deleted_at": NOON},
    )
    mirrored.add(
        "variants",
        {"bigcommerce_id": 11, "bigcommerce_product_id": 1, "sku": " MUG-L-1", "sku_key": "MUG-L-1"},
        {"bigcommerce_id": 12, "bigcommerce_product_id": 1, "sku": "X", "sku_key": "X", "host_product_id": 5},
        {"bigcommerce_id": 21, "bigcommerce_product_id": 2, "sku": "CUP_1", "sku_key": "CUP_1"},
        {"bigcommerce_id": 31, "bigcommerce_product_id": 3, "sku": "CUPA1", "sku_key": "CUPA1"},
    )


@pytest.mark.parametrize(
    ("q", "products", "variants"),
    [
        ("mug-l", [1], [11]),
        (" MUG- ", [1], [11]),
        ("MUG", [1], [11]),
        # Only where no SKU begins so.
        ("mug red", [1], [11, 12]),
        ("wool", [3], [31]),
        ("CUP_", [2], [21]),
        ("0%", [3], [31]),
        ("%", [3], [31]),
        ("d /", [3], [31]),
        ("w%", [3], []),
        ("nothing like it", [], []),
        ("  ", [1, 2, 3], [11, 12, 21, 31]),
    ],
)
def test_a_search_finds_skus_and_else_names(
    q: str, products: list[int], variants: list[int], any_mirrored: Mirrored
) -> None:
    add_catalog(any_mirrored)
    add_catalog(connected(any_mirrored.app, any_mirrored.host_app))
    assert any_mirrored.all_ids("products", q=q) == products
    assert any_mirrored.all_ids("variants", q=q) == variants


def test_a_search_goes_with_filters_and_pages(any_mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    add_catalog(any_mirrored)
    assert any_mirrored.ids("products", q="mug", deleted="true") == [4]
    assert any_mirrored.ids("variants", q="mug red", linked="true") == [12]
    assert any_mirrored.ids("variants", q="mug red", linked="false") == [11]
    monkeypatch.setattr(paging, "MOST_SCANNED", 1)
    monkeypatch.setattr(search, "SCANS", 1)
    monkeypatch.setattr(search, "MOST_FOUND", 1)
    assert any_mirrored.all_ids("products", q="mu", deleted="any", limit=1) == [1, 4]
    assert any_mirrored.all_ids("products", q="red", limit=1) == [1, 3]


def test_orders_are_found_by_number_and_other_id(any_mirrored: Mirrored) -> None:
    any_mirrored.add(
        "orders",
        {"bigcommerce_id": 100, "external_order_id": "A-1"},
        {"bigcommerce_id": 101, "external_order_id": "100", "status_id": 5},
        {"bigcommerce_id": 102, "external_order_id": "#7"},
    )
    assert any_mirrored.ids("orders", q="#101") == [101]
    assert any_mirrored.ids("orders", q=" 100 ") == [100, 101]
    assert any_mirrored.ids("orders", q="100", status_id=5) == [101]
    assert any_mirrored.ids("orders", q="A-1") == [100]
    assert any_mirrored.ids("orders", q="#7") == [102]
    nothing = any_mirrored.get("orders", q="99999999999999999999999")
    assert (nothing["data"], nothing["meta"]["next"]) == ([], None)
    assert any_mirrored.ids("orders", q="²") == []


@pytest.mark.parametrize("q", ["", "x" * 101, "a\0b"])
def test_a_search_is_short_text(q: str, mirrored: Mirrored) -> None:
    for path in ("products", "variants", "orders"):
        assert set(errors(mirrored.ask(path, query_string={"q": q}))) == {"q"}


def test_what_was_left_unlinked_is_a_filter_of_its_own(any_mirrored: Mirrored) -> None:
    any_mirrored.add(
        "variants",
        {"bigcommerce_id": 1, "link_source": "manual"},
        {"bigcommerce_id": 2},
        {"bigcommerce_id": 3, "link_source": "manual", "host_product_id": 5},
        {"bigcommerce_id": 4, "link_source": "auto", "host_product_id": 5},
    )
    assert any_mirrored.ids("variants", left="true") == [1]
    assert any_mirrored.ids("variants", left="false") == [2, 3, 4]
    assert any_mirrored.ids("variants", left="false", linked="false") == [2]


def test_a_store_is_shown_with_what_there_is_to_do(any_mirrored: Mirrored) -> None:
    any_mirrored.add(
        "variants",
        {"bigcommerce_id": 1, "link_source": "manual"},
        {"bigcommerce_id": 2},
        {"bigcommerce_id": 3, "link_conflict": "Two have it."},
        {"bigcommerce_id": 4, "link_source": "auto", "host_product_id": 5},
        {"bigcommerce_id": 5, "link_source": "manual", "host_product_id": 5},
        {"bigcommerce_id": 6, "link_conflict": "Gone.", "deleted_at": NOON},
    )
    record: dict[str, Any] = {"refresh_id": 1, "resource": "orders", "reason": "x", "is_payload_cut": False}
    any_mirrored.execute(
        insert(any_mirrored.tables.rejected_records).values(
            record | {"instance_id": any_mirrored.instance_id, "created_at": NOON}
        )
    )
    path = f"{URL}/{any_mirrored.instance_id}"
    shown = any_mirrored.client.get(f"{path}?include=counts").json["data"]
    assert shown["counts"] == {"linked": 2, "unlinked": 2, "conflicts": 1, "rejected": 1, "without_sku": 2}
    assert "counts" not in any_mirrored.client.get(path).json["data"]
    assert set(errors(any_mirrored.client.get(f"{path}?include=all"))) == {"include"}


def test_one_product_is_shown_with_its_variants(any_mirrored: Mirrored) -> None:
    add_catalog(any_mirrored)
    product = any_mirrored.get("products/1")["data"]
    assert (product["name"], [each["bigcommerce_id"] for each in product["variants"]]) == ("Red Mug, large", [11, 12])
    assert product["variants"][1]["host_product_id"] == 5
    assert any_mirrored.get("products/1", include="payload")["data"]["payload"] == "{}"
    assert any_mirrored.ask("products/99").status_code == 404
