"""The invoice of an order, and what adjusts it after an edit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from ..basis.amounts import digits_of, in_units, of_units
from ..basis.due import due_day, is_due, is_frozen, is_void
from ..basis.status import dated, is_settled, kept, made, staying
from ..document import INVOICE, Document
from ..facts import Facts
from .entries import Entries, booked, difference, lines_of
from .memo import memo_lines
from .sale import Sale, sale_of

CANCELLED = "The order was invoiced and is no sale any more, but nothing was refunded."
EDITED = "The order's total is lower than before and it has refunds: the difference may be a refund itself."


class Invoiced(NamedTuple):
    """The invoices of an order; ``documents`` are those that are not posted.

    ``day`` and ``total`` (minor units) are of what stands, None without. ``is_held``: the invoice itself is.
    ``has_posted``: one was posted. ``reversal_is_held``: the order was cancelled, and its reversal is not released.
    """

    documents: Sequence[Document] = ()
    day: date | None = None
    total: int | None = None
    is_held: bool = False
    has_posted: bool = False
    reversal_is_held: bool = False


def invoices(facts: Facts, stored: Sequence[Document]) -> Invoiced:
    """The invoice of an order that is due, or what its posted invoices lack; ``stored`` are its invoices.

    Once it is stored it stays, whatever status the order goes back to. Of an order that is archived or gone, or was
    cancelled and refunded, nothing changes. One that was cancelled without a refund is reversed, which a person
    must release; what was not posted of it is withdrawn.
    """
    posted = [each for each in stored if each.is_posted]
    unposted = [each for each in stored if not each.is_posted]
    if is_frozen(facts.order, facts.refunds):
        return _standing(posted, staying(facts, stored))
    if posted:
        settled = [each for each in stored if is_settled(each, facts.settings)]
        unchanged = [kept(each, facts.settings) for each in settled if not each.is_posted]
        rest = [each for each in unposted if each not in settled]
        return _standing(posted, [*unchanged, *_adjusting(facts, settled, rest)])
    if facts.order.is_sale and (unposted or is_due(facts.order)):
        return _first(facts, unposted[0] if unposted else None)
    return Invoiced()


def _first(facts: Facts, stored: Document | None) -> Invoiced:
    """The invoice, unless its day is before invoices began. One that books nothing, as of an order of 0, is none."""
    order, settings = facts.order, facts.settings
    day = due_day(order, settings.zone) or settings.today
    if stored is None and day < settings.starts.get(INVOICE, day):
        return Invoiced()
    sale = sale_of(order)
    day = dated(stored, day)
    lines = lines_of(sale.entries, sale.digits)
    if not lines:
        return Invoiced((), day, 0)
    document = made(
        facts,
        INVOICE,
        day,
        sale.reasons,
        stored,
        currency_code=order.currency_code,
        lines=lines,
        total=of_units(sale.total, sale.digits),
        memo_lines=memo_lines(settings, sale.net, sale.total, sale.digits),
        payment_reference=order.payment_provider_id or None,
    )
    return _standing([], [document])


def _standing(posted: Sequence[Document], unposted: Sequence[Document]) -> Invoiced:
    """What stands of the invoices: an adjustment that is held does not count yet."""
    if not posted and not unposted:
        return Invoiced()
    first, *adjusting = *posted, *unposted
    held = [each for each in adjusting if each.status == "held"]
    digits = digits_of(first.currency_code)
    standing = [first, *(each for each in adjusting if each.status != "held")]
    return Invoiced(
        documents=unposted,
        day=first.date,
        total=sum(in_units(each.total, digits) for each in standing if each.total is not None),
        is_held=first.status == "held",
        has_posted=bool(posted),
        reversal_is_held=any("cancelled_without_refund" in each.reasons for each in held),
    )


def _adjusting(facts: Facts, settled: Sequence[Document], unposted: Sequence[Document]) -> list[Document]:
    """What the settled invoices lack of the order as it is now; one document for each currency that differs.

    The transactional currency of an order does not change by itself; if it did, the old one is reversed.
    """
    order = facts.order
    sale = sale_of(order) if order.is_sale else Sale({}, 0, 0, digits_of(order.currency_code), {})
    current = order.currency_code or ""
    found = []
    for code in dict.fromkeys((current, *(each.currency_code for each in settled))):
        wanted = sale if code == current else Sale({}, 0, 0, digits_of(code), sale.reasons)
        changes = difference(wanted.entries, booked(_in(code, settled), wanted.digits))
        if changes:
            stored = next(iter(_in(code, unposted)), None)
            found.append(_adjustment(facts, settled, stored, changes, wanted, code=code))
    return found


def _in(code: str, documents: Sequence[Document]) -> list[Document]:
    return [each for each in documents if each.currency_code == code]


def _adjustment(
    facts: Facts, settled: Sequence[Document], stored: Document | None, changes: Entries, wanted: Sale, *, code: str
) -> Document:
    order, settings, digits = facts.order, facts.settings, wanted.digits
    total = wanted.total - sum(in_units(each.total, digits) for each in _in(code, settled) if each.total is not None)
    tax = changes.get(("tax", None, None))
    net = total if tax is None else total + tax.units
    reasons = dict(wanted.reasons)
    if not order.is_sale:
        reasons["cancelled_without_refund"] = CANCELLED
    elif total < 0 and not all(is_void(each) for each in facts.refunds):
        reasons["edited_and_refunded"] = EDITED
    return made(
        facts,
        INVOICE,
        dated(stored, max(settings.today, *(each.date for each in settled))),
        reasons,
        stored,
        currency_code=code,
        lines=lines_of(changes, digits),
        total=of_units(total, digits),
        memo_lines=memo_lines(settings, net, total, digits),
        adjusts_number=settled[0].number,
        payment_reference=order.payment_provider_id or None,
    )
