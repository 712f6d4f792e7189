"""How many pieces of each line of an order have left the stock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..basis.due import is_due, is_void
from ..document import Document
from ..facts import Order, Refund
from .lots import moved

GIFT_CERTIFICATE = "giftcertificate"
PRODUCT = "PRODUCT"


def refunded(refund: Refund) -> dict[int, int]:
    """Pieces by order line; ``quantity`` is given for PRODUCT alone (bigcommerce/docs, orders.v3.yml)."""
    pieces: dict[int, int] = {}
    if not is_void(refund):
        for item in refund.items:
            if item.type == PRODUCT and item.item_id is not None and item.quantity:
                pieces[item.item_id] = pieces.get(item.item_id, 0) + item.quantity
    return pieces


def left_pieces(
    order: Order, refunds: Sequence[Refund], before: Mapping[int, int], shipped_before: Mapping[int, int]
) -> dict[int, int]:
    """Pieces by order line that have left a sale; ``before`` are those that were booked.

    Once the order is due, each line counts in full, less what was refunded before ``date_shipped``, and at least
    ``quantity_shipped``: an order that was set to Shipped by the API has no shipments, and its quantities stay 0. As
    long as it is not due, or not any more, ``quantity_shipped`` counts, and the pieces fall only as far as this fell
    below what it was before (``shipped_before``). A gift certificate is no goods; a line that was taken out of the
    order counts as 0.
    """
    due = is_due(order)
    early = _refunded_early(order, refunds) if due else {}
    pieces = {}
    for line in order.lines:
        if line.type == GIFT_CERTIFICATE:
            continue
        shipped = max(line.quantity_shipped, 0)
        if due:
            pieces[line.id] = max(line.quantity - early.get(line.id, 0), shipped)
        else:
            fallen = max(0, shipped_before.get(line.id, shipped) - shipped)
            pieces[line.id] = max(shipped, before.get(line.id, 0) - fallen)
    return pieces


def shipped_before(documents: Sequence[Document]) -> dict[int, int]:
    """``quantity_shipped`` by order line, as it was when the last of these documents was made."""
    return {
        line.order_line_id: line.quantity_shipped
        for document in documents
        for line in moved(document)
        if line.order_line_id is not None and line.quantity_shipped is not None
    }


def _refunded_early(order: Order, refunds: Sequence[Refund]) -> dict[int, int]:
    """Pieces by order line that were refunded before the order was wholly shipped; none where nobody knows when."""
    pieces: dict[int, int] = {}
    if order.date_shipped is not None:
        for refund in refunds:
            if refund.created < order.date_shipped:
                for order_line_id, quantity in refunded(refund).items():
                    pieces[order_line_id] = pieces.get(order_line_id, 0) + quantity
    return pieces
