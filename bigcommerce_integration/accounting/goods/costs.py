"""What the pieces that left cost, and which lines of a bundle have a cost of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from ..basis.amounts import digits_of, in_units
from ..document import CostSource, Document
from ..facts import Costs, Order, OrderLine
from .lots import moved

Sources = Mapping[int, frozenset[str]]
"""Where the costs came from that documents have booked, by order line."""


class Cost(NamedTuple):
    """Minor units for all pieces."""

    units: int
    currency_code: str
    source: CostSource
    derivation: str


def cost_of(order: Order, line: OrderLine, quantity: int, day: date, costs: Costs) -> Cost | None:
    """The host's cost, else the order's own ``cost_price_ex_tax`` as an estimate; None if neither is known.

    ``cost_price_ex_tax`` is "the cost of your products to you" (bigcommerce/docs, orders.v2.oas2.yml), 0 where the
    shop keeps none; it is in the store's currency, so it counts for orders in that. A cost below 0 is not known.
    """
    given = _hosted(line, day, costs)
    if given is not None:
        amount, code = given
        return Cost(in_units(amount * quantity, digits_of(code)), code, "host", "quantity * the host's unit cost")
    if is_estimable(order, line) and line.cost_price_ex_tax is not None:
        code = order.currency_code or ""
        units = in_units(line.cost_price_ex_tax * quantity, digits_of(code))
        return Cost(units, code, "estimate", "quantity * cost_price_ex_tax")
    return None


def _hosted(line: OrderLine, day: date, costs: Costs) -> tuple[Decimal, str] | None:
    given = None if line.host_product_id is None else costs.get((day, line.host_product_id))
    return given if given is not None and given[0] >= 0 else None


def is_estimable(order: Order, line: OrderLine) -> bool:
    """Whether its own cost price counts.

    ``store_default_currency_code`` may be empty (order 218 of orders.v2.oas2.yml); a rate of 1 then says the same.
    """
    if line.cost_price_ex_tax is None or line.cost_price_ex_tax <= 0 or not order.currency_code:
        return False
    if order.store_default_currency_code:
        return order.store_default_currency_code == order.currency_code
    return order.exchange_rate == 1


def sources_of(documents: Iterable[Document]) -> Sources:
    """Where the costs came from that these documents book."""
    found: dict[int, frozenset[str]] = {}
    for document in documents:
        for line in moved(document):
            if line.order_line_id is not None and line.cost_source is not None:
                found[line.order_line_id] = found.get(line.order_line_id, frozenset()) | {line.cost_source}
    return found


def bundles(lines: Sequence[OrderLine]) -> dict[int, list[OrderLine]]:
    """The lines of each bundle, by the id of each of its lines: the parent first. Lines of no bundle are left out."""
    if all(line.parent_id is None for line in lines):
        return {}
    by_id = {line.id: line for line in lines}
    members: dict[int, list[OrderLine]] = {}
    for line in lines:
        root, seen = line, {line.id}
        while root.parent_id in by_id and root.parent_id not in seen:
            root = by_id[root.parent_id]
            seen.add(root.id)
        members.setdefault(root.id, []).append(line)
    return {
        line.id: sorted(group, key=lambda each: each.id != root)
        for root, group in members.items()
        if len(group) > 1
        for line in group
    }


def counting(order: Order, group: list[OrderLine], day: date, costs: Costs, sources: Sources) -> set[int]:
    """The ids of a bundle's lines that have a cost of their own.

    Those whose cost the host knows: it leaves out kits, whose parts have it. Where it knows none, the parent alone by
    its own cost price. Without that all of them wait, as nobody knows yet which of them will have one. What an earlier
    document booked for a part of the pieces holds for the rest, so that nothing is counted twice.
    """
    by_host = {line.id for line in group if "host" in sources.get(line.id, ()) or _hosted(line, day, costs) is not None}
    if any("estimate" in sources.get(line.id, ()) for line in group):
        return {group[0].id} | {line.id for line in group if "host" in sources.get(line.id, ())}
    if by_host:
        return by_host
    return {group[0].id} if is_estimable(order, group[0]) else {line.id for line in group}
