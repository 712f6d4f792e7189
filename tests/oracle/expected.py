"""What each column must hold, derived from the store's own records by straightforward code of the demo's own.

Nothing here is the plugin's: two mappings that agree by being the same one would prove nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any
from zoneinfo import ZoneInfo

from .truth import Truth

Columns = Mapping[str, Any]

_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
_FOUR_DECIMALS, _TEN_DECIMALS = Decimal("0.0001"), Decimal("0.0000000001")
_NO_SALE = (0, 5, 6)
_EMBEDDED_LINES_MAX = 50
_TAXED = ("ex_tax", "inc_tax", "tax")


@dataclass(frozen=True)
class Expected:
    """The rows that must be there, by BigCommerce id, and the product ids that must be known as gone."""

    products: Mapping[int, Columns]
    variants: Mapping[int, Columns]
    orders: Mapping[int, Columns]
    order_lines: Mapping[int, Columns]
    absent_product_ids: frozenset[int]
    refunds: Mapping[int, Columns] = field(default_factory=dict)
    # By the refund's id and their position in it.
    refund_items: Mapping[tuple[int, int], Columns] = field(default_factory=dict)
    refund_payments: Mapping[tuple[int, int], Columns] = field(default_factory=dict)


def expected_rows(truth: Truth, start_date: date) -> Expected:
    """What a completed initial refresh must have stored of the store.

    Orders and refunds made since the start of that day in the store's time zone; products modified since, and those
    that a line of such an order refers to.
    """
    since = datetime.combine(start_date, time(), ZoneInfo(truth.timezone)).astimezone(UTC).replace(tzinfo=None)
    orders: dict[int, Columns] = {}
    lines: dict[int, Columns] = {}
    for order_id, text in truth.orders.items():
        order = _read(text)
        if _rfc_2822(order["date_created"]) < since:
            continue
        orders[order_id] = {**_order(order), "payload": text}
        lines.update(_lines(order, truth.order_lines.get(order_id, {})))
    referred_to = {line["bigcommerce_product_id"] for line in lines.values()} - {0, None}
    products: dict[int, Columns] = {}
    variants: dict[int, Columns] = {}
    for product_id, text in truth.products.items():
        product = _read(text)
        is_old = _iso_8601(product["date_modified"]) < since
        if is_old and product_id not in referred_to:
            continue
        products[product_id] = {**_product(product), "payload": text, "is_only_referenced": is_old}
        variants.update((variant["id"], _variant(product_id, variant)) for variant in product["variants"])
    absent = frozenset(referred_to - set(truth.products))
    return Expected(products, variants, orders, lines, absent, *_refunds(truth, since))


def _product(record: Columns) -> Columns:
    return {
        "name": _text(record["name"]),
        "sku": _text(record["sku"]),
        "type": _text(record["type"]),
        "price": _money(record["price"]),
        "is_visible": record["is_visible"],
        "date_created": _iso_8601(record["date_created"]),
        "date_modified": _iso_8601(record["date_modified"]),
    }


def _variant(product_id: int, record: Columns) -> Columns:
    sku = _text(record["sku"])
    return {
        "bigcommerce_product_id": product_id,
        "sku": sku,
        "sku_key": ((sku or "").strip() or None),
        "price": _money(record["price"]),
        "inventory_level": record["inventory_level"],
    }


def _order(record: Columns) -> Columns:
    amounts = [
        *(
            f"{group}_{tax}"
            for group in ("total", "subtotal", "shipping_cost", "handling_cost", "wrapping_cost")
            for tax in _TAXED
        ),
        "discount_amount",
        "coupon_discount",
        "store_credit_amount",
        "gift_certificate_amount",
    ]
    texts = (
        "payment_status",
        "external_order_id",
        "currency_code",
        "default_currency_code",
        "store_default_currency_code",
    )
    rate = "store_default_to_transactional_exchange_rate"
    return {
        "status_id": record["status_id"],
        "is_sale": record["status_id"] not in _NO_SALE and not record["is_deleted"],
        "is_deleted": record["is_deleted"],
        "customer_id": record["customer_id"],
        "channel_id": record["channel_id"],
        "is_tax_inclusive_pricing": record["is_tax_inclusive_pricing"],
        "items_total": record["items_total"],
        rate: Decimal(record[rate]).quantize(_TEN_DECIMALS),
        **{name: _text(record[name]) for name in texts},
        **{name: _money(record[name]) for name in amounts},
        "date_created": _rfc_2822(record["date_created"]),
        "date_modified": _rfc_2822(record["date_modified"]),
        "date_shipped": _rfc_2822(record["date_shipped"]) if record["date_shipped"] else None,
    }


def _lines(order: Columns, texts: Mapping[int, str]) -> Iterator[tuple[int, Columns]]:
    fetched_apart = _is_cut_off(order)
    for line_id, text in texts.items():
        yield line_id, {**_line(order["id"], _read(text)), "payload": text if fetched_apart else None}


def _line(order_id: int, record: Columns) -> Columns:
    amounts = [
        *(f"{group}_{tax}" for group in ("price", "total") for tax in _TAXED),
        "discounted_total_inc_tax",
        "cost_price_ex_tax",
    ]
    return {
        "bigcommerce_order_id": order_id,
        "bigcommerce_product_id": record["product_id"],
        "bigcommerce_variant_id": record["variant_id"],
        "parent_order_product_id": record["parent_order_product_id"],
        "type": _text(record["type"]),
        "sku": _text(record["sku"]),
        "name": _text(record["name"]),
        "quantity": record["quantity"],
        "quantity_shipped": record["quantity_shipped"],
        "quantity_refunded": record["quantity_refunded"],
        **{name: _money(record[name]) for name in amounts},
    }


def _refunds(
    truth: Truth, since: datetime
) -> tuple[dict[int, Columns], dict[tuple[int, int], Columns], dict[tuple[int, int], Columns]]:
    refunds: dict[int, Columns] = {}
    items: dict[tuple[int, int], Columns] = {}
    payments: dict[tuple[int, int], Columns] = {}
    for refund_id, text in truth.refunds.items():
        record = _read(text)
        created = _iso_8601(record["created"])
        if created < since:
            continue
        refunds[refund_id] = {
            "bigcommerce_order_id": record["order_id"],
            "date_created": created,
            "user_id": record["user_id"],
            "total_amount": _money(record["total_amount"]),
            "total_tax": _money(record["total_tax"]),
            "uses_merchant_override_values": record["uses_merchant_override_values"],
            "payload": text,
        }
        for position, item in enumerate(record["items"], start=1):
            items[refund_id, position] = {
                "item_type": item["item_type"],
                "item_id": item["item_id"],
                "quantity": item.get("quantity"),
                "requested_amount": _money(item["requested_amount"]),
            }
        for position, payment in enumerate(record["payments"], start=1):
            payments[refund_id, position] = {
                "payment_id": payment["id"],
                "provider_id": payment["provider_id"],
                "amount": _money(payment["amount"]),
                "offline": payment["offline"],
                "is_declined": payment["is_declined"],
            }
    return refunds, items, payments


def _is_cut_off(order: Columns) -> bool:
    """Whether the lines within the order's record are, or may be, not all of them."""
    ways = order["consignments"]
    consignments = [*ways["shipping"], *ways["pickups"], *ways["downloads"], *ways["email"]["gift_certificates"]]
    lines = [line for consignment in consignments for line in consignment["line_items"]]
    return (
        any("__warning__" in consignment for consignment in consignments)
        or any(len(consignment["line_items"]) >= _EMBEDDED_LINES_MAX for consignment in consignments)
        or sum(line["quantity"] for line in lines) != order["items_total"]
    )


def _read(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


def _text(value: str | None) -> str | None:
    return None if value is None else _NOT_STORABLE.sub("\ufffd", value)


def _money(value: str | int | Decimal | None) -> Decimal | None:
    return None if value is None or value == "" else Decimal(value).quantize(_FOUR_DECIMALS)


def _naive_utc(parse: Callable[[str], datetime]) -> Callable[[str], datetime]:
    return lambda text: parse(text).astimezone(UTC).replace(tzinfo=None)


_iso_8601 = _naive_utc(datetime.fromisoformat)
_rfc_2822 = _naive_utc(parsedate_to_datetime)
