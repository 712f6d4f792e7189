"""Mirror rows as JSON: our columns in the API's own terms, amounts as strings, times in ISO 8601."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Column, Numeric, Row, Table

from ...models.product_key import key_answer
from ...models.types import moment_text
from ...resources.base import Child, Field, Resource
from ...resources.columns import notes_of
from ...resources.orders import ORDER_LINES, ORDERS
from ...resources.products import PRODUCTS, VARIANTS


def _names(fields: Iterable[Field]) -> tuple[str, ...]:
    return tuple(field.name for field in fields if field.shown)


_STANDING = ("notes", "observed_at", "change_number", "deleted_at")
PAYLOAD = "payload"
LINK = "host_product_id"


def record_names(resource: Resource) -> tuple[str, ...]:
    """What an answer tells of a record."""
    return ("bigcommerce_id", *_names(resource.fields), *_STANDING)


def child_names(child: Child) -> tuple[str, ...]:
    """What the answer for a record tells of what is within it."""
    return ("bigcommerce_id", *_names(child.fields), "notes")


PRODUCT = record_names(PRODUCTS)
VARIANT = ("bigcommerce_id", VARIANTS.owner, *_names(VARIANTS.fields), *_STANDING)
ORDER = record_names(ORDERS)
LINE = child_names(ORDER_LINES)


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
    return moment_text(value) if isinstance(value, datetime) else value
