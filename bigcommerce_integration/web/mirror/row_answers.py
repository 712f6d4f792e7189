"""Mirror rows as JSON: our columns in the API's own terms, amounts as strings, times in ISO 8601."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Column, Numeric, Row, Table

from ...models.product_key import key_answer
from ...models.types import moment_text
from ...operations.lists.columns import PAYLOAD, child_names, child_record_names
from ...resources.columns import notes_of
from ...resources.orders import ORDER_LINES
from ...resources.products import VARIANTS

LINK = "host_product_id"
VARIANT = child_record_names(VARIANTS)
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
