"""Refunds over HTTP: the list with the filters of its indexed fields, one with what is within it, the file, why not."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from .mirrored import NOON, Mirrored, errors

SECRET = '{"reason": "For Ms Ostrova"}'


@pytest.fixture
def mirrored(any_mirrored: Mirrored) -> Mirrored:
    """Three refunds of two orders, one of which is here."""
    any_mirrored.add("orders", {"bigcommerce_id": 218, "default_currency_code": "USD"})
    any_mirrored.add(
        "refunds",
        *(
            {
                "bigcommerce_id": refund_id,
                "bigcommerce_order_id": order_id,
                "date_created": NOON + timedelta(days=refund_id),
                "total_amount": Decimal(refund_id),
                "total_tax": Decimal("-0.5"),
                "payload": SECRET,
            }
            for refund_id, order_id in ((1, 218), (2, 100), (3, 218))
        ),
        {"bigcommerce_id": 4, "bigcommerce_order_id": 218, "deleted_at": NOON},
    )
    any_mirrored.add(
        "refund_items",
        {"item_type": "PRODUCT", "item_id": 11, "quantity": 2, "requested_amount": None},
        {"position": 2, "item_type": "SHIPPING", "item_id": 7, "requested_amount": Decimal("10")},
        {"position": 3, "item_type": "ORDER", "item_id": 218, "deleted_at": NOON},
    )
    any_mirrored.add("refund_payments", {"provider_id": "storecredit", "amount": Decimal("1"), "is_declined": True})
    return any_mirrored


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, [1, 2, 3]),
        ({"bigcommerce_order_id": 218}, [1, 3]),
        ({"bigcommerce_order_id": 218, "deleted": "any"}, [1, 3, 4]),
        ({"created_from": "2026-02-02T12:00:00Z"}, [2, 3]),
        ({"created_from": "2026-02-01T12:00:00Z", "created_until": "2026-02-02T12:00:00Z"}, [1]),
        ({"bigcommerce_order_id": 218, "created_from": "2026-02-02T00:00:00Z"}, [3]),
    ],
)
def test_a_list_is_filtered_by_its_indexed_fields(mirrored: Mirrored, query: dict[str, Any], expected: list[int]):
    assert mirrored.ids("refunds", **query) == expected
    assert mirrored.all_ids("refunds", **query, limit=1) == expected


def test_bad_filters_are_named(mirrored: Mirrored):
    answer = mirrored.ask("refunds?bigcommerce_order_id=x&created_from=now&date_created=1&q=a")
    assert set(errors(answer)) == {"bigcommerce_order_id", "created_from", "date_created", "q"}


def test_one_has_its_items_and_payments_by_position(mirrored: Mirrored):
    found = mirrored.get("refunds/1")["data"]
    assert (found["total_amount"], found["total_tax"]) == ("1.0000", "-0.5000")
    assert [(each["position"], each["item_type"], each["requested_amount"]) for each in found["items"]] == [
        (1, "PRODUCT", None),
        (2, "SHIPPING", "10.0000"),
    ]
    (payment,) = found["payments"]
    assert (payment["provider_id"], payment["amount"], payment["is_declined"]) == ("storecredit", "1.0000", True)
    assert mirrored.ask("refunds/99").status_code == 404


def test_the_text_of_a_refund_needs_a_permission_of_its_own(mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch):
    assert mirrored.get("refunds/1", include="payload")["data"]["payload"] == SECRET
    assert "Ostrova" not in mirrored.ask("refunds").text
    mirrored.refused_without({"read_orders", "read_person_data"}, "refunds?include=payload", monkeypatch)
    mirrored.refused_without({"read_orders"}, "refunds/1", monkeypatch)


def test_the_file_has_the_filters_of_the_list(mirrored: Mirrored):
    answer = mirrored.ask("refunds/export.csv?bigcommerce_order_id=218")
    assert answer.status_code == 200
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert [(row["bigcommerce_id"], row["total_amount"]) for row in rows] == [("1", "1.0000"), ("3", "3.0000")]
    (noted,) = [each for each in mirrored.rows("history") if each["action"] == "export"]
    assert '"what": "refunds"' in noted["changes"]


def codes(mirrored: Mirrored, **query: Any) -> list[str]:
    return [each["code"] for each in mirrored.get("explain", **query)["data"]["reasons"]]


def test_explain_says_what_is_special_about_a_stored_refund(mirrored: Mirrored):
    assert codes(mirrored, refund=1) == ["here", "declined"]
    assert codes(mirrored, refund=2) == ["here", "order_not_here"]
    assert codes(mirrored, refund=4) == ["here", "gone"]


def test_explain_says_why_a_refund_is_not_here(mirrored: Mirrored):
    assert codes(mirrored, refund=99)[0] == "never_seen"
    mirrored.execute(
        mirrored.tables.rejected_records.insert().values(
            instance_id=mirrored.instance_id,
            refresh_id=1,
            resource="refunds",
            bigcommerce_id=98,
            reason="total_amount is not a number",
            reason_code="unreadable_field",
            is_payload_cut=False,
            created_at=datetime(2026, 1, 1),
        )
    )
    assert codes(mirrored, refund=98)[0] == "rejected"
    (shown,) = mirrored.get("rejected", resource="refunds")["data"]
    assert shown["bigcommerce_id"] == 98


def test_a_refresh_waits_until_they_have_begun(mirrored: Mirrored):
    answer = mirrored.ask("refunds/refresh", method="POST")
    assert answer.status_code == 409
    assert "have not begun yet" in answer.json["message"]
