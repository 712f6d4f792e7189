"""Is the database what the store is? Read by plain SQL and compared column by column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Connection

from .expected import Columns, Expected, expected_rows
from .links import LINK_COLUMNS, LinkRules, link_differences
from .truth import Truth

# Ours, not the store's; variants have their links besides.
_BOOKKEEPING = frozenset(
    {"id", "instance_id", "bigcommerce_id", "content_hash", "observed_at", "change_number", "deleted_at", "notes"}
)
_WITHIN_A_REFUND = ("bigcommerce_refund_id", "position")
_KEYS = {"bigcommerce_refund_items": _WITHIN_A_REFUND, "bigcommerce_refund_payments": _WITHIN_A_REFUND}
"""Of rows that have no id of the store."""
Key = int | tuple[int, ...]
_KNOWN_EXTRA = {"bigcommerce_variants": LINK_COLUMNS}


@dataclass(frozen=True)
class Difference:
    """One row that is not as it must be, told without the values: they may be a person's."""

    table: str
    id: Key | None
    what: str

    def __str__(self) -> str:
        named = "-" if self.id is None else ".".join(map(str, self.id if isinstance(self.id, tuple) else [self.id]))
        return f"{self.table} {named}: {self.what}"


@dataclass(frozen=True)
class Report:
    """How many rows of each table were compared, and every difference found."""

    compared: Mapping[str, int]
    differences: Sequence[Difference]


def verify(
    connection: Connection,
    truth: Truth,
    *,
    instance_id: int,
    start_date: date,
    rules: LinkRules,
    with_refunds: bool = False,
) -> Report:
    """Compare everything of one instance with the truth; ``rules`` say what the links must be.

    ``with_refunds``: they, which are refreshed after the orders, are there too.
    """
    expected = expected_rows(truth, start_date)
    tables: dict[str, Mapping[Any, Columns]] = {
        "bigcommerce_products": expected.products,
        "bigcommerce_variants": expected.variants,
        "bigcommerce_orders": expected.orders,
        "bigcommerce_order_lines": expected.order_lines,
    }
    if with_refunds:
        tables |= _of_refunds(expected)
    differences: list[Difference] = []
    for table, rows in tables.items():
        differences += _compare(table, rows, _rows(connection, table, instance_id))
    variants = _rows(connection, "bigcommerce_variants", instance_id)
    differences += [
        Difference("bigcommerce_variants", variant_id, what)
        for variant_id, what in link_differences(connection, expected, variants, rules)
    ]
    differences += _absent(connection, expected.absent_product_ids, instance_id)
    differences += _rejected(connection, instance_id)
    return Report({table: len(rows) for table, rows in tables.items()}, differences)


def refund_differences(connection: Connection, truth: Truth, *, instance_id: int, start_date: date) -> list[Difference]:
    """What is wrong with the refunds of one instance and what is within them, and what was rejected."""
    found: list[Difference] = list(_rejected(connection, instance_id))
    for table, rows in _of_refunds(expected_rows(truth, start_date)).items():
        found += _compare(table, rows, _rows(connection, table, instance_id))
    return found


def _of_refunds(expected: Expected) -> dict[str, Mapping[Any, Columns]]:
    return {
        "bigcommerce_refunds": expected.refunds,
        "bigcommerce_refund_items": expected.refund_items,
        "bigcommerce_refund_payments": expected.refund_payments,
    }


def _rows(connection: Connection, table: str, instance_id: int) -> list[Columns]:
    order = ", ".join(_KEYS.get(table, ("bigcommerce_id",)))
    statement = text(f"SELECT * FROM {table} WHERE instance_id = :instance_id ORDER BY {order}")
    return [dict(row._mapping) for row in connection.execute(statement, {"instance_id": instance_id})]


def _key(table: str, row: Columns) -> Key:
    names = _KEYS.get(table)
    return row["bigcommerce_id"] if names is None else tuple(row[name] for name in names)


def _compare(table: str, expected: Mapping[Any, Columns], rows: Sequence[Columns]) -> Iterator[Difference]:
    times_seen = Counter(_key(table, row) for row in rows)
    for record_id in expected.keys() - times_seen.keys():
        yield Difference(table, record_id, "the row is missing")
    for record_id, times in times_seen.items():
        if times > 1:
            yield Difference(table, record_id, f"the row is there {times} times")
        if record_id not in expected:
            yield Difference(table, record_id, "the row is too much")
    for row in rows:
        wanted = expected.get(_key(table, row))
        names = sorted(_wrong_columns(table, wanted, row)) if wanted is not None else []
        if names:
            yield Difference(table, _key(table, row), f"not equal to the store: {', '.join(names)}")


def _wrong_columns(table: str, wanted: Columns, row: Columns) -> Iterator[str]:
    for name, value in wanted.items():
        if name not in row or _as(value, row[name]) != value:
            yield name
    # A column that nobody derives from the truth would be one that nobody checks.
    yield from (
        f"{name} (not known here)"
        for name in row.keys() - wanted.keys() - _BOOKKEEPING - _KNOWN_EXTRA.get(table, set()) - {*_KEYS.get(table, ())}
    )
    if row["deleted_at"] is not None:
        yield "deleted_at"
    # All that the sandbox sends can be read.
    if row["notes"] is not None:
        yield "notes"
    yield from (name for name in ("content_hash", "observed_at", "change_number") if not row[name])


def _as(wanted: object, value: Any) -> object:
    """``value`` in the type of what is wanted: databases have no booleans, SQLite no decimals and no times."""
    if value is None or wanted is None:
        return value
    if isinstance(wanted, bool):
        return bool(value) if value in (0, 1) else value
    if isinstance(wanted, Decimal):
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        return number.quantize(wanted)
    if isinstance(wanted, datetime) and isinstance(value, str):
        return datetime.fromisoformat(value)
    return value


def _absent(connection: Connection, expected: frozenset[int], instance_id: int) -> Iterator[Difference]:
    table = "bigcommerce_absent_products"
    found = {row["bigcommerce_id"] for row in _rows(connection, table, instance_id)}
    for product_id in sorted(expected ^ found):
        yield Difference(table, product_id, "too much" if product_id in found else "the row is missing")


def _rejected(connection: Connection, instance_id: int) -> Iterator[Difference]:
    table = "bigcommerce_rejected_records"
    for row in _rows(connection, table, instance_id):
        yield Difference(table, row["bigcommerce_id"], f"set aside, of {row['resource']}: {row['reason']}")
