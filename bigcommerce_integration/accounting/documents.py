"""All documents of an order that are not posted, as they shall be now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from .document import CREDIT, FULFILLMENT, INVOICE, KINDS, RETURN, Document
from .facts import Costs, Facts, GoodsReturn, Order, Refund, Settings
from .goods.costs import bundles
from .goods.fulfillment import fulfillments
from .goods.plan import Plan, planned
from .goods.returns import Return, customer_returns, returned_goods, returned_pieces
from .money.credit import credits
from .money.invoice import invoices


class Prepared(Struct, frozen=True, gc=False):
    """An order whose goods are counted, before their costs are known: so the host is asked for many orders at once."""

    facts: Facts
    stored: Mapping[str, Sequence[Document]]
    returned: list[Return]
    plan: Plan

    def costs_wanted(self) -> frozenset[tuple[date, Any]]:
        """The days and products whose cost ``documents`` looks up."""
        if not self.plan.rises:
            return frozenset()
        grouped, lines = bundles(self.facts.order.lines), {line.id: line for line in self.facts.order.lines}
        wanted: set[tuple[date, Any]] = set()
        for rise in self.plan.rises:
            for line_id in rise.pieces:
                members = grouped.get(line_id) or ([lines[line_id]] if line_id in lines else [])
                wanted.update((rise.day, line.host_product_id) for line in members if line.host_product_id is not None)
        return frozenset(wanted)

    def documents(self, costs: Costs) -> tuple[Document, ...]:
        """The documents that are not posted: money first, then goods; see the function of this name."""
        facts, stored, plan = replace(self.facts, costs=costs), self.stored, self.plan
        invoiced = invoices(facts, stored[INVOICE])
        found = list(invoiced.documents)
        if facts.refunds:
            found += credits(facts, stored[CREDIT], invoiced)
        fulfilled = stored[FULFILLMENT]
        back = [each for each in stored[RETURN] if each.is_posted]
        is_held = invoiced.reversal_is_held or not invoiced.has_posted
        goods = fulfillments(facts, plan, fulfilled, back, reversal_is_held=is_held)
        found += goods
        if self.returned or stored[RETURN]:
            posted = [each for each in fulfilled if each.is_posted]
            found += customer_returns(facts, self.returned, stored[RETURN], [*posted, *goods])
        return tuple(found)


def prepared(
    order: Order,
    refunds: Sequence[Refund],
    returns: Sequence[GoodsReturn],
    settings: Settings,
    booked: Sequence[Document],
) -> Prepared:
    """What ``documents`` makes documents of, but for the costs."""
    facts = Facts(order, refunds, returns, settings, {})
    stored = _by_kind(booked)
    fulfilled = stored[FULFILLMENT]
    returned = returned_goods(facts, fulfilled)
    pieces = returned_pieces(facts, returned, stored[RETURN], fulfilled)
    plan = planned(facts, fulfilled, pieces, has_invoice=any(each.is_posted for each in stored[INVOICE]))
    return Prepared(facts, stored, returned, plan)


def documents(  # noqa: PLR0917 - as the issue has it
    order: Order,
    refunds: Sequence[Refund],
    returns: Sequence[GoodsReturn],
    settings: Settings,
    costs: Costs,
    booked: Sequence[Document],
) -> tuple[Document, ...]:
    """The documents of an order that are not posted: money first, then goods.

    ``booked`` are all stored ones of the order, in the order of their numbers. A result with a ``number`` replaces the
    stored one of that number, one without is new, and a stored one that is not posted and whose number is missing in
    the result is withdrawn. What shall not change any more, as what is in a closed batch, is to be given as posted.
    ``costs`` must have what ``costs_wanted`` names, as far as the host knows it.
    """
    return prepared(order, refunds, returns, settings, booked).documents(costs)


_NOTHING: Mapping[str, Sequence[Document]] = dict.fromkeys(KINDS, ())


def _by_kind(booked: Sequence[Document]) -> Mapping[str, Sequence[Document]]:
    if not booked:
        return _NOTHING
    stored: dict[str, list[Document]] = {kind: [] for kind in KINDS}
    for each in booked:
        stored[each.kind].append(each)
    return stored
