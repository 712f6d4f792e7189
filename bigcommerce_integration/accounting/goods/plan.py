"""Which goods of an order left and when, besides what is booked: pieces, without their costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from msgspec import Struct

from ..basis.due import day_of, due_day, is_due, is_frozen
from ..document import FULFILLMENT, Document
from ..facts import Facts
from .lots import moved, pieces_by_line, sign_of
from .quantities import left_pieces, shipped_before


class Rise(Struct, frozen=True, gc=False):
    """Goods that left on a day: pieces by order line, and the stored document of them if there is one."""

    day: date
    pieces: dict[int, int]
    stored: Document | None


class Plan(Struct, frozen=True, gc=False):
    """What becomes of an order's fulfillments.

    ``fallen``: pieces by order line that are taken back of what ``base`` has booked; ``reversals`` are the stored
    documents of that, and stay as they are of an order of which nothing changes (``is_frozen``).
    """

    rises: Sequence[Rise]
    fallen: Mapping[int, int]
    base: Sequence[Document]
    reversals: Sequence[Document] = ()
    is_frozen: bool = False


NOTHING = Plan((), {}, ())
"""Of an order of which nothing has left yet."""


def planned(facts: Facts, stored: Sequence[Document], returned: Mapping[int, int], *, has_invoice: bool) -> Plan:
    """What has to be booked, besides what is; ``stored`` are the order's fulfillments.

    What is not posted is made anew, so a fall first shrinks the latest of those documents. Pieces that came back
    (``returned``) had left: their cost comes back by the return and not by a fall. ``has_invoice``: an invoice was
    posted; then the goods of an order that was cancelled without a refund stay booked until their reversal is
    released, as its invoice does.
    """
    if not stored and not is_due(facts.order) and all(line.quantity_shipped <= 0 for line in facts.order.lines):
        return NOTHING
    posted = [each for each in stored if each.is_posted]
    rises = [_rise(each) for each in stored if not each.is_posted and each.adjusts_number is None]
    reversals = [each for each in stored if not each.is_posted and each.adjusts_number is not None]
    if is_frozen(facts.order, facts.refunds):
        return Plan(rises, {}, posted, reversals, is_frozen=True)
    if not facts.order.is_sale and has_invoice:
        base = [*posted, *(each.stored for each in rises if each.stored is not None)]
        fallen = {line: pieces - returned.get(line, 0) for line, pieces in _with_cost(base).items()}
        return Plan(rises, {line: pieces for line, pieces in fallen.items() if pieces > 0}, base, reversals)
    risen, fallen = _changed(facts, stored, posted, rises, returned)
    rest = _shrunk(rises, fallen)
    if risen:
        rises.append(Rise(_day(facts, stored), risen, None))
    return Plan([each for each in rises if each.pieces], rest, posted, reversals)


def _rise(document: Document) -> Rise:
    return Rise(document.date, pieces_by_line([document]), document)


def _day(facts: Facts, stored: Sequence[Document]) -> date:
    """The day of ``date_shipped`` of the first, else and of later ones the day on which it was read."""
    if stored or facts.order.date_shipped is None:
        return facts.settings.today
    return day_of(facts.order.date_shipped, facts.settings.zone)


def _changed(
    facts: Facts,
    stored: Sequence[Document],
    posted: Sequence[Document],
    rises: Sequence[Rise],
    returned: Mapping[int, int],
) -> tuple[dict[int, int], dict[int, int]]:
    """Pieces by order line that left besides those that are booked, and that have not left after all."""
    before = pieces_by_line(posted)
    for rise in rises:
        for line, pieces in rise.pieces.items():
            before[line] = before.get(line, 0) + pieces
    if not stored and _was_before(facts):
        return {}, {}
    wanted: dict[int, int] = {}
    if facts.order.is_sale:
        known = [each for each in stored if each.is_posted or each.adjusts_number is None]
        wanted = left_pieces(facts.order, facts.refunds, before, shipped_before(known))
    risen, fallen = {}, {}
    for line in (*wanted, *(before.keys() - wanted.keys())) if before else wanted:
        pieces, booked = wanted.get(line, 0), before.get(line, 0)
        if pieces > booked:
            risen[line] = pieces - booked
        elif booked and booked > (kept := max(pieces, returned.get(line, 0))):
            fallen[line] = booked - kept
    return risen, fallen


def _was_before(facts: Facts) -> bool:
    """Whether its goods left before fulfillments began: it was shipped, or last changed at all, before that day."""
    first, day = facts.settings.starts.get(FULFILLMENT), due_day(facts.order, facts.settings.zone)
    return first is not None and day is not None and day < first


def _with_cost(documents: Sequence[Document]) -> dict[int, int]:
    """Pieces by order line of which a cost was booked."""
    sums: dict[int, int] = {}
    for document in documents:
        for line in moved(document):
            if line.amount is not None and line.order_line_id is not None:
                sums[line.order_line_id] = sums.get(line.order_line_id, 0) + sign_of(line) * (line.quantity or 0)
    return sums


def _shrunk(rises: Sequence[Rise], fallen: Mapping[int, int]) -> dict[int, int]:
    """Take fallen pieces off the latest rises that are not posted; those that remain to be reversed."""
    rest = {}
    for line, pieces in fallen.items():
        left = pieces
        for rise in reversed(rises):
            taken = min(left, rise.pieces.get(line, 0))
            if taken:
                left -= taken
                rise.pieces[line] -= taken
                if not rise.pieces[line]:
                    del rise.pieces[line]
        if left:
            rest[line] = left
    return rest
