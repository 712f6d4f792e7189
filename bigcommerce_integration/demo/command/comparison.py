"""The store's own records, and whether the database holds as many of them, each as the store sent it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from email.utils import parsedate_to_datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.engine import Connection

from .http import get_text
from .processes import Sandbox


@dataclass(frozen=True)
class StoreRecords:
    """Every record's own text by id, those before the start date too; the texts of lines by their order's id."""

    timezone: str
    products: Mapping[int, str]
    orders: Mapping[int, str]
    order_lines: Mapping[int, Sequence[str]] = field(default_factory=dict)
    refunds: Mapping[int, str] = field(default_factory=dict)

    def due(self, start_date: date) -> StoreRecords:
        """Those that a completed initial refresh of each collection must have stored.

        Orders and refunds made since the start of that day in the store's time zone; products modified since, and those
        that a line of such an order refers to.
        """
        since = datetime.combine(start_date, time(), ZoneInfo(self.timezone)).astimezone(UTC)
        orders = {
            order_id: record
            for order_id, record in self.orders.items()
            if parsedate_to_datetime(json.loads(record)["date_created"]) >= since
        }
        lines = {order_id: self.order_lines.get(order_id, ()) for order_id in orders}
        referred_to = {json.loads(line)["product_id"] for texts in lines.values() for line in texts}
        products = {
            product_id: record
            for product_id, record in self.products.items()
            if product_id in referred_to or datetime.fromisoformat(json.loads(record)["date_modified"]) >= since
        }
        refunds = {
            refund_id: record
            for refund_id, record in self.refunds.items()
            if datetime.fromisoformat(json.loads(record)["created"]) >= since
        }
        return StoreRecords(self.timezone, products, orders, lines, refunds)

    def parts_of_refunds(self, name: str) -> int:
        """How many ``items`` or ``payments`` the refunds have."""
        return sum(len(json.loads(record)[name]) for record in self.refunds.values())


@dataclass(frozen=True)
class Report:
    """How many rows each table must have, and what is not as in the store; no values, as they may be a person's."""

    counts: Mapping[str, int]
    differences: Sequence[str]


def read_store(store: Sandbox) -> StoreRecords:
    """Everything, through the store's control API: not requests of the plugin, so they are not counted as its own."""
    url = f"{store.api_url}/stores/{store.store_hash}/v2/store"
    information = json.loads(get_text(url, {"X-Auth-Token": store.access_token, "Accept": "application/json"}))
    lines: dict[int, list[str]] = {}
    for order_id, _, record in _records(store, "order_lines"):
        lines.setdefault(order_id, []).append(record)
    return StoreRecords(
        timezone=information["timezone"]["name"],
        products=dict(_records(store, "products")),
        orders=dict(_records(store, "orders")),
        order_lines=lines,
        refunds=dict(_records(store, "refunds")),
    )


def compare(connection: Connection, records: StoreRecords, *, instance_id: int, start_date: date) -> Report:
    """Compare the counts of one instance's rows, and each payload, with the store's records."""
    due = records.due(start_date)
    counts = {
        "bigcommerce_products": len(due.products),
        "bigcommerce_variants": sum(len(json.loads(record)["variants"]) for record in due.products.values()),
        "bigcommerce_orders": len(due.orders),
        "bigcommerce_order_lines": sum(map(len, due.order_lines.values())),
        "bigcommerce_refunds": len(due.refunds),
        "bigcommerce_refund_items": due.parts_of_refunds("items"),
        "bigcommerce_refund_payments": due.parts_of_refunds("payments"),
        "bigcommerce_rejected_records": 0,
    }
    differences = [
        *_wrong_counts(connection, counts, instance_id),
        *_wrong_payloads(connection, "bigcommerce_products", due.products, instance_id),
        *_wrong_payloads(connection, "bigcommerce_orders", due.orders, instance_id),
        *_wrong_payloads(connection, "bigcommerce_refunds", due.refunds, instance_id),
    ]
    return Report(counts, differences)


def _wrong_counts(connection: Connection, counts: Mapping[str, int], instance_id: int) -> Iterator[str]:
    for table, count in counts.items():
        statement = text(f"SELECT COUNT(*) FROM {table} WHERE instance_id = :instance_id")  # noqa: S608
        found = connection.execute(statement, {"instance_id": instance_id}).scalar_one()
        if found != count:
            yield f"{table}: {found:,} rows instead of {count:,}"


def _wrong_payloads(connection: Connection, table: str, expected: Mapping[int, str], instance_id: int) -> Iterator[str]:
    statement = text(f"SELECT bigcommerce_id, payload FROM {table} WHERE instance_id = :instance_id")  # noqa: S608
    found = {row.bigcommerce_id: row.payload for row in connection.execute(statement, {"instance_id": instance_id})}
    for record_id in sorted(expected.keys() | found.keys()):
        if record_id not in found:
            yield f"{table} {record_id}: the row is missing"
        elif record_id not in expected:
            yield f"{table} {record_id}: the row is too much"
        elif found[record_id] != expected[record_id]:
            yield f"{table} {record_id}: the payload is not the store's"


def _records(store: Sandbox, name: str) -> list[Any]:
    text = get_text(f"{store.api_url}/control/truth/{name}", {"X-Control-Token": store.control_token})
    # Not splitlines: it would also split at the odd separators inside of texts.
    return [json.loads(line) for line in text.split("\n") if line]
