"""The cost of goods that came back, as it was booked when they left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from ..basis.due import day_of, is_due
from ..document import RETURN, Document
from ..facts import Facts, OrderLine
from .costs import bundles
from .fulfillment import LEFT_OF
from .lots import Lots, Piece, moved, pieces_by_line
from .papers import Group, Groups, papers
from .quantities import refunded


class Return(NamedTuple):
    """Goods that came back on a day: what the host has reported, or a refund where refunds bring goods back."""

    day: date
    pieces: Mapping[int, int]
    reference: str | None = None
    refund_id: int | None = None

    def is_of(self, document: Document) -> bool:
        """Whether the document was made of it."""
        return document.return_reference == self.reference and document.refund_id == self.refund_id


def returned_goods(facts: Facts, fulfilled: Sequence[Document]) -> list[Return]:
    """All returns of an order: those that were reported, then those of its refunds if the host says that they are some.

    ``fulfilled`` are its stored fulfillments. A refund of pieces that had not left brings none back.
    """
    found = [Return(each.received_at, each.quantities, reference=each.reference) for each in facts.returns]
    if facts.settings.refund_returns_goods and facts.refunds:
        unsent = _unsent(facts, fulfilled)
        for refund in sorted(facts.refunds, key=lambda each: each.id):
            pieces = refunded(refund)
            if facts.order.date_shipped is None or refund.created < facts.order.date_shipped:
                pieces = _beyond(pieces, unsent)
            if pieces:
                found.append(Return(day_of(refund.created, facts.settings.zone), pieces, refund_id=refund.id))
    return found


def _unsent(facts: Facts, fulfilled: Sequence[Document]) -> dict[int, int]:
    """Pieces by order line that had not left when a refund was made of before ``date_shipped``, or without it.

    None of an order that is due and has no ``date_shipped``, as all of its pieces were booked. Of one that is not due
    those that were booked have left, as they stay booked.
    """
    due = is_due(facts.order)
    if due and facts.order.date_shipped is None:
        return {}
    booked = {} if due else pieces_by_line(fulfilled)
    return {
        line.id: max(line.quantity - max(line.quantity_shipped, booked.get(line.id, 0)), 0)
        for line in facts.order.lines
    }


def _beyond(pieces: Mapping[int, int], unsent: dict[int, int]) -> dict[int, int]:
    rest = {}
    for line, quantity in pieces.items():
        kept = min(quantity, unsent.get(line, 0))
        unsent[line] = unsent.get(line, 0) - kept
        if quantity > kept:
            rest[line] = quantity - kept
    return rest


def returned_pieces(
    facts: Facts, returns: Iterable[Return], stored: Sequence[Document], fulfilled: Sequence[Document]
) -> dict[int, int]:
    """Pieces by order line that came back; ``stored`` are the stored returns, ``fulfilled`` what has left."""
    sums: dict[int, int] = {}
    booked = pieces_by_line(fulfilled)
    for each in returns:
        for line, quantity in _wanted(facts, each, stored, booked).items():
            sums[line] = sums.get(line, 0) + quantity
    return sums


def _wanted(facts: Facts, back: Return, stored: Sequence[Document], booked: Mapping[int, int]) -> dict[int, int]:
    """The pieces of a return by the line that has their cost.

    What was posted of it stays as it is, as the lines of a bundle may change afterwards. Only of a refund less may
    have come back than was thought, and then of a line that is still in the order.
    """
    wanted = _by_booked_line(facts, back.pieces, booked)
    posted = pieces_by_line(each for each in stored if each.is_posted and back.is_of(each))
    if posted:
        present = {line.id for line in facts.order.lines} if back.refund_id is not None else set()
        for line, pieces in posted.items():
            if line not in present:
                wanted[line] = max(wanted.get(line, 0), -pieces)
    return wanted


def _by_booked_line(facts: Facts, pieces: Mapping[int, int], booked: Mapping[int, int]) -> dict[int, int]:
    """The pieces of a bundle's parent as those of all its lines that were booked, each in its proportion.

    What names several lines of a bundle means these lines alone.
    """
    grouped = bundles(facts.order.lines)
    if not grouped:
        return dict(pieces)
    found: dict[int, int] = {}
    for line, quantity in pieces.items():
        bundle = grouped.get(line, [])
        is_whole = bool(bundle) and bundle[0].id == line and not any(each.id in pieces for each in bundle[1:])
        for each, share in _parts(bundle, quantity, booked) if is_whole else ():
            found[each] = found.get(each, 0) + share
        if not is_whole or not any(booked.get(each.id) for each in bundle):
            found[line] = found.get(line, 0) + quantity
    return found


def _parts(bundle: Sequence[OrderLine], quantity: int, booked: Mapping[int, int]) -> Iterator[tuple[int, int]]:
    whole = max(bundle[0].quantity, 1)
    return ((each.id, quantity * each.quantity // whole) for each in bundle if booked.get(each.id))


def customer_returns(
    facts: Facts, returns: Sequence[Return], stored: Sequence[Document], fulfilled: Sequence[Document]
) -> list[Document]:
    """The documents of the returns that are not posted; ``fulfilled`` are all fulfillments as they shall be.

    The cost that was booked comes back, by the same formula as where fewer pieces have left than was thought. Pieces
    whose cost is not booked wait until it is.
    """
    lots = Lots([*fulfilled, *(each for each in stored if each.is_posted)])
    booked = pieces_by_line(fulfilled)
    found: list[Document] = []
    for each in returns:
        of_it = [document for document in stored if each.is_of(document)]
        if of_it or each.day >= facts.settings.starts.get(RETURN, each.day):
            posted = [document for document in of_it if document.is_posted]
            unposted = [document for document in of_it if not document.is_posted and document.adjusts_number is None]
            wanted = _wanted(facts, each, stored, booked)
            groups = _taken(facts, _less(wanted, pieces_by_line(posted)), lots, fulfilled)
            which: dict[str, Any] = {"return_reference": each.reference, "refund_id": each.refund_id}
            found += papers(facts, RETURN, each.day, groups, unposted, out=False, **which)
            found += _undone(facts, wanted, of_it, which)
    gone = [each for each in stored if not any(one.is_of(each) for one in returns)]
    for key in dict.fromkeys((each.return_reference, each.refund_id) for each in gone):
        of_it = [each for each in gone if (each.return_reference, each.refund_id) == key]
        found += _undone(facts, {}, of_it, {"return_reference": key[0], "refund_id": key[1]})
    return found


def _less(pieces: Mapping[int, int], posted: Mapping[int, int]) -> dict[int, int]:
    """What is not posted; pieces that came back count below 0 there."""
    rest = {line: quantity + posted.get(line, 0) for line, quantity in pieces.items()}
    return {line: quantity for line, quantity in rest.items() if quantity > 0}


def _taken(facts: Facts, wanted: Mapping[int, int], lots: Lots, fulfilled: Sequence[Document]) -> Groups:
    groups: Groups = {}
    missing: list[Piece] = []
    booked = {line.order_line_id: line for document in fulfilled for line in moved(document)}
    products = {line.id: line.host_product_id for line in facts.order.lines}
    for line_id, quantity in wanted.items():
        line, left = booked.get(line_id), quantity
        for code, pieces, units in lots.taken(line_id, quantity):
            left -= pieces
            source = (line.cost_source if line is not None else None) or "missing"
            product = None if line is None else line.host_product_id
            piece = Piece(line_id, pieces, units, source, product, None, LEFT_OF)
            groups.setdefault(Group(code, False), []).append(piece)
        if left:
            how = "its cost is not booked"
            missing.append(Piece(line_id, left, None, "missing", products.get(line_id), None, how))
    if missing:
        groups[Group(facts.order.currency_code or "", True)] = missing
    return groups


def _undone(
    facts: Facts, wanted: Mapping[int, int], stored: Sequence[Document], which: Mapping[str, Any]
) -> list[Document]:
    """What takes back pieces of a posted return that did not come back after all.

    As of a refund whose payments were declined later, or of pieces that turn out to have been refunded before they
    were shipped.
    """
    posted = [each for each in stored if each.is_posted]
    back = {line: -pieces - wanted.get(line, 0) for line, pieces in pieces_by_line(posted).items()}
    lots = Lots(posted, came_back=True)
    booked = {line.order_line_id: line for document in posted for line in moved(document)}
    groups: Groups = {}
    for line_id, quantity in back.items():
        line = booked[line_id]
        for code, pieces, units in lots.taken(line_id, quantity):
            source = line.cost_source or "missing"
            piece = Piece(line_id, pieces, units, source, line.host_product_id, None, LEFT_OF)
            groups.setdefault(Group(code, False), []).append(piece)
    if not groups:
        return []
    unposted = [each for each in stored if not each.is_posted and each.adjusts_number is not None]
    day = unposted[0].date if unposted else max(facts.settings.today, *(each.date for each in posted))
    first = posted[0].number
    return papers(facts, RETURN, day, groups, unposted, out=True, adjusts_number=first, **which)
