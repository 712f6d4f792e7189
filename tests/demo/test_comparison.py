"""What the demo itself says of a database that is not as the store is: each kind of harm, done to a real one."""

from __future__ import annotations

import pytest

from .conftest import Database


@pytest.mark.ci
def test_finished_demo_has_no_differences(database: Database) -> None:
    assert database.compared() == []


RECORDS = ["bigcommerce_products", "bigcommerce_orders", "bigcommerce_refunds"]
PARTS = ["bigcommerce_variants", "bigcommerce_order_lines", "bigcommerce_refund_items", "bigcommerce_refund_payments"]


@pytest.mark.parametrize("table", RECORDS)
def test_changed_payload_is_reported_without_its_values(database: Database, table: str) -> None:
    record_id = database.one(f"SELECT MIN(bigcommerce_id) FROM {table}")
    database.do(f"UPDATE {table} SET payload = '{{\"ada\": 1}}' WHERE bigcommerce_id = {record_id}")
    assert database.compared() == [f"{table} {record_id}: the payload is not the store's"]


@pytest.mark.parametrize("table", RECORDS)
def test_missing_row_is_reported(database: Database, table: str) -> None:
    record_id = database.one(f"SELECT MIN(bigcommerce_id) FROM {table}")
    count = database.one(f"SELECT COUNT(*) FROM {table}")
    database.do(f"DELETE FROM {table} WHERE bigcommerce_id = {record_id}")
    assert database.compared() == [
        f"{table}: {count - 1} rows instead of {count}",
        f"{table} {record_id}: the row is missing",
    ]


@pytest.mark.parametrize("table", RECORDS)
def test_row_too_many_is_reported(database: Database, table: str) -> None:
    record_id = database.one(f"SELECT MIN(bigcommerce_id) FROM {table}")
    database.do(f"UPDATE {table} SET bigcommerce_id = 999999 WHERE bigcommerce_id = {record_id}")
    assert f"{table} 999999: the row is too much" in database.compared()


@pytest.mark.parametrize("table", PARTS)
def test_wrong_count_is_reported(database: Database, table: str) -> None:
    count = database.one(f"SELECT COUNT(*) FROM {table}")
    database.do(f"DELETE FROM {table} WHERE id = (SELECT MIN(id) FROM {table})")
    assert database.compared() == [f"{table}: {count - 1} rows instead of {count}"]


def test_rejected_record_is_reported(database: Database) -> None:
    database.do(
        "INSERT INTO bigcommerce_rejected_records "
        "(instance_id, refresh_id, resource, bigcommerce_id, reason, is_payload_cut, created_at) "
        "VALUES (1, 1, 'products', 5, 'no name', 0, '2026-01-01 00:00:00')"
    )
    assert database.compared() == ["bigcommerce_rejected_records: 1 rows instead of 0"]
