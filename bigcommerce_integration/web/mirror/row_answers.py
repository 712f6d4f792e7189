"""Mirror rows as JSON: our columns in the API's own terms, amounts as strings, times in ISO 8601."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Column, Numeric, Row, Table

from ...models.mirror import LINE_AMOUNTS, ORDER_AMOUNTS
from ...models.product_key import key_answer
from ...resources.columns import notes_of
from ..answers import moment_answer

_STANDING = ("notes", "observed_at", "change_number", "deleted_at")
PRODUCT = (
    "bigcommerce_id",
    "name",
    "sku",
    "type",
    "price",
    "is_visible",
    "is_only_referenced",
    "date_created",
    "date_modified",
    *_STANDING,
)
VARIANT = (
    "bigcommerce_id",
    "bigcommerce_product_id",
    "sku",
    "price",
    "inventory_level",
    "host_product_id",
    "link_source",
    "link_conflict",
    *_STANDING,
)
ORDER = (
    "bigcommerce_id",
    "status_id",
    "is_sale",
    "is_deleted",
    "customer_id",
    "channel_id",
    "payment_status",
    "external_order_id",
    "currency_code",
    "default_currency_code",
    "store_default_currency_code",
    "store_default_to_transactional_exchange_rate",
    "is_tax_inclusive_pricing",
    *ORDER_AMOUNTS,
    "items_total",
    "date_created",
    "date_modified",
    "date_shipped",
    *_STANDING,
)
LINE = (
    "bigcommerce_id",
    "bigcommerce_product_id",
    "bigcommerce_variant_id",
    "parent_order_product_id",
    "type",
    "sku",
    "name",
    "quantity",
    "quantity_shipped",
    "quantity_refunded",
    *LINE_AMOUNTS,
    "notes",
)
PAYLOAD = "payload"
LINK = "host_product_id"


def columns(table: Table, names: Iterable[str], *, with_payload: bool = False) -> list[Column[Any]]:
    """The columns to read for an answer of these ``names``."""
    return [table.c[name] for name in (*names, *((PAYLOAD,) if with_payload else ()))]


def row_answer(row: Row[Any], read: Iterable[Column[Any]]) -> dict[str, Any]:
    """The columns that were ``read``, by name."""
    return {column.name: _plain(column, row._mapping[column.name]) for column in read}


def _plain(column: Column[Any], value: Any) -> Any:
    if column.name == LINK:
        return key_answer(value)
    if isinstance(value, Decimal):
        # As many decimals as the column has, whether the database keeps zeros at the end or not.
        scale = column.type.scale if isinstance(column.type, Numeric) else None
        return f"{value:.{scale}f}"
    if column.name == "notes":
        return None if value is None else notes_of(value)
    return moment_answer(value) if isinstance(value, datetime) else value
