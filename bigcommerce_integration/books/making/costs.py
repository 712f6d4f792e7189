"""What the host says that goods cost, and which documents that wait for it would be others by now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from ...accounting.facts import Costs
from ...accounting.goods.costs import bundles
from ..host.methods import HostMethods
from ..ledger import Ledger
from ..stored import key_reader, lines_of
from .facts import lines_of_orders


def costs_of(host: HostMethods, asked: Iterable[tuple[date, Any]]) -> Costs:
    """The host's costs, asked for once a day of which any are wanted."""
    by_day: defaultdict[date, list[Any]] = defaultdict(list)
    for day, key in asked:
        by_day[day].append(key)
    costs: dict[tuple[date, Any], tuple[Decimal, str]] = {}
    for day, keys in sorted(by_day.items()):
        for key, (amount, currency) in host.unit_costs(keys, day).items():
            costs[day, key] = (amount, currency)
    return costs


def with_known_costs(ledger: Ledger, host: HostMethods, waiting: Sequence[Row[Any]]) -> set[int]:
    """The ids of the orders of which one of these fulfillments would be another by now.

    Its goods have a cost by now, or are linked to another product. ``waiting`` are rows with the order, the date and
    the lines. Each product is asked for once a day, however many of them go on waiting.
    """
    read_key = key_reader(ledger.session, ledger.tables)
    orders = lines_of_orders(ledger, list({row.bigcommerce_order_id for row in waiting}))
    asked: defaultdict[tuple[date, Any], set[int]] = defaultdict(set)
    found: set[int] = set()
    for row in waiting:
        order_id = row.bigcommerce_order_id
        present = {line.id: line for line in orders.get(order_id, ())}
        bundled = bundles(orders.get(order_id, ()))
        for line in lines_of(row.lines, read_key):
            line_now = present.get(line.order_line_id or 0)
            if line_now is None:
                continue
            if line_now.host_product_id != line.host_product_id:
                found.add(order_id)
            # What one line of a bundle costs decides on all of them.
            for each in bundled.get(line_now.id, (line_now,)):
                if each.host_product_id is not None:
                    asked[row.date, each.host_product_id].add(order_id)
    return found.union(*(asked.get(known, ()) for known in costs_of(host, asked)))
