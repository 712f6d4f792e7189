"""A page of a store with a hundred thousand orders is as fast as that of a store with a thousand."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from ..web.mirrored import NOON, Mirrored, connected
from .browsing import PAGES, Browser

pytestmark = pytest.mark.slow

TRIES = 30
LARGEST_RATIO = 1.5
PATHS = (
    "orders",
    "orders?status_id=10",
    "orders?placed_from=2026-02-01",
    "orders?q=500",
    "orders?after=900",
    "orders/500",
    "rejected",
    "history",
)


def fill(mirrored: Mirrored, count: int) -> None:
    """Orders of a minute each."""
    for begin in range(0, count, 5000):
        rows: list[dict[str, Any]] = [
            {
                "instance_id": mirrored.instance_id,
                "bigcommerce_id": number,
                "change_number": number,
                "content_hash": "x",
                "observed_at": NOON,
                "payload": "x" * 300,
                "is_sale": True,
                "is_deleted": False,
                "status_id": number % 15,
                "date_created": NOON + timedelta(minutes=number),
                "external_order_id": f"E-{number}",
            }
            for number in range(begin + 1, min(begin + 5000, count) + 1)
        ]
        with mirrored.app.app_context():
            mirrored.host_app.db.session.execute(insert(mirrored.tables.orders), rows)
            mirrored.host_app.db.session.commit()


def test_pages_of_many_orders_are_as_fast_as_of_few(listed: Mirrored, reader: Browser) -> None:
    large = connected(listed.app, listed.host_app)
    fill(listed, 1000)
    fill(large, 100_000)

    def seconds(store: Mirrored, path: str) -> float:
        begun = time.thread_time()
        answer = reader.client.get(f"{PAGES}/{store.instance_id}/{path}")
        assert answer.status_code == 200
        return time.thread_time() - begun

    for path in PATHS:
        # The least CPU of many, in turns: the database is within this process, and others must not count.
        pairs = [(seconds(listed, path), seconds(large, path)) for _ in range(TRIES)]
        few, many = (min(column) for column in zip(*pairs, strict=True))
        assert many <= LARGEST_RATIO * few, (path, few, many)
