"""Lists as CSV files: their rows and filters, what a spreadsheet may make of a cell, who may have them."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from bigcommerce_integration.operations.exports import records
from bigcommerce_integration.spreadsheets.cells import csv_text, guarded, unguarded

from .mirrored import NOON, Mirrored, errors

EXPORTS = ("products", "variants", "orders", "rejected")
HEAD = ["variant_id", "sku", "name", "reason", "suggested_sku", "host_sku", "decision"]


def exported(mirrored: Mirrored, what: str, **query: Any) -> list[dict[str, str]]:
    """The rows of the file by the names of their columns."""
    answer = mirrored.ask(f"{what}/export.csv", query_string=query)
    assert answer.status_code == 200, answer.json
    assert answer.content_length == len(answer.data)
    text = answer.data.decode()
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:], newline=""), strict=True))


def exports_of(mirrored: Mirrored) -> list[Any]:
    rows = mirrored.rows("history", instance_id=mirrored.instance_id, action="export")
    return [(row["done_by"], json.loads(row["changes"])) for row in rows]


def test_a_file_has_the_rows_and_filters_of_its_list(any_mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "ROWS_A_PAGE", 2)
    any_mirrored.add(
        "orders",
        *(
            {
                "bigcommerce_id": number,
                "status_id": 10 if number % 2 else 5,
                "total_inc_tax": Decimal("-12.5"),
                "date_created": NOON,
                "customer_id": 7,
                "currency_code": 'Käse, "1"\nmehr',
            }
            for number in range(1, 12)
        ),
    )
    rows = exported(any_mirrored, "orders", status_id=10, customer_id=7)
    assert [int(row["bigcommerce_id"]) for row in rows] == [1, 3, 5, 7, 9, 11]
    assert rows[0]["total_inc_tax"] == "-12.5000"
    assert (rows[0]["currency_code"], rows[0]["deleted_at"]) == ('Käse, "1"\nmehr', "")
    assert (rows[0]["date_created"], rows[0]["is_sale"]) == ("2026-01-31T12:00:00.000000Z", "true")
    listed = any_mirrored.get("orders", limit=1)["data"][0]
    assert set(rows[0]) == set(listed)
    assert exports_of(any_mirrored) == [("1", {"what": "orders", "rows": 6, "filters": {"status_id": 10}})]


def test_a_file_is_named_and_not_kept_by_caches(mirrored: Mirrored) -> None:
    answer = mirrored.ask("products/export.csv")
    assert answer.mimetype == "text/csv"
    disposition = answer.headers["Content-Disposition"]
    assert disposition == f"attachment; filename=bigcommerce-{mirrored.instance_id}-products.csv"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.data.decode().startswith("\ufeffbigcommerce_id,name,sku,")
    assert answer.data.endswith(b"\r\n")


def test_texts_that_look_like_formulas_are_guarded(mirrored: Mirrored) -> None:
    names = ["=1+1", "+49", "-5", "@you", "\t=1", "'=1", "plain", "＝1"]
    mirrored.add("products", *({"bigcommerce_id": at, "name": name} for at, name in enumerate(names, 1)))
    shown = [row["name"] for row in exported(mirrored, "products")]
    assert shown == ["'=1+1", "'+49", "'-5", "'@you", "'\t=1", "''=1", "plain", "'＝1"]
    assert [unguarded(each) for each in shown] == names


@given(st.text())
def test_a_guarded_text_comes_back_as_it_was(text: str) -> None:
    assert unguarded(guarded(text)) == text
    if "\r" not in text and "\n" not in text and "\0" not in text:
        assert list(csv.reader(io.StringIO(csv_text([[text, ""]]), newline=""))) == [[text, ""]]


def test_variants_come_with_what_a_person_maps_them_by(any_mirrored: Mirrored) -> None:
    any_mirrored.add("products", {"bigcommerce_id": 1, "name": "Mug"})
    any_mirrored.add_host_products("SPOON", "fork", "FORK")
    common = {"link_conflict": "It differs.", "link_conflict_code": "similar_sku_in_host"}
    any_mirrored.add(
        "variants",
        {"bigcommerce_id": 11, "sku": "spoon ", "sku_key": "spoon"} | common,
        {"bigcommerce_id": 12, "sku": "Fork", "sku_key": "Fork"} | common,
        {"bigcommerce_id": 13, "sku": "C", "sku_key": "C", "bigcommerce_product_id": 2},
        {"bigcommerce_id": 14, "sku": "D", "sku_key": "D", "host_product_id": 7, "link_source": "auto"},
    )
    rows = exported(any_mirrored, "variants", linked="false")
    assert list(rows[0])[:7] == HEAD
    assert [[row[name] for name in HEAD] for row in rows] == [
        ["11", "spoon ", "Mug", "similar_sku_in_host", "SPOON", "", ""],
        # Two of the host's come near: which is meant, a person must say.
        ["12", "Fork", "Mug", "similar_sku_in_host", "", "", ""],
        ["13", "C", "", "", "", "", ""],
    ]
    (linked,) = exported(any_mirrored, "variants", linked="true")
    assert (linked["host_product_id"], linked["link_source"]) == ("7", "auto")


def test_rejected_records_come_with_what_to_do(any_mirrored: Mirrored) -> None:
    common = {"instance_id": any_mirrored.instance_id, "refresh_id": 1, "is_payload_cut": False, "created_at": NOON}
    any_mirrored.execute(
        *(
            insert(any_mirrored.tables.rejected_records).values(
                common | {"resource": resource, "bigcommerce_id": 5, "reason": "=x", "payload": b'{"a": 1}'}
            )
            for resource in ("products", "orders")
        )
    )
    first, second = exported(any_mirrored, "rejected")
    assert (first["resource"], second["resource"]) == ("orders", "products")
    assert first["reason"] == "'=x"
    assert first["what_to_do"].startswith("If the record is wrong in the store")
    (only,) = exported(any_mirrored, "rejected", resource="products", include="payload")
    assert only["payload"] == '{"a": 1}'


@pytest.mark.parametrize(
    ("path", "needed"),
    [
        ("products/export.csv", {"export", "read"}),
        ("variants/export.csv", {"export", "read"}),
        ("orders/export.csv", {"export", "read_orders"}),
        ("orders/export.csv?include=payload", {"export", "read_orders", "read_person_data"}),
        ("rejected/export.csv", {"export", "read", "read_orders"}),
        ("rejected/export.csv?include=payload", {"export", "read", "read_orders", "read_person_data"}),
    ],
)
def test_a_file_needs_its_lists_permissions_and_its_own(
    path: str, needed: set[str], mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch
) -> None:
    permitted = mirrored.refused_without(needed, path, monkeypatch)
    assert exports_of(mirrored) == []
    permitted.update(needed)
    assert mirrored.ask(path).status_code == 200


@pytest.mark.parametrize("what", EXPORTS)
def test_a_file_takes_no_page(what: str, mirrored: Mirrored) -> None:
    page = {"limit": "1"} if what != "rejected" else {"per_page": "1"}
    assert set(errors(mirrored.ask(f"{what}/export.csv", query_string=page))) == set(page)


def test_an_error_is_no_short_file(mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "ROWS_A_PAGE", 1)
    mirrored.add("products", *({"bigcommerce_id": number, "notes": "[]"} for number in (1, 2)))
    mirrored.add("products", {"bigcommerce_id": 3, "notes": "no JSON"})
    mirrored.app.config["PROPAGATE_EXCEPTIONS"] = False
    answer = mirrored.ask("products/export.csv")
    assert (answer.status_code, answer.mimetype) == (500, "text/html")
    assert exports_of(mirrored) == []
