"""The bound's tables: the data columns of ours with our types and those indexes that concern them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Column, Engine, Index, MetaData, Table, UniqueConstraint

from bigcommerce_integration.models import tables
from bigcommerce_integration.resources.orders import LINE_AMOUNTS, ORDER_AMOUNTS

__all__ = ["LINE_AMOUNTS", "ORDERS", "ORDER_AMOUNTS", "ORDER_LINES", "PRODUCTS", "VARIANTS", "BoundTable", "create"]


@dataclass(frozen=True)
class BoundTable:
    """One table: which of ours it is like, and its columns in the order of the rows."""

    name: str
    like: Table
    columns: tuple[str, ...]


PRODUCTS = BoundTable(
    "bound_products",
    tables.products,
    (
        *("bigcommerce_id", "payload", "name", "sku", "type", "price", "is_visible"),
        *("date_created", "date_modified"),
    ),
)
VARIANTS = BoundTable(
    "bound_variants",
    tables.variants,
    ("bigcommerce_id", "bigcommerce_product_id", "sku", "sku_key", "price", "inventory_level"),
)
ORDERS = BoundTable(
    "bound_orders",
    tables.orders,
    (
        *("bigcommerce_id", "payload", "status_id", "is_sale", "is_deleted", "customer_id", "channel_id"),
        *("payment_status", "external_order_id", "currency_code", "default_currency_code"),
        *("store_default_currency_code", "store_default_to_transactional_exchange_rate", "is_tax_inclusive_pricing"),
        *ORDER_AMOUNTS,
        *("items_total", "date_created", "date_modified", "date_shipped"),
    ),
)
ORDER_LINES = BoundTable(
    "bound_order_lines",
    tables.order_lines,
    (
        *("bigcommerce_id", "payload", "bigcommerce_order_id", "bigcommerce_product_id", "bigcommerce_variant_id"),
        *("parent_order_product_id", "type", "sku", "name", "quantity", "quantity_shipped", "quantity_refunded"),
        *LINE_AMOUNTS,
    ),
)


def create(engine: Engine) -> None:
    """Make them, empty."""
    metadata = MetaData()
    for table in (PRODUCTS, VARIANTS, ORDERS, ORDER_LINES):
        _declare(metadata, table)
    metadata.drop_all(engine)
    metadata.create_all(engine)


def _declare(metadata: MetaData, table: BoundTable) -> None:
    like = table.like
    names = ("id", *table.columns)
    columns = [
        Column(name, like.c[name].type, primary_key=like.c[name].primary_key, nullable=like.c[name].nullable)
        for name in names
    ]
    kept = [
        [column.name for column in index.columns if column.name != "instance_id"]
        for index in sorted(like.indexes, key=lambda index: str(index.name))
    ]
    indexes = [Index(f"ix_{table.name}_{number}", *each) for number, each in enumerate(kept) if set(each) <= set(names)]
    unique = UniqueConstraint("bigcommerce_id", name=f"uq_{table.name}")
    Table(table.name, metadata, *columns, unique, *indexes)
