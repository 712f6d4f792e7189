"""The cost of goods that left with an order, and what takes it back when fewer have left than was booked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..basis.amounts import digits_of, in_units, part
from ..basis.status import staying
from ..document import FULFILLMENT, Document
from ..facts import Facts
from .costs import bundles, cost_of, counting, sources_of
from .lots import Lots, Piece, moved
from .papers import Group, Groups, papers
from .plan import NOTHING, Plan, Rise

CANCELLED = "Its goods left, the order is no sale any more, and nothing was refunded."
LEFT_OF = "what is left of the booked cost * quantity / what is left of the quantity"


def fulfillments(
    facts: Facts, plan: Plan, stored: Sequence[Document], returned: Sequence[Document], *, reversal_is_held: bool
) -> list[Document]:
    """The documents of the plan; ``returned`` are the posted returns, whose cost is back already."""
    if plan is NOTHING:
        return []
    found = staying(facts, plan.reversals) if plan.is_frozen else []
    priced = _Priced(facts, stored)
    for rise in plan.rises:
        before = [] if rise.stored is None else [rise.stored]
        found += papers(facts, FULFILLMENT, rise.day, priced.groups(rise), before, out=True)
    if plan.fallen:
        is_held = not facts.order.is_sale and reversal_is_held
        reasons = {"cancelled_without_refund": CANCELLED} if is_held else {}
        found += _reversed(facts, plan, returned, reasons)
    return found


class _Priced:
    """Rises with the costs of their pieces; of a bundle only those lines that have a cost of their own."""

    def __init__(self, facts: Facts, stored: Sequence[Document]) -> None:
        self._order, self._costs = facts.order, facts.costs
        self._lines = {line.id: line for line in facts.order.lines}
        self._bundles = bundles(facts.order.lines)
        self._sources = sources_of(stored) if self._bundles else {}

    def groups(self, rise: Rise) -> Groups:
        """By currency; those without a cost are last."""
        groups: Groups = {}
        missing: list[Piece] = []
        for line_id, quantity in rise.pieces.items():
            if not self._counts(line_id, rise):
                continue
            code, piece = self._piece(line_id, quantity, rise)
            if piece.units is None:
                missing.append(piece)
            else:
                groups.setdefault(Group(code, False), []).append(piece)
        if missing:
            groups[Group(self._order.currency_code or "", True)] = missing
        return groups

    def _counts(self, line_id: int, rise: Rise) -> bool:
        bundle = self._bundles.get(line_id)
        return bundle is None or line_id in counting(self._order, bundle, rise.day, self._costs, self._sources)

    def _piece(self, line_id: int, quantity: int, rise: Rise) -> tuple[str, Piece]:
        line = self._lines.get(line_id)
        if line is None:
            return _as_stored(rise, line_id, quantity)
        cost = cost_of(self._order, line, quantity, rise.day, self._costs)
        if cost is None:
            how = "no cost is known"
            return "", Piece(line_id, quantity, None, "missing", line.host_product_id, line.quantity_shipped, how)
        piece = Piece(
            line_id, quantity, cost.units, cost.source, line.host_product_id, line.quantity_shipped, cost.derivation
        )
        return cost.currency_code, piece


def _as_stored(rise: Rise, line_id: int, quantity: int) -> tuple[str, Piece]:
    """The pieces of a line that is no more in the order, at the cost that the stored document has for them."""
    if rise.stored is None:
        raise ValueError(f"Line {line_id} is in no order and in no document.")
    line = next(each for each in moved(rise.stored) if each.order_line_id == line_id)
    code = rise.stored.currency_code
    units = None if line.amount is None else part(in_units(line.amount, digits_of(code)), quantity, line.quantity or 1)
    source = line.cost_source or "missing"
    return code, Piece(line_id, quantity, units, source, line.host_product_id, line.quantity_shipped, line.derivation)


def _reversed(facts: Facts, plan: Plan, returned: Sequence[Document], reasons: Mapping[str, str]) -> list[Document]:
    """What takes back the cost of pieces that have not left after all, on the day it was read, or that it adjusts."""
    lots = Lots([*plan.base, *returned])
    booked = {line.order_line_id: line for document in plan.base for line in moved(document)}
    shipped = {line.id: line.quantity_shipped for line in facts.order.lines}
    groups: Groups = {}
    for line_id, quantity in plan.fallen.items():
        line = booked[line_id]
        source = line.cost_source or "missing"
        for code, pieces, units in lots.taken(line_id, quantity):
            piece = Piece(line_id, pieces, units, source, line.host_product_id, shipped.get(line_id, 0), LEFT_OF)
            groups.setdefault(Group(code, False), []).append(piece)
    today = max(facts.settings.today, *(each.date for each in plan.base))
    found: list[Document] = []
    for group, taken in groups.items():
        stored = [each for each in plan.reversals if each.currency_code == group.currency_code][:1]
        found += papers(
            facts,
            FULFILLMENT,
            stored[0].date if stored else today,
            {group: taken},
            stored,
            out=False,
            reasons=reasons,
            adjusts_number=plan.base[0].number,
        )
    return found
