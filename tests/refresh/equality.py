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

COLLECTIONS = {
    "products": "products",
    "variants": "products",
    "orders": "orders",
    "order_lines": "orders",
    "refunds": "refunds",
    "refund_items": "refunds",
    "refund_payments": "refunds",
}
"""The tables that are compared, and the collection that each belongs to."""
TABLES = tuple(COLLECTIONS)
_OWNERS = {"variants": "bigcommerce_product_id", "order_lines": "bigcommerce_order_id"}
_EDITED = {"stock": "variant", "payments": "refund"}
"""What is edited where the name of the edit does not end in it."""


@dataclass(frozen=True)
class Scope:
    """Which products, orders and refunds are compared; None is all, and then no other row may be there."""

    products: Collection[int] | None = None
    orders: Collection[int] | None = None
    refunds: Collection[int] | None = None

    def has(self, table: str, key: Any, columns: Mapping[str, Any]) -> bool:
        """Whether the row is compared; what is within a record goes with the record."""
        within = getattr(self, COLLECTIONS[table])
        # What is within a refund has the refund's id and a position for its key.
        owner = key[0] if isinstance(key, tuple) else columns.get(_OWNERS.get(table), key)
        return within is None or owner in within


def differences(
    truth: Truth, rows: Mapping[str, list[dict[str, Any]]], *, start_date: date, scope: Scope
) -> Iterator[str]:
    """What of the live rows (by table) is not as the store has it, a line each."""
    expected = expected_rows(truth, start_date)
    dead_orders = {row["bigcommerce_id"] for row in rows["orders"] if row["deleted_at"] is not None}
    for table in TABLES:
        wanted = {key: columns for key, columns in getattr(expected, table).items() if scope.has(table, key, columns)}
        stored = {
            _key(row): row
            for row in rows[table]
            if row["deleted_at"] is None
            and scope.has(table, _key(row), row)
            and not (table == "order_lines" and row["bigcommerce_order_id"] in dead_orders)
        }
        yield from (f"{table} {each}: missing" for each in sorted(wanted.keys() - stored.keys()))
        yield from (f"{table} {each}: too much" for each in sorted(stored.keys() - wanted.keys()))
        for each in sorted(wanted.keys() & stored.keys()):
            wrong = [name for name, value in wanted[each].items() if _as(value, stored[each][name]) != value]
            if wrong:
                yield f"{table} {each}: {', '.join(sorted(wrong))}"


def _key(row: Mapping[str, Any]) -> Any:
    return (row["bigcommerce_refund_id"], row["position"]) if "position" in row else row["bigcommerce_id"]


def untouched(before: Truth, after: Truth, done: Iterable[str]) -> Scope:
    """The records whose text is the same at both moments, lines included, and that no edit in between has named.

    What was edited and edited back within a second has the same text, but may have been read in between.
    """
    named = _named(done)
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
        refunds={
            each
            for each, text in after.refunds.items()
            if before.refunds.get(each) == text and each not in named["refund"]
        },
    )


def _named(done: Iterable[str]) -> Mapping[str, set[int]]:
    """The ids in what edits say that they did, by what was edited."""
    named: defaultdict[str, set[int]] = defaultdict(set)
    for edit, record_id in (each.split(" ") for each in done):
        what = edit.rpartition("_")[2]
        named[_EDITED.get(what, what)].add(int(record_id))
    return named


def moved(before: Truth, after: Truth, done: Iterable[str]) -> Scope:
    """The records that are new, or whose ``date_modified`` is another than before.

    A refund has no such date: only the sweep finds out that one was declined after it was read.
    """
    declined = {int(each.split(" ")[1]) for each in done if each.startswith("decline_payments ")}
    return Scope(
        products=_moved(before.products, after.products),
        orders=_moved(before.orders, after.orders),
        refunds=after.refunds.keys() - before.refunds.keys() - declined,
    )


def _moved(before: Mapping[int, str], after: Mapping[int, str]) -> set[int]:
    return {each for each, text in after.items() if _date_modified(text) != _date_modified(before.get(each, ""))}


def _date_modified(text: str) -> str | None:
    """Cut out of the text, which is quicker than to read thousands of records."""
    _, found, rest = text.partition('"date_modified":')
    return rest.split('"')[1] if found else None
