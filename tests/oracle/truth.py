"""What a store really holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bigcommerce_integration.sandbox import SandboxStore


@dataclass(frozen=True)
class Truth:
    """Every record's own text by id, those before the start date too; lines by their order's id and their own."""

    timezone: str
    products: Mapping[int, str]
    orders: Mapping[int, str]
    order_lines: Mapping[int, Mapping[int, str]] = field(default_factory=dict)
    refunds: Mapping[int, str] = field(default_factory=dict)


def truth_of(store: SandboxStore) -> Truth:
    """Everything that the store holds at this moment."""
    with store.lock:
        return Truth(
            timezone=store.timezone,
            products=dict(store.product_records()),
            orders=dict(store.order_records()),
            order_lines={order_id: dict(store.order_line_records(order_id)) for order_id in store.order_ids},
            refunds=dict(store.refund_records()),
        )
