"""Pages of a store with many records, against those of a store with a hundredth of them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from dramatiq.brokers.stub import StubBroker
from flask.testing import FlaskClient
from sqlalchemy import Table, insert, update

from ..host_app import HostApp
from ..pages.browsing import PAGES, Browser, add_pages
from ..web.mirrored import NOON, Mirrored, connected
from .stage import database
from .table import Row

TRIES_A_RUN = 10
LARGEST_RATIO = 1.5
PATHS = (
    "",
    "live",
    "orders",
    "orders?status_id=10",
    "orders?placed_from=2026-02-01",
    "orders?q=17",
    "orders?after=15",
    "orders/17",
    "variants",
    "variants?linked=false&left=false",
    "variants?linked=true",
    "variants?conflict=true",
    "variants?left=true",
    "variants?link_conflict_code=same_sku_in_host",
    "variants?q=SKU-5",
    "variants?q=mug",
    "variants?after=15",
    "variants/17",
    "products",
    "products?q=mug",
    "products/3",
    "rejected",
    "rejected?resource=orders",
    "history",
    "refreshes",
    "links",
)
_ROWS_A_STATEMENT = 5000
_VARIANTS_A_PRODUCT = 4
# Of twenty variants so many are linked; one of each kind has no link for this reason.
_LINKED = 14
_UNLINKED: Mapping[int, Mapping[str, Any]] = {
    15: {"link_conflict_code": "same_sku_in_host", "link_conflict": "2 of your products have this SKU: 1, 2."},
    16: {"link_conflict_code": "similar_sku_in_host", "link_conflict": "It differs only by case: 'sku'."},
    17: {"link_source": "manual"},
    18: {"sku": "", "sku_key": None},
}


def rows(server_url: str | None, directory: Path, *, records: int, runs: int) -> Iterator[Row]:
    """One of each path: the best of many answers of each store, asked in turn."""
    with database(server_url, directory) as url:
        host_app = HostApp()
        app = host_app.create_app(url, broker=StubBroker())
        # Nothing that is measured is held against the API's document.
        app.test_client_class = FlaskClient
        add_pages(app)
        host_app.create_rows(app)
        try:
            few, many = connected(app, host_app), connected(app, host_app)
            fill(few, records // 100)
            fill(many, records)
            client = Browser(app).client
            for path in PATHS:
                pairs = [(seconds(client, many, path), seconds(client, few, path)) for _ in range(runs * TRIES_A_RUN)]
                measured, bound = (min(column) * 1000 for column in zip(*pairs, strict=True))
                name = f"page {path or '(overview)'}, against a store of a hundredth"
                yield Row(name, [(measured, bound)], LARGEST_RATIO, "ms")
        finally:
            host_app.dispose(app)


def seconds(client: FlaskClient, store: Mirrored, path: str) -> float:
    """How long the page takes."""
    begun = time.perf_counter()
    answer = client.get(f"{PAGES}/{store.instance_id}/{path}".rstrip("/"))
    assert answer.status_code == 200, (path, answer.status_code)
    return time.perf_counter() - begun


def fill(store: Mirrored, count: int) -> None:
    """So many records of each kind: orders of a minute each, variants of every state, rejected ones, and deeds."""
    tables = store.tables
    _fill(store, tables.orders, count, _order)
    _fill(store, tables.products, count // _VARIANTS_A_PRODUCT, _product)
    _fill(store, tables.variants, count, _variant)
    # Far fewer are rejected than are stored, but more than a page.
    _fill(store, tables.rejected_records, max(100, count // 100), _rejected)
    _fill(store, tables.history, count, _deed)
    # What runs is not counted.
    refreshes = tables.refreshes
    store.execute(update(refreshes).values(status="completed", open_key=None, started_at=NOON, finished_at=NOON))
    # As the databases do by themselves once so much was written.
    analyze = {"postgresql": "VACUUM ANALYZE", "sqlite": "ANALYZE"}
    with store.app.app_context():
        engine = store.host_app.db.engine
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            names = ", ".join(each.name for each in tables.mirror.values())
            connection.exec_driver_sql(analyze.get(engine.dialect.name, f"ANALYZE TABLE {names}"))


def _fill(store: Mirrored, table: Table, count: int, made: Any) -> None:
    for begin in range(0, count, _ROWS_A_STATEMENT):
        numbers = range(begin + 1, min(begin + _ROWS_A_STATEMENT, count) + 1)
        rows = [{"instance_id": store.instance_id, **made(number)} for number in numbers]
        with store.app.app_context():
            store.host_app.db.session.execute(insert(table), rows)
            store.host_app.db.session.commit()


def _mirrored(number: int) -> dict[str, Any]:
    return {"bigcommerce_id": number, "change_number": number, "content_hash": "x", "observed_at": NOON}


def _order(number: int) -> dict[str, Any]:
    return {
        **_mirrored(number),
        "payload": "x" * 300,
        "is_sale": True,
        "is_deleted": False,
        "status_id": number % 15,
        "date_created": NOON + timedelta(minutes=number),
        "external_order_id": f"E-{number}",
    }


def _product(number: int) -> dict[str, Any]:
    # As long as a short one of a store: a database reads a table of tiny rows whole where it would use an index.
    payload = json.dumps({"variants": [], "description": "x" * 1500})
    return {
        **_mirrored(number),
        "payload": payload,
        "is_only_referenced": False,
        "sku": f"P-{number}",
        "name": f"Red mug {number}",
    }


def _variant(number: int) -> dict[str, Any]:
    kind = number % 20
    return {
        **_mirrored(number),
        "bigcommerce_product_id": 1 + (number - 1) // _VARIANTS_A_PRODUCT,
        "sku": f"SKU-{number}",
        "sku_key": f"SKU-{number}",
        "host_product_id": number if kind < _LINKED else None,
        "link_source": "auto" if kind < _LINKED else None,
        "link_conflict": None,
        "link_conflict_code": None,
        **_UNLINKED.get(kind, {}),
    }


def _rejected(number: int) -> dict[str, Any]:
    return {
        "refresh_id": 1,
        "resource": ("products", "orders")[number % 2],
        "bigcommerce_id": number,
        "reason": "It has no date.",
        "is_payload_cut": False,
        "created_at": NOON,
    }


def _deed(number: int) -> dict[str, Any]:
    return {"action": "change", "done_by": "ada", "done_at": NOON, "changes": '{"name": {"from": "A", "to": "B"}}'}
