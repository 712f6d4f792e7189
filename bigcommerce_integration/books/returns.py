"""Goods that came back, as the host reports them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.orm import Session

from .. import history
from ..accounting.goods.quantities import left_pieces
from ..errors import Invalid, NotFound
from ..models import Tables
from ..models.instances import IntegrationInstance
from ..models.types import NAME_LENGTH
from .ledger import Ledger, opened
from .making.facts import facts_of

MOST_PIECES = 2**31
_AHEAD = timedelta(days=1)
"""How far ahead of the store's day a return may be dated: whoever reports it may live further east."""


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
    does not have, for pieces that are not above 0 or more than were shipped and have not come back, for a day after
    tomorrow, and for a reference that stands for another return. ``quantities`` must not be empty. It must be the first
    of its transaction (see ``ledger.awaited``); the caller commits.
    """
    ledger = opened(session, tables, instance)
    known = _known(ledger, reference)
    content = {str(line_id): quantity for line_id, quantity in sorted(quantities.items())}
    if known is not None:
        is_same = (known.bigcommerce_order_id, known.received_at) == (order_id, received_at)
        if not is_same or json.loads(known.quantities) != content:
            raise Invalid({"reference": ["Another return has this reference."]})
        return known, False
    _require_arrived(ledger, received_at)
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


def _require_arrived(ledger: Ledger, received_at: date) -> None:
    last = ledger.today + _AHEAD
    if received_at > last:
        raise Invalid({"received_at": [f"Must be {last} at the latest, a day after today in the store's time zone."]})


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
    facts = facts_of(ledger, None, [order_id])
    if not facts:
        raise NotFound(f"There is no order {order_id}.")
    (found,) = facts
    # A gift certificate is no goods.
    return dict.fromkeys((line.id for line in found.order.lines), 0) | left_pieces(found.order, found.refunds, {}, {})


def _came_back(ledger: Ledger, order_id: int) -> dict[int, int]:
    table = ledger.tables.returns
    which = (table.c.instance_id == ledger.instance.id, table.c.bigcommerce_order_id == order_id)
    found: Counter[int] = Counter()
    for text in ledger.session.scalars(select(table.c.quantities).where(*which)):
        found.update({int(line_id): quantity for line_id, quantity in json.loads(text).items()})
    return dict(found)
