"""What the sandbox store really holds, read through its control API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .http import get_text
from .processes import Sandbox


@dataclass(frozen=True)
class Truth:
    """Every record's own text by id, those before the start date too; lines by their order's id and their own."""

    timezone: str
    products: Mapping[int, str]
    orders: Mapping[int, str]
    order_lines: Mapping[int, Mapping[int, str]] = field(default_factory=dict)


def read_truth(store: Sandbox) -> Truth:
    """Everything, in four requests; they are not the plugin's, so they are not counted as its own."""
    lines: dict[int, dict[int, str]] = {}
    for order_id, line_id, text in _records(store, "order_lines"):
        lines.setdefault(order_id, {})[line_id] = text
    return Truth(
        timezone=_store_information(store)["timezone"]["name"],
        products=dict(_records(store, "products")),
        orders=dict(_records(store, "orders")),
        order_lines=lines,
    )


def _records(store: Sandbox, name: str) -> list[Any]:
    text = get_text(f"{store.api_url}/control/truth/{name}", {"X-Control-Token": store.control_token})
    # Not splitlines: it would also split at the odd separators inside of texts.
    return [json.loads(line) for line in text.split("\n") if line]


def _store_information(store: Sandbox) -> Any:
    url = f"{store.api_url}/stores/{store.store_hash}/v2/store"
    return json.loads(get_text(url, {"X-Auth-Token": store.access_token, "Accept": "application/json"}))
