"""What goods documents have booked of each line of an order, and what is left of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ..basis.amounts import digits_of, in_units, part
from ..document import CostSource, Document, Line


class Piece(NamedTuple):
    """A line of an order that moves in a document: the pieces and their cost in minor units, None if not known."""

    order_line_id: int
    quantity: int
    units: int | None
    cost_source: CostSource
    host_product_id: Any
    quantity_shipped: int | None
    derivation: str


class _Lot:
    """Pieces out of stock and their cost in minor units, in one currency."""

    __slots__ = ("quantity", "units")

    def __init__(self) -> None:
        self.quantity = 0
        self.units = 0


class Lots:
    """What is out of stock, by order line and currency, as booked: goods that left, less what came back.

    With ``came_back`` what is in stock again.
    """

    def __init__(self, documents: Iterable[Document], *, came_back: bool = False) -> None:
        self._lots: dict[int, dict[str, _Lot]] = {}
        self._sign = -1 if came_back else 1
        for document in documents:
            self.add(document)

    def add(self, document: Document) -> None:
        """Add what left by the document, and take off what came back by it; what has no cost yet does not count."""
        digits = digits_of(document.currency_code)
        for line in moved(document):
            if line.amount is not None and line.order_line_id is not None:
                lot = self._lots.setdefault(line.order_line_id, {}).setdefault(document.currency_code, _Lot())
                sign = self._sign * sign_of(line)
                lot.quantity += sign * (line.quantity or 0)
                lot.units += sign * in_units(line.amount, digits)

    def lines(self) -> list[int]:
        """The order lines of which anything is left."""
        return [each for each, lots in self._lots.items() if any(lot.quantity > 0 for lot in lots.values())]

    def taken(self, order_line_id: int, quantity: int) -> Iterator[tuple[str, int, int]]:
        """Take pieces back, as many as are left: currency, pieces and cost of each lot.

        The cost is what is left of the booked amount × pieces ÷ what is left of the pieces, so nothing remains when the
        last piece is back.
        """
        for code, lot in self._lots.get(order_line_id, {}).items():
            pieces = min(quantity, lot.quantity)
            if pieces > 0:
                units = part(lot.units, pieces, lot.quantity)
                lot.quantity -= pieces
                lot.units -= units
                quantity -= pieces
                yield code, pieces, units


def moved(document: Document) -> Iterator[Line]:
    """One line for each line of the order that moves: that of the inventory."""
    return (line for line in document.lines if line.role == "inventory")


def sign_of(line: Line) -> int:
    """1 for what left the inventory, -1 for what came into it."""
    return 1 if line.side == "credit" else -1


def pieces_by_line(documents: Iterable[Document]) -> dict[int, int]:
    """How many pieces have left by these documents, by order line, with or without a cost."""
    sums: dict[int, int] = {}
    for document in documents:
        for line in moved(document):
            if line.order_line_id is not None:
                pieces = sign_of(line) * (line.quantity or 0)
                sums[line.order_line_id] = sums.get(line.order_line_id, 0) + pieces
    return sums
