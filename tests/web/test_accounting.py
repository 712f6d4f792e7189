"""Accounting documents, batches and figures over HTTP."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from bigcommerce_integration.accounting.document import REASONS, Line
from bigcommerce_integration.operations.accounting.reasons import AccountingReason

from .accounted import add_batch, add_documents, document, goods
from .mirrored import Mirrored, errors

POSTED = {
    "number": 1,
    "kind": "sales_order_invoice",
    "status": "posted",
    "reasons": [],
    "date": "2026-03-02",
    "currency_code": "USD",
    "bigcommerce_order_id": 218,
    "bigcommerce_refund_id": None,
    "return_reference": None,
    "adjusts_number": None,
    "payment_reference": None,
    "customer_id": 11,
    "external_order_id": "",
    "store_default_currency_code": "USD",
    "store_default_to_transactional_exchange_rate": "1.0000000000",
    "total": "69.8400",
    "batch_number": None,
    "host_reference": "J-1",
    "posted_at": "2026-01-31T12:00:00.000000Z",
    "message": None,
    "change_number": 1,
}


def numbers(mirrored: Mirrored, **query: Any) -> list[int]:
    return [row["number"] for row in mirrored.get("accounting-documents", **query)["data"]]


def test_a_document_is_answered_as_the_handbook_shows(any_mirrored: Mirrored) -> None:
    add_documents(any_mirrored, [document()])
    assert any_mirrored.get("accounting-documents")["data"] == [POSTED]
    shown = any_mirrored.get("accounting-documents/1")["data"]
    lines, memo_lines = shown.pop("lines"), shown.pop("memo_lines")
    assert shown == POSTED
    assert memo_lines == []
    assert lines[1] == {
        "role": "sales",
        "side": "credit",
        "amount": "53.4400",
        "nominal_code_id": 11,
        "tax_amount": "4.4000",
        "bigcommerce_order_line_id": 11,
        "host_product_id": 900,
        "quantity": 4,
        "detail": None,
        "cost_source": None,
        "derivation": "discounted_total_inc_tax - total_tax",
    }
    assert [line["detail"] for line in lines] == ["Manual", None, None, None]


def test_the_version_is_that_of_what_is_judged(mirrored: Mirrored) -> None:
    add_documents(mirrored, [document(status="held", reasons=("total_mismatch",)), document(status="held")])
    first, second = (mirrored.ask(f"accounting-documents/{number}").headers["ETag"] for number in (1, 2))
    assert first != second
    mirrored.execute(mirrored.tables.accounting_documents.update().values(message="Another sentence."))
    assert mirrored.ask("accounting-documents/1").headers["ETag"] == first


def test_documents_are_found_by_each_filter(any_mirrored: Mirrored) -> None:
    add_documents(any_mirrored, [document(), document(status="held", reasons=("tax_mismatch",), order_id=219)])
    add_documents(any_mirrored, [goods(status="pending")], batch_number=add_batch(any_mirrored, 1))
    add_batch(any_mirrored, 2, batch_period="2026-04")
    assert numbers(any_mirrored) == [1, 2, 3]
    assert numbers(any_mirrored, kind="sales_order_fulfillment") == [3]
    assert numbers(any_mirrored, status="held") == [2]
    assert numbers(any_mirrored, batch_period="2026-03") == [3]
    assert numbers(any_mirrored, batch_period="2026-04") == []
    assert numbers(any_mirrored, bigcommerce_order_id=218) == [1, 3]
    assert numbers(any_mirrored, bigcommerce_order_id=218, status="pending", batch_period="2026-03") == [3]
    assert numbers(any_mirrored, status="pending", kind="sales_credit") == []


@pytest.mark.parametrize("filters", [{}, {"status": "posted"}, {"bigcommerce_order_id": 218}])
def test_pages_go_through_all_documents(any_mirrored: Mirrored, filters: dict[str, Any]) -> None:
    add_documents(any_mirrored, [document() for _ in range(5)])
    found, query = [], {"limit": 2, **filters}
    while True:
        page = any_mirrored.get("accounting-documents", **query)
        found += [row["number"] for row in page["data"]]
        if page["meta"]["next"] is None:
            break
        query["after"] = page["meta"]["next"]
    assert found == [1, 2, 3, 4, 5]


def test_changes_are_listed_by_change_number(mirrored: Mirrored) -> None:
    add_documents(mirrored, [document(), document()])
    table = mirrored.tables.accounting_documents
    mirrored.execute(table.update().where(table.c.number == 1).values(change_number=3))
    page = mirrored.get("accounting-documents", changed_after=0)
    assert [row["number"] for row in page["data"]] == [2, 1]
    assert page["meta"] == {"next_changed_after": 3, "is_last": True}
    assert "changed_after" in errors(mirrored.ask("accounting-documents?changed_after=0&status=held"))


def test_a_cost_that_is_missing_is_null(mirrored: Mirrored) -> None:
    lines = (Line("cogs", "debit", None, cost_source="missing"), Line("inventory", "credit", None))
    add_documents(mirrored, [goods(status="waiting", reasons=("cost_missing",), lines=lines, total=None)])
    shown = mirrored.get("accounting-documents/1")["data"]
    assert (shown["total"], shown["lines"][0]["amount"], shown["lines"][0]["cost_source"]) == (None, None, "missing")
    (awaiting,) = mirrored.get("accounting-summary")["data"]["awaiting"]
    assert awaiting["total"] is None


def test_a_document_of_another_instance_is_not_found(mirrored: Mirrored) -> None:
    assert mirrored.ask("accounting-documents/1").status_code == 404
    assert mirrored.ask("accounting-batches/1").status_code == 404


def test_documents_need_their_permission(mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    add_documents(mirrored, [document()])
    for path in ("accounting-documents", "accounting-documents/1", "accounting-batches", "accounting-summary"):
        permitted = mirrored.refused_without({"read_accounting"}, path, monkeypatch)
        permitted.add("read_accounting")
        assert mirrored.ask(path).status_code == 200
    for path in ("accounting-documents/export.csv", "accounting-summary/export.csv"):
        mirrored.refused_without({"read_accounting", "export"}, path, monkeypatch)


def test_batches_are_listed_newest_first(any_mirrored: Mirrored) -> None:
    add_batch(any_mirrored, 1, status="posted", host_reference="J-9", batch_period="2026-02")
    add_batch(any_mirrored, 2)
    page = any_mirrored.get("accounting-batches")
    assert [row["number"] for row in page["data"]] == [2, 1]
    assert page["data"][0]["lines"] == []
    assert any_mirrored.get("accounting-batches/1")["data"] == {
        "number": 1,
        "kind": "sales_order_fulfillment",
        "period_type": "monthly",
        "batch_period": "2026-02",
        "date": "2026-03-31",
        "currency_code": "USD",
        "status": "posted",
        "document_count": 2,
        "late_count": 0,
        "host_reference": "J-9",
        "posted_at": None,
        "message": None,
        "lines": [
            {"role": "cogs", "side": "debit", "amount": "40.0000", "nominal_code_id": 12},
            {"role": "inventory", "side": "credit", "amount": "40.0000", "nominal_code_id": None},
        ],
    }
    assert [row["number"] for row in any_mirrored.get("accounting-batches", status="open")["data"]] == [2]
    assert [row["number"] for row in any_mirrored.get("accounting-batches", batch_period="2026-02")["data"]] == [1]


def test_the_summary_counts_by_kind_and_why(any_mirrored: Mirrored) -> None:
    held = document(status="held", reasons=("total_mismatch", "tax_mismatch"))
    add_documents(any_mirrored, [document(), held, held, document(status="disabled", reasons=("flag_off",))])
    add_documents(any_mirrored, [goods(status="pending", date=date(2026, 3, 1)), goods(status="pending")])
    add_documents(any_mirrored, [goods(status="pending")], batch_number=add_batch(any_mirrored, 1))
    summary = any_mirrored.get("accounting-summary")["data"]
    assert summary["is_complete"] is None
    found = [
        (each["kind"], each["status"], each["reasons"], each["is_batched"], each["count"], each["total"])
        for each in summary["awaiting"]
    ]
    assert found == [
        ("sales_order_invoice", "held", ["total_mismatch", "tax_mismatch"], False, 2, "139.6800"),
        ("sales_order_invoice", "disabled", ["flag_off"], False, 1, "69.8400"),
        ("sales_order_fulfillment", "pending", [], False, 2, "40.0000"),
        ("sales_order_fulfillment", "pending", [], True, 1, "20.0000"),
    ]
    assert summary["awaiting"][2]["since"] == "2026-03-01"
    assert summary["awaiting"][0]["sentence"].startswith("The parts of the order do not add up to its total.")


def add_order(mirrored: Mirrored, number: int, total: str, **columns: Any) -> None:
    row = {"bigcommerce_id": number, "total_inc_tax": Decimal(total), "default_currency_code": "USD"}
    mirrored.add("orders", row | columns)


def test_a_month_ties_out_by_currency(any_mirrored: Mirrored) -> None:
    add_order(any_mirrored, 1, "69.84")
    add_order(any_mirrored, 2, "80.00")
    add_order(any_mirrored, 3, "30.00")
    add_order(any_mirrored, 4, "50.00", is_sale=False)
    add_order(any_mirrored, 5, "7.00")
    add_documents(any_mirrored, [document(order_id=1)])
    # Edited in April: the difference belongs to the order of March.
    add_documents(any_mirrored, [document(order_id=2)])
    april = date(2026, 4, 5)
    change = document(order_id=2, status="pending", total=Decimal("10.16"), date=april, adjusts_number=2)
    add_documents(any_mirrored, [change, document(order_id=3, status="held", currency_code="EUR", total=Decimal(30))])
    # Cancelled: its reversal is held.
    add_documents(any_mirrored, [document(order_id=4, total=Decimal(50))])
    gone = document(
        order_id=4, status="held", reasons=("cancelled_without_refund",), total=Decimal(-50), adjusts_number=5
    )
    add_documents(any_mirrored, [gone, document(order_id=5, date=april, total=Decimal(7))])
    # Goods and credits do not count.
    add_documents(any_mirrored, [goods(order_id=1), document(order_id=1, kind="sales_credit")])
    march = any_mirrored.get("accounting-tie-out", month="2026-03")["data"]
    assert march["month"] == "2026-03"
    none = dict.fromkeys(("pending", "waiting", "held", "disabled", "posted", "failed", "difference"), "0.0000")
    assert march["currencies"] == [
        {
            "currency_code": "EUR",
            "order_count": 1,
            "total": "30.0000",
            **none,
            "held": "30.0000",
            "differing_orders": [],
        },
        {
            "currency_code": "USD",
            "order_count": 3,
            "total": "149.8400",
            **none,
            "posted": "189.6800",
            "pending": "10.1600",
            "held": "-50.0000",
            "differing_orders": [],
        },
    ]
    (usd,) = any_mirrored.get("accounting-tie-out", month="2026-04")["data"]["currencies"]
    assert (usd["order_count"], usd["total"], usd["posted"], usd["difference"]) == (1, "7.0000", "7.0000", "0.0000")


def test_an_order_that_does_not_tie_out_is_named(any_mirrored: Mirrored) -> None:
    add_order(any_mirrored, 1, "69.84")
    add_order(any_mirrored, 2, "75.00")
    add_documents(any_mirrored, [document(order_id=1), document(order_id=2)])
    (usd,) = any_mirrored.get("accounting-tie-out", month="2026-03")["data"]["currencies"]
    assert usd["difference"] == "5.1600"
    assert usd["differing_orders"] == [{"bigcommerce_order_id": 2, "total": "75.0000", "invoiced": "69.8400"}]


def test_a_month_must_be_one(mirrored: Mirrored) -> None:
    for month in ("2026-13", "march", "2026-3", "202603"):
        assert errors(mirrored.ask(f"accounting-tie-out?month={month}")) == {
            "month": ["Must be a month such as 2026-03."]
        }
    assert "month" in errors(mirrored.ask("accounting-tie-out"))


def rows_of(answer: Any) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.json
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))


def test_the_detail_has_a_row_for_each_line(mirrored: Mirrored) -> None:
    add_documents(mirrored, [document(), document(status="held", payment_reference="=1+1")])
    rows = rows_of(mirrored.ask("accounting-documents/export.csv"))
    assert [(row["number"], row["line"], row["role"]) for row in rows[:5]] == [
        ("1", "1", "receivable"),
        ("1", "2", "sales"),
        ("1", "3", "shipping_revenue"),
        ("1", "4", "tax"),
        ("2", "1", "receivable"),
    ]
    assert (rows[1]["amount"], rows[1]["bigcommerce_order_line_id"], rows[1]["total"]) == ("53.4400", "11", "69.8400")
    assert rows[4]["payment_reference"] == "'=1+1"
    assert rows[0]["date"] == "2026-03-02"
    assert len(rows_of(mirrored.ask("accounting-documents/export.csv?status=held"))) == 4
    deeds = mirrored.get("history")["data"]
    assert deeds[0]["action"] == "export"
    assert deeds[0]["changes"] == {"what": "accounting-documents", "rows": 4, "filters": {"status": "held"}}


def test_the_summary_is_a_file_too(mirrored: Mirrored) -> None:
    add_documents(mirrored, [document(), document(status="held", reasons=("total_mismatch", "host"))])
    (row,) = rows_of(mirrored.ask("accounting-summary/export.csv"))
    assert (row["status"], row["reasons"], row["count"], row["total"]) == (
        "held",
        "total_mismatch host",
        "1",
        "69.8400",
    )


def test_every_reason_has_a_meaning() -> None:
    assert tuple(AccountingReason) == REASONS
