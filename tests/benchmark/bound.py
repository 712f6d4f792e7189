"""The bound: what a good script written by hand for one import would do, run as a process of its own.

It asks for the same pages (250 records, the same includes, and the lines of orders that the API cuts off), by page
number, with as many threads as the refresh has fetches in flight; cuts each answer into records with msgspec, so that
payloads are the store's own text, and makes no values but those that it needs; converts amounts to ``Decimal`` and
dates to naive UTC; and writes the same columns of the same data as fast as the driver can: COPY on PostgreSQL,
executemany elsewhere, a commit a page.

It leaves out all that makes a refresh more than a script: lease, hash, comparison with what is stored, checkpoint,
links, progress, limits, retries, checks of answers, rejected records. It can only fill empty tables, and a crash or an
edit in the store while it runs leaves them wrong. Products that orders refer to and no page brings are left out too.
"""

from __future__ import annotations

import json
import math
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

import requests

from . import bound_tables
from .bound_records import ORDER, PRODUCT, Parsed, records_v2, records_v3
from .bound_writing import Writer, open_writer

PAGE_SIZE = 250
NO_SALE = (0, 5, 6)
Page = tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]


class Store:
    """The store's API for one thread each."""

    def __init__(self, api_url: str, store_hash: str, access_token: str, ca_bundle: str = "") -> None:
        self._ca_bundle = ca_bundle
        self._base = f"{api_url}/stores/{store_hash}/"
        self._token = access_token
        self._own = threading.local()
        self.requests = 0

    def get(self, path: str, **params: Any) -> bytes:
        """The body of an answer."""
        if not hasattr(self._own, "session"):
            self._own.session = requests.Session()
            self._own.session.trust_env = False
            self._own.session.verify = self._ca_bundle or True
            self._own.session.headers.update({"X-Auth-Token": self._token, "Accept": "application/json"})
        self.requests += 1
        answer = self._own.session.get(self._base + path, params=params, timeout=30)
        answer.raise_for_status()
        return answer.content


def clean(value: Any) -> str | None:
    """Without what PostgreSQL refuses."""
    if value is None or (value.isascii() and "\0" not in value):
        return value
    return value.replace("\0", "").encode("utf-8", "replace").decode()


def money(value: Any) -> Decimal | None:
    return None if value is None or value == "" else Decimal(str(value))


def number(value: Any) -> int | None:
    return None if value is None or value == "" else int(value)


def v2_date(value: Any) -> datetime | None:
    return parsedate_to_datetime(value).replace(tzinfo=None) if value else None


def v3_date(value: Any) -> datetime | None:
    return datetime.fromisoformat(value).astimezone(UTC).replace(tzinfo=None) if value else None


def product_page(store: Store, page: int) -> tuple[Page, int]:
    """The rows of one page of products, and how many products there are."""
    body = store.get("v3/catalog/products", include="variants", sort="id", direction="asc", page=page, limit=PAGE_SIZE)
    records, total = records_v3(body, PRODUCT)
    products, variants = [], []
    for record in records:
        product: Any = record.value
        products.append(
            (
                record.id,
                record.text,
                clean(product.name),
                clean(product.sku),
                product.type,
                money(product.price),
                product.is_visible,
                v3_date(product.date_created),
                v3_date(product.date_modified),
            )
        )
        for variant in product.variants:
            sku = clean(variant.sku) or ""
            price = money(variant.price)
            variants.append((variant.id, record.id, sku, sku.strip() or None, price, variant.inventory_level))
    return (products, variants), total


