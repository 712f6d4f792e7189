"""Records as they come and records with odd values in their fields, each with a name; the mapper's every branch."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PAYLOADS = Path(__file__).parents[1] / "payloads"
ODD = (None, "", "x", 7, "7", 1.5, True, [], {}, "a" * 300, "x\0y", "\ud800", -1, "1e3", 2**70, "b" * 20_000)
PRODUCT_FIELDS = ("name", "sku", "type", "price", "is_visible", "date_created", "date_modified", "variants")
VARIANT_FIELDS = ("id", "sku", "price", "inventory_level")
ORDER_FIELDS = (
    "status_id",
    "is_deleted",
    "customer_id",
    "is_tax_inclusive_pricing",
    "store_default_to_transactional_exchange_rate",
    "items_total",
    "date_created",
    "payment_status",
    "currency_code",
    "total_tax",
    "gift_certificate_amount",
    "consignments",
)
LINE_FIELDS = (
    "id",
    "product_id",
    "variant_id",
    "parent_order_product_id",
    "type",
    "sku",
    "name",
    "quantity",
    "quantity_refunded",
    "price_tax",
    "cost_price_ex_tax",
)


def records() -> Iterator[tuple[str, str, Any]]:
    """The name of the case, the collection and the record."""
    for resource in ("products", "orders"):
        for index, record in enumerate(sent(resource)):
            yield f"{resource} {index}", resource, record
    product, order = sent("products")[0], sent("orders")[0]
    for number, odd in enumerate(ODD):
        for field in PRODUCT_FIELDS:
            yield f"product {field} {number}", "products", {**product, field: odd}
        for field in VARIANT_FIELDS:
            changed = copy.deepcopy(product)
            changed["variants"][0][field] = odd
            yield f"variant {field} {number}", "products", changed
        for field in ORDER_FIELDS:
            yield f"order {field} {number}", "orders", {**order, field: odd}
        for field in LINE_FIELDS:
            changed = copy.deepcopy(order)
            changed["consignments"]["shipping"][0]["line_items"][0][field] = odd
            yield f"line {field} {number}", "orders", changed
    yield "no variant", "products", {**product, "variants": [*product["variants"], 3]}
    yield "several fields", "orders", {**order, "status_id": "z", "channel_id": "z", "is_deleted": "q"}


def sent(resource: str) -> list[Any]:
    """Records as BigCommerce sends them."""
    found: list[Any] = json.loads((PAYLOADS / f"{resource}.json").read_text())
    return found
