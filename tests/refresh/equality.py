"""Is the mirror what the store is, of all records or of some? Told by the demo's own code, not by the plugin's."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from ..oracle.expected import expected_rows
from ..oracle.truth import Truth
from ..oracle.verify import _as

TABLES = ("products", "variants", "orders", "order_lines")


@dataclass(frozen=True)
class Scope:
    """Which products and orders are compared; None is all, and then no other row may be there."""

    products: Collection[int] | None = None
    orders: Collection[int] | None = None


def differences(
    truth: Truth, rows: Mapping[str, list[dict[str, Any]]], *, start_date: date, scope: Scope
) -> Iterator[str]:
    """What of the live rows (by table) is not as the store has it, a line each."""
    expected = expected_rows(truth, start_date)
    dead_orders = {row["bigcommerce_id"] for row in rows["orders"] if row["deleted_at"] is not None}
    for table in TABLES:
        owner = {"variants": "bigcommerce_product_id", "order_lines": "bigcommerce_order_id"}.get(table)
        within = scope.products if table in ("products", "variants") else scope.orders

        def is_within(record_id: int, columns: Mapping[str, Any], owner: Any = owner, within: Any = within) -> bool:
            return within is None or (columns[owner] if owner else record_id) in within

        wanted = {
            record_id: columns
            for record_id, columns in getattr(expected, table).items()
            if is_within(record_id, columns)
        }
        stored = {
            row["bigcommerce_id"]: row
            for row in rows[table]
            if row["deleted_at"] is None
            and is_within(row["bigcommerce_id"], row)
            and row.get("bigcommerce_order_id") not in dead_orders
        }
        yield from (f"{table} {each}: missing" for each in sorted(wanted.keys() - stored.keys()))
        yield from (f"{table} {each}: too much" for each in sorted(stored.keys() - wanted.keys()))
        for each in sorted(wanted.keys() & stored.keys()):
            wrong = [name for name, value in wanted[each].items() if _as(value, stored[each][name]) != value]
            if wrong:
                yield f"{table} {each}: {', '.join(sorted(wrong))}"


def untouched(before: Truth, after: Truth, done: Iterable[str]) -> Scope:
    """The records whose text is the same at both moments, lines included, and that no edit in between has named.

    What was edited and edited back within a second has the same text, but may have been read in between.
    """
    named: defaultdict[str, set[int]] = defaultdict(set)
    for edit, record_id in (each.split(" ") for each in done):
        named[edit.rpartition("_")[2].replace("stock", "variant")].add(int(record_id))
    return Scope(
        products={
            each
            for each, text in after.products.items()
            if before.products.get(each) == text
            and each not in named["product"]
            and named["variant"].isdisjoint(variant["id"] for variant in json.loads(text)["variants"])
        },
        orders={
            each
            for each, text in after.orders.items()
            if before.orders.get(each) == text
            and before.order_lines.get(each) == after.order_lines.get(each)
            and each not in named["order"]
            and named["line"].isdisjoint(after.order_lines.get(each, ()))
        },
    )


def moved(before: Truth, after: Truth) -> Scope:
    """The records that are new, or whose ``date_modified`` is another than before."""
    return Scope(
        products=_moved(before.products, after.products),
        orders=_moved(before.orders, after.orders),
    )


def _moved(before: Mapping[int, str], after: Mapping[int, str]) -> set[int]:
    return {each for each, text in after.items() if _date_modified(text) != _date_modified(before.get(each, ""))}


def _date_modified(text: str) -> str | None:
    """Cut out of the text, which is quicker than to read thousands of records."""
    _, found, rest = text.partition('"date_modified":')
    return rest.split('"')[1] if found else None