def order_page(store: Store, page: int) -> Page:
    """The rows of one page of orders, with the lines that the API cuts off."""
    body = store.get(
        "v2/orders",
        include="consignments.line_items,fees",
        consignment_structure="object",
        sort="id:asc",
        page=page,
        limit=PAGE_SIZE,
    )
    orders, lines = [], []
    for record in records_v2(body, ORDER):
        order: Any = record.value
        orders.append(
            (
                record.id,
                record.text,
                order.status_id,
                order.status_id not in NO_SALE and not order.is_deleted,
                order.is_deleted,
                order.customer_id,
                order.channel_id,
                order.payment_status,
                order.external_order_id,
                order.currency_code,
                order.default_currency_code,
                order.store_default_currency_code,
                money(order.store_default_to_transactional_exchange_rate),
                order.is_tax_inclusive_pricing,
                *(money(getattr(order, name)) for name in bound_tables.ORDER_AMOUNTS),
                order.items_total,
                v2_date(order.date_created),
                v2_date(order.date_modified),
                v2_date(order.date_shipped),
            )
        )
        lines += order_lines(store, record, order)
    return orders, lines


def order_lines(store: Store, record: Parsed, order: Any) -> Iterator[tuple[Any, ...]]:
    """An order's lines, from the order itself or by requests of their own."""
    groups = list(line_groups(order.consignments))
    lines = [line for group in groups for line in group]
    is_cut = '"__warning__"' in record.text or any(len(group) >= 50 for group in groups)
    if is_cut or sum(line["quantity"] for line in lines) != order.items_total:
        fetched, page = [], 1
        while True:
            records = records_v2(store.get(f"v2/orders/{record.id}/products", page=page, limit=PAGE_SIZE), Any)
            fetched += [line_row(record.id, each.value, each.text) for each in records]
            if len(records) < PAGE_SIZE:
                return iter(fetched)
            page += 1
    return (line_row(record.id, line, None) for line in lines)


def line_groups(node: Any) -> Iterator[list[Any]]:
    if isinstance(node, list):
        for below in node:
            yield from line_groups(below)
    elif isinstance(node, dict):
        if "line_items" in node:
            yield node["line_items"]
        else:
            for below in node.values():
                yield from line_groups(below)


def line_row(order_id: int | None, line: Any, text: str | None) -> tuple[Any, ...]:
    return (
        line["id"],
        text,
        order_id,
        number(line.get("product_id")),
        number(line.get("variant_id")),
        number(line.get("parent_order_product_id")),
        line.get("type"),
        clean(line.get("sku")),
        clean(line.get("name")),
        number(line.get("quantity")),
        number(line.get("quantity_shipped")),
        number(line.get("quantity_refunded")),
        *(money(line.get(name)) for name in bound_tables.LINE_AMOUNTS),
    )


def import_products(store: Store, pool: ThreadPoolExecutor, write: Callable[[Page], None]) -> None:
    page, total = product_page(store, 1)
    others = [pool.submit(product_page, store, number) for number in range(2, math.ceil(total / PAGE_SIZE) + 1)]
    write(page)
    for done in as_completed(others):
        write(done.result()[0])


def import_orders(store: Store, pool: ThreadPoolExecutor, write: Callable[[Page], None]) -> None:
    count = json.loads(store.get("v2/orders/count"))["count"]
    pages = [pool.submit(order_page, store, number) for number in range(1, math.ceil(count / PAGE_SIZE) + 1)]
    for done in as_completed(pages):
        write(done.result())


IMPORTS = {
    "products": (import_products, bound_tables.PRODUCTS, bound_tables.VARIANTS),
    "orders": (import_orders, bound_tables.ORDERS, bound_tables.ORDER_LINES),
}


def main() -> None:
    """Say ready, wait for a line, import what standard input named first, and tell the CPU time in seconds."""
    given = json.loads(sys.stdin.readline())
    store = Store(given["api_url"], given["store_hash"], given["access_token"], given["ca_bundle"])
    run, *tables = IMPORTS[given["resource"]]
    writer: Writer = open_writer(given["database_url"], tables)
    print("ready", flush=True)
    sys.stdin.readline()
    began_cpu = time.process_time()
    with ThreadPoolExecutor(given["concurrency"]) as pool:
        run(store, pool, writer.write)
    cpu_s = time.process_time() - began_cpu
    print(json.dumps({"cpu_s": cpu_s, "requests": store.requests, "rows": writer.rows}), flush=True)


if __name__ == "__main__":
    main()
