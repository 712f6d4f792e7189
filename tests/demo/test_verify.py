"""The verifier sees whatever is not as in the store: each kind of harm, done to a real small demo database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from ..oracle.expected import Expected, expected_rows
from ..oracle.links import LINK_COLUMNS
from .conftest import Database, FinishedDemo

TABLES: Mapping[str, Callable[[Expected], Mapping[int, Mapping[str, Any]]]] = {
    "bigcommerce_products": lambda expected: expected.products,
    "bigcommerce_variants": lambda expected: expected.variants,
    "bigcommerce_orders": lambda expected: expected.orders,
    "bigcommerce_order_lines": lambda expected: expected.order_lines,
}


def test_a_finished_demo_is_right(database: Database) -> None:
    report = database.verify()
    assert report.differences == []
    assert all(report.compared.values())


def test_demo_skips_old_orders_and_brings_needed_old_products(finished_demo: FinishedDemo) -> None:
    expected = expected_rows(finished_demo.truth, finished_demo.start_date)
    assert len(expected.orders) < len(finished_demo.truth.orders)
    assert any(product["is_only_referenced"] for product in expected.products.values())
    assert expected.absent_product_ids


def test_old_products_that_no_order_needs_are_not_expected(finished_demo: FinishedDemo) -> None:
    expected = expected_rows(finished_demo.truth, date.today() - timedelta(days=5))
    assert 0 < len(expected.products) < len(finished_demo.truth.products)


def test_the_demo_has_links_of_every_kind(database: Database) -> None:
    kinds = "SELECT COUNT(DISTINCT COALESCE(link_source, link_conflict)) FROM bigcommerce_variants"
    assert database.one(kinds) >= 5


@pytest.mark.ci
@pytest.mark.parametrize("table", TABLES)
def test_changed_columns_are_seen(database: Database, table: str) -> None:
    expected = TABLES[table](expected_rows(database.demo.truth, database.demo.start_date))
    record_id, columns = next(
        (record_id, columns) for record_id, columns in expected.items() if columns.get("payload", "") is not None
    )
    for column, value in columns.items():
        harm = "NULL" if value is not None else "17"
        if column in ("payload", "is_only_referenced", "is_sale", "is_deleted") or column.endswith("_id"):
            harm = f"COALESCE({column}, 0) || ' '" if column == "payload" else f"COALESCE({column}, 0) + 1"
        database.do("SAVEPOINT harm")
        database.do(f"UPDATE {table} SET {column} = {harm} WHERE bigcommerce_id = {record_id}")
        found = database.differences()
        assert any(each.startswith(f"{table} {record_id}: ") and column in each for each in found), column
        database.do("ROLLBACK TO harm")


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    ("column", "harm"),
    [("deleted_at", "'2026-01-01 00:00:00'"), ("content_hash", "''"), ("change_number", "0"), ("observed_at", "''")],
)
def test_changed_bookkeeping_is_seen(database: Database, table: str, column: str, harm: str) -> None:
    record_id = database.one(f"SELECT MIN(bigcommerce_id) FROM {table}")
    database.do(f"UPDATE {table} SET {column} = {harm} WHERE bigcommerce_id = {record_id}")
    assert f"{table} {record_id}: not equal to the store: {column}" in database.differences()


def test_an_amount_off_by_the_smallest_step_is_seen(database: Database) -> None:
    order_id = database.one("SELECT MIN(bigcommerce_id) FROM bigcommerce_orders")
    database.do(f"UPDATE bigcommerce_orders SET total_tax = total_tax + 0.0001 WHERE bigcommerce_id = {order_id}")
    assert database.differences() == [f"bigcommerce_orders {order_id}: not equal to the store: total_tax"]


@pytest.mark.parametrize("table", TABLES)
def test_a_missing_row_is_seen(database: Database, table: str) -> None:
    record_id = database.one(f"SELECT MAX(bigcommerce_id) FROM {table}")
    database.do(f"DELETE FROM {table} WHERE bigcommerce_id = {record_id}")
    assert f"{table} {record_id}: the row is missing" in database.differences()


@pytest.mark.parametrize("table", TABLES)
def test_a_doubled_row_is_seen(database: Database, table: str) -> None:
    record_id = database.one(f"SELECT MIN(bigcommerce_id) FROM {table}")
    # As if the unique key were gone.
    database.do(f"CREATE TABLE copied AS SELECT * FROM {table}")
    database.do(f"INSERT INTO copied SELECT * FROM {table} WHERE bigcommerce_id = {record_id}")
    database.do(f"DROP TABLE {table}")
    database.do(f"ALTER TABLE copied RENAME TO {table}")
    assert f"{table} {record_id}: the row is there 2 times" in database.differences()


@pytest.mark.parametrize("table", TABLES)
def test_a_row_too_many_is_seen(database: Database, table: str) -> None:
    record_id = database.one(f"SELECT MIN(bigcommerce_id) FROM {table}")
    database.do(f"CREATE TEMPORARY TABLE copied AS SELECT * FROM {table} WHERE bigcommerce_id = {record_id}")
    database.do("UPDATE copied SET id = 999999, bigcommerce_id = 999999")
    database.do(f"INSERT INTO {table} SELECT * FROM copied")
    assert f"{table} 999999: the row is too much" in database.differences()


def test_the_rows_of_another_instance_do_not_count(database: Database) -> None:
    order_id = database.one("SELECT MIN(bigcommerce_id) FROM bigcommerce_orders")
    database.do(f"UPDATE bigcommerce_orders SET instance_id = 2 WHERE bigcommerce_id = {order_id}")
    assert database.differences() == [f"bigcommerce_orders {order_id}: the row is missing"]


def test_a_column_that_nobody_checks_is_seen(database: Database) -> None:
    database.do("ALTER TABLE bigcommerce_orders ADD COLUMN surprise INTEGER")
    assert "surprise (not known here)" in database.differences()[0]


def test_a_payload_of_another_spelling_is_seen(database: Database) -> None:
    product_id = database.one("SELECT MIN(bigcommerce_id) FROM bigcommerce_products")
    database.do(
        "UPDATE bigcommerce_products SET payload = REPLACE(payload, ',\"name\":', ', \"name\": ') "
        f"WHERE bigcommerce_id = {product_id}"
    )
    assert database.differences() == [f"bigcommerce_products {product_id}: not equal to the store: payload"]


def test_rejected_record_is_a_difference(database: Database) -> None:
    database.do(
        "INSERT INTO bigcommerce_rejected_records "
        "(instance_id, refresh_id, resource, bigcommerce_id, reason, is_payload_cut, created_at) "
        "VALUES (1, 1, 'products', 5, 'no name', 0, '2026-01-01 00:00:00')"
    )
    assert database.differences() == ["bigcommerce_rejected_records 5: set aside, of products: no name"]


def test_product_wrongly_marked_deleted_is_a_difference(database: Database) -> None:
    gone = database.one("SELECT MIN(bigcommerce_id) FROM bigcommerce_absent_products")
    database.do(f"UPDATE bigcommerce_absent_products SET bigcommerce_id = 77 WHERE bigcommerce_id = {gone}")
    assert database.differences() == [
        "bigcommerce_absent_products 77: too much",
        f"bigcommerce_absent_products {gone}: the row is missing",
    ]


def linked(database: Database, source: str) -> int:
    return database.one(f"SELECT MIN(bigcommerce_id) FROM bigcommerce_variants WHERE link_source = '{source}'")


@pytest.mark.parametrize("source", ["auto", "created"])
@pytest.mark.parametrize(
    ("harm", "seen"),
    [
        ("host_product_id = host_product_id + 1", "is linked to the wrong product"),
        ("host_product_id = 999999", "is linked to the wrong product"),
        ("host_product_id = NULL, link_source = NULL", "is unlinked"),
        ("link_conflict = 'but why?'", "is linked to the wrong product"),
        ("link_source = 'manual'", "is muddled"),
        ("host_product_id = NULL", "is muddled"),
    ],
)
def test_a_wrong_link_is_seen(database: Database, source: str, harm: str, seen: str) -> None:
    variant_id = linked(database, source)
    database.do(f"UPDATE bigcommerce_variants SET {harm} WHERE bigcommerce_id = {variant_id}")
    assert any(
        each.startswith(f"bigcommerce_variants {variant_id}: {seen}, must be") for each in database.differences()
    )


def test_a_link_that_should_be_a_conflict_is_seen(database: Database) -> None:
    variant_id = database.one(
        "SELECT MIN(bigcommerce_id) FROM bigcommerce_variants WHERE link_conflict_code = 'similar_sku_in_host'"
    )
    database.do(
        "UPDATE bigcommerce_variants SET link_source = 'auto', link_conflict = NULL, host_product_id = "
        "(SELECT id FROM demo_products WHERE LOWER(sku) = LOWER(bigcommerce_variants.sku)) "
        f"WHERE bigcommerce_id = {variant_id}"
    )
    found = database.differences()
    assert found == [
        f"bigcommerce_variants {variant_id}: is linked to the wrong product, must be a conflict",
    ]


def test_a_host_product_made_twice_is_seen(database: Database) -> None:
    database.do("INSERT INTO demo_products (id, sku, name) VALUES (999999, 'again', 'again')")
    assert database.differences() == ["bigcommerce_variants 0: 0 variants share the host product 999999 that was made"]


def test_links_are_checked_by_the_instance_s_settings(database: Database) -> None:
    rules = replace(database.demo.rules, auto_link=False, auto_create=False)
    strict = Database(replace(database.demo, rules=rules), database.connection)
    variant_ids = {f"bigcommerce_variants {linked(database, source)}" for source in ("auto", "created")}
    assert variant_ids <= {each.split(":")[0] for each in strict.differences()}


def test_what_is_printed_holds_no_values(database: Database) -> None:
    database.do("UPDATE bigcommerce_order_lines SET name = 'Ada Abend, Foundry Row'")
    assert not any("Ada" in each for each in database.differences())


def test_link_columns_are_all_checked(database: Database) -> None:
    columns = {row[1] for row in database.connection.exec_driver_sql("PRAGMA table_info(bigcommerce_variants)")}
    assert columns >= LINK_COLUMNS
