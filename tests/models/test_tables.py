"""Our tables, on each database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, Table, create_engine, delete, insert, inspect, select
from sqlalchemy.exc import IntegrityError

from bigcommerce_integration.errors import ConfigError
from bigcommerce_integration.models import metadata, tables
from bigcommerce_integration.models.instances import IntegrationInstance, name_key

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901)
MIRRORED = {"instance_id": 1, "bigcommerce_id": 5, "content_hash": "x", "observed_at": NOW, "change_number": 1}


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    engine = create_engine(database_url)
    metadata.create_all(engine)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def instance_row(**changes: Any) -> dict[str, Any]:
    row = {
        "tenant": "",
        "name": "Shop",
        "name_key": name_key("Shop"),
        "integration_id": 2**63 - 1,
        "store_id": 1,
        "store_hash": "abc",
        "access_token": b"\x00\xff cipher",
        "start_date": date(1, 1, 1),
        "auto_link_products": True,
        "auto_create_products": False,
        "sync_sales_order_invoices_to_accounting": True,
        "sync_sales_credit_to_accounting": True,
        "proforma_marketplace_cost_percentage": 0.1,
        "is_automatic_sync_enabled": False,
        "status": "active",
        "created_at": NOW,
        "updated_at": NOW,
    }
    return row | changes


def test_an_instance_comes_back_exactly_and_hides_its_ciphertext(connection: Connection) -> None:
    connection.execute(insert(tables.instances).values(instance_row()))
    instance = IntegrationInstance.from_row(connection.execute(select(tables.instances)).one())
    assert instance.access_token == b"\x00\xff cipher"
    assert (instance.integration_id, instance.start_date, instance.created_at) == (2**63 - 1, date(1, 1, 1), NOW)
    assert (instance.auto_link_products, instance.auto_create_products) == (True, False)
    assert instance.proforma_marketplace_cost_percentage == 0.1
    assert "cipher" not in repr(instance)


def test_tenants_differ_by_case_and_accent_and_names_are_unique(connection: Connection) -> None:
    for tenant in ("acme", "ACME", "acmé"):
        connection.execute(insert(tables.instances).values(instance_row(tenant=tenant)))
    with pytest.raises(IntegrityError), connection.begin_nested():
        connection.execute(insert(tables.instances).values(instance_row(tenant="acme")))


def test_the_id_of_a_deleted_instance_is_not_given_again(connection: Connection) -> None:
    def new_id() -> Any:
        return connection.execute(insert(tables.instances).values(instance_row())).inserted_primary_key[0]

    first = new_id()
    connection.execute(delete(tables.instances))
    assert new_id() != first


def test_payloads_are_as_long_and_odd_as_they_come(connection: Connection) -> None:
    payload = '{"name": "日本 🛒 \\u0000 \\ud800"}' + " " * 200_000
    connection.execute(insert(tables.products).values(**MIRRORED, payload=payload, is_only_referenced=False))
    assert connection.scalar(select(tables.products.c.payload)) == payload


def test_money_keeps_four_decimals(connection: Connection) -> None:
    amounts = [Decimal(text) for text in ("0", "-1.5", "12345678901.2345", "0.0001")]
    for remote_id, price in enumerate(amounts):
        row = {**MIRRORED, "bigcommerce_id": remote_id, "bigcommerce_product_id": 1, "price": price}
        connection.execute(insert(tables.variants).values(row))
    assert (
        connection.scalars(select(tables.variants.c.price).order_by(tables.variants.c.bigcommerce_id)).all() == amounts
    )


def test_a_remote_id_is_stored_once_for_each_instance(connection: Connection) -> None:
    row = {**MIRRORED, "bigcommerce_product_id": 1}
    connection.execute(insert(tables.variants), [row, row | {"instance_id": 2}, row | {"bigcommerce_id": 6}])
    with pytest.raises(IntegrityError), connection.begin_nested():
        connection.execute(insert(tables.variants).values(row))


def test_one_walk_is_open_for_each_instance_and_resource(connection: Connection) -> None:
    row = {"instance_id": 1, "resource": "orders", "mode": "full", "status": "pending", "created_at": NOW}
    connection.execute(insert(tables.refreshes), [row | {"open_key": None}] * 3)
    connection.execute(insert(tables.refreshes).values(row | {"open_key": "1:orders"}))
    with pytest.raises(IntegrityError), connection.begin_nested():
        connection.execute(insert(tables.refreshes).values(row | {"open_key": "1:orders"}))


def test_every_index_and_constraint_has_its_own_name(connection: Connection) -> None:
    names = [
        item.name
        for table in metadata.tables.values()
        for item in (*table.indexes, *table.constraints)
        if item is not table.primary_key
    ]
    assert all(isinstance(name, str) and len(name) <= 63 for name in names)
    assert len(names) == len(set(names))
    made = {index["name"] for table in metadata.tables for index in inspect(connection).get_indexes(table)}
    assert {index.name for table in metadata.tables.values() for index in table.indexes} <= made


def test_a_copy_is_made_once_and_keeps_the_hosts_schema() -> None:
    host = MetaData(schema="shop")
    first, second = tables.copy_into(host), tables.copy_into(host)
    assert first is second, "with the statements that it has built"
    assert first.instances.fullname == "shop.bigcommerce_instances"
    assert set(host.tables) == {f"shop.{name}" for name in metadata.tables}
    assert tables.instances.schema is None


def test_a_table_that_the_host_has_reflected_is_ours(connection: Connection) -> None:
    host = MetaData()
    host.reflect(connection)
    assert tables.copy_into(host).orders is host.tables["bigcommerce_orders"]


def test_a_table_of_the_hosts_own_is_refused() -> None:
    host = MetaData()
    Table("bigcommerce_orders", host, Column("id", Integer, primary_key=True))
    with pytest.raises(ConfigError, match="bigcommerce_orders"):
        tables.copy_into(host)


def test_times_keep_their_microseconds_and_no_zone(connection: Connection) -> None:
    connection.execute(insert(tables.workers).values(id="w", started_at=NOW, last_tick_at=NOW))
    (started_at,) = connection.scalars(select(tables.workers.c.started_at))
    assert started_at == NOW
    assert started_at.tzinfo is not UTC
