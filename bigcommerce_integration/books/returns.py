"""Goods that came back, as the host reports them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.orm import Session

from .. import history
from ..errors import Invalid, NotFound
from ..models import Tables
from ..models.instances import IntegrationInstance
from ..models.types import NAME_LENGTH
from .ledger import Ledger, opened

MOST_PIECES = 2**31
SHIPPED = frozenset({2, 10})
"""Shipped and Completed: every piece has left."""
SHIPPED_IF_DATED = frozenset({4, 13, 14})
"""Refunded, Disputed and Partially Refunded: so it has if the order has a ``date_shipped``."""


def record(
    session: Session,
    tables: Tables,
    instance: IntegrationInstance,
    order_id: int,
    *,
    reference: str,
    received_at: date,
    quantities: Mapping[int, int],
    by: str | None,
) -> tuple[Row[Any], bool]:
    """Note that these pieces of the order's lines, by their BigCommerce ids, came back on this day of the store.

    The row of ``bigcommerce_returns``, and whether it is new: the same reference with the same content is the same
    return. Its document is made by a worker. ``NotFound`` without such an order; ``Invalid`` for lines that the order
    does not have, for pieces that are not above 0 or more than were shipped and have not come back, and for a reference
    that stands for another return. ``quantities`` must not be empty. It must be the first of its transaction (see
    ``ledger.awaited``); the caller commits.
    """
    ledger = opened(session, tables, instance)
    known = _known(ledger, reference)
    content = {str(line_id): quantity for line_id, quantity in sorted(quantities.items())}
    if known is not None:
        is_same = (known.bigcommerce_order_id, known.received_at) == (order_id, received_at)
        if not is_same or json.loads(known.quantities) != content:
            raise Invalid({"reference": ["Another return has this reference."]})
        return known, False
    _require_shipped(ledger, order_id, quantities)
    new = {
        "instance_id": instance.id,
        "reference": reference,
        "bigcommerce_order_id": order_id,
        "received_at": received_at,
        "quantities": json.dumps(content),
        "created_by": by and by[:NAME_LENGTH],
        "created_at": ledger.now,
    }
    session.execute(insert(tables.returns).values(new))
    changes = {"order": order_id, "reference": reference, "lines": content}
    history.record(session, tables, instance.id, "return", done_by=by, changes=changes)
    made = _known(ledger, reference)
    assert made is not None
    return made, True


def _known(ledger: Ledger, reference: str) -> Row[Any] | None:
    table = ledger.tables.returns
    which = (table.c.instance_id == ledger.instance.id, table.c.reference == reference)
    return ledger.session.execute(select(table).where(*which)).one_or_none()


def _require_shipped(ledger: Ledger, order_id: int, quantities: Mapping[int, int]) -> None:
    shipped = _shipped(ledger, order_id)
    came_back = _came_back(ledger, order_id)
    errors: dict[str, list[str]] = {}
    for place, (line_id, quantity) in enumerate(quantities.items()):
        if line_id not in shipped:
            errors[f"lines.{place}.line_id"] = [f"Order {order_id} has no such line."]
        elif not 0 < quantity < MOST_PIECES:
            errors[f"lines.{place}.quantity"] = ["Must be at least 1."]
        elif quantity > (left := shipped[line_id] - came_back.get(line_id, 0)):
            errors[f"lines.{place}.quantity"] = [
                f"Of this line {shipped[line_id]} were shipped and {came_back.get(line_id, 0)} came back: "
                f"at most {max(0, left)} can come back."
            ]
    if errors:
        raise Invalid(errors)


def _shipped(ledger: Ledger, order_id: int) -> dict[int, int]:
    """How many pieces of each of the order's lines have left, by its id; ``NotFound`` without such an order."""
    orders, lines = ledger.tables.orders, ledger.tables.order_lines
    which = (orders.c.instance_id == ledger.instance.id, orders.c.bigcommerce_id == order_id)
    order = ledger.session.execute(select(orders.c.status_id, orders.c.date_shipped).where(*which)).one_or_none()
    if order is None:
        raise NotFound(f"There is no order {order_id}.")
    is_shipped = order.status_id in SHIPPED or (order.status_id in SHIPPED_IF_DATED and order.date_shipped is not None)
    its = (lines.c.instance_id == ledger.instance.id, lines.c.bigcommerce_order_id == order_id)
    columns = (lines.c.bigcommerce_id, lines.c.type, lines.c.quantity, lines.c.quantity_shipped)
    return {
        row.bigcommerce_id: 0 if row.type == "giftcertificate" else _left(row, is_shipped)
        for row in ledger.session.execute(select(*columns).where(*its))
    }


def _left(line: Any, is_shipped: bool) -> int:
    # An order that was set to Shipped by the API has 0 shipped pieces for ever.
    return max(line.quantity_shipped or 0, (line.quantity or 0) if is_shipped else 0)


def _came_back(ledger: Ledger, order_id: int) -> dict[int, int]:
    table = ledger.tables.returns
    which = (table.c.instance_id == ledger.instance.id, table.c.bigcommerce_order_id == order_id)
    found: Counter[int] = Counter()
    for text in ledger.session.scalars(select(table.c.quantities).where(*which)):
        found.update({int(line_id): quantity for line_id, quantity in json.loads(text).items()})
    return dict(found)
