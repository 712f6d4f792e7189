"""The credit of a refund, and what adjusts it after a payment was declined or its order edited."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from ..basis.amounts import digits_of, in_units, of_units, unfit
from ..basis.due import day_of, is_void, was_due_before
from ..basis.status import dated, is_settled, kept, made
from ..document import CREDIT, INVOICE, Document
from ..facts import Facts, Order, Refund
from .entries import Entries, Entry, booked, difference, lines_of
from .invoice import Invoiced
from .memo import memo_lines
from .split import Split, split_of

NOT_INVOICED = "Its order has no invoice yet, or one that is held."


def credits(facts: Facts, stored: Sequence[Document], invoiced: Invoiced) -> Iterator[Document]:
    """The credits that are not posted, one for each refund, in the order of the refunds' ids.

    A refund counts from the day on which credits began: that is the later day of the refund and of its invoice, so
    one of before the goods were sent comes with the invoice.
    """
    order = facts.order
    digits = digits_of(order.currency_code)
    limit = in_units(order.total.inc_tax, digits) if invoiced.total is None else invoiced.total
    so_far = 0
    for refund in sorted(facts.refunds, key=lambda each: each.id):
        split = split_of(refund, order, digits)
        of_it = [each for each in stored if each.refund_id == refund.id]
        settled = [each for each in of_it if is_settled(each, facts.settings)]
        before = next((each for each in of_it if each not in settled), None)
        so_far += 0 if is_void(refund) else split.total
        if settled:
            yield from (kept(each, facts.settings) for each in settled if not each.is_posted)
            yield from _adjusting(facts, refund, settled, before, split)
        elif not is_void(refund):
            day = day_of(refund.created, facts.settings.zone)
            day = day if invoiced.day is None else max(day, invoiced.day)
            if before is not None or day >= facts.settings.starts.get(CREDIT, day):
                reasons = _reasons(order, refund, split, over=so_far - limit)
                if _waits(facts, invoiced):
                    reasons["order_not_invoiced"] = NOT_INVOICED
                yield _credit(facts, refund, before, split, reasons, day=dated(before, day))


def _waits(facts: Facts, invoiced: Invoiced) -> bool:
    """Whether the invoice is missing or held, unless the order was due before invoices began."""
    if invoiced.day is None:
        return not was_due_before(facts.order, facts.settings.starts.get(INVOICE), facts.settings.zone)
    return invoiced.is_held


def _credit(
    facts: Facts, refund: Refund, stored: Document | None, split: Split, reasons: dict[str, str], *, day: date
) -> Document:
    code = facts.order.currency_code
    digits = digits_of(code)
    is_clear = reasons.keys().isdisjoint({"payments_mismatch", "credits_exceed_invoice"})
    entries = {**_debited(split), **_paid(split.by_provider if is_clear else {None: split.total})}
    return made(
        facts,
        CREDIT,
        day,
        reasons,
        stored,
        currency_code=code,
        lines=lines_of(entries, digits),
        total=of_units(split.total, digits),
        memo_lines=memo_lines(facts.settings, -split.net, -split.total, digits),
        refund_id=refund.id,
    )


def _reasons(order: Order, refund: Refund, split: Split, *, over: int) -> dict[str, str]:
    """Why it is held. ``items`` is empty where a tax adjustment made the refund (bigcommerce/docs, orders.v3.yml)."""
    digits = digits_of(order.currency_code)
    reasons = _of_order(order, refund)
    if not refund.items and split.net:
        reasons["tax_adjustment_unclear"] = (
            f"It names nothing that was refunded, so its total {refund.total_amount:f} should be tax, "
            f"but its total_tax is {refund.total_tax:f}."
        )
    if not split.by_provider or split.paid != split.total:
        reasons["payments_mismatch"] = (
            f"Its payments that were not declined are {of_units(split.paid, digits):f}, "
            f"but its total is {refund.total_amount:f}."
        )
    if over > 0:
        reasons["credits_exceed_invoice"] = (
            f"With it, the refunds of the order are {of_units(over, digits):f} above its invoice."
        )
    return reasons


def _of_order(order: Order, refund: Refund) -> dict[str, str]:
    reasons = unfit(refund.total_amount, order.currency_code)
    if order.host_hold is not None:
        reasons["host"] = order.host_hold
    return reasons


def _debited(split: Split) -> Entries:
    return {
        ("shipping_refund", None, None): Entry(split.shipping, derivation="requested_amount of SHIPPING and HANDLING"),
        ("sales_returns_allowances", None, None): Entry(
            split.returns, derivation="total_amount - total_tax - shipping"
        ),
        ("tax", None, None): Entry(split.tax, derivation="total_tax"),
    }


def _paid(by_provider: dict[str | None, int]) -> Entries:
    return {
        ("receivable", None, provider): Entry(-units, derivation="payments that were not declined")
        for provider, units in by_provider.items()
    }


def _adjusting(
    facts: Facts, refund: Refund, settled: Sequence[Document], stored: Document | None, split: Split
) -> Iterator[Document]:
    """What the settled credits of a refund have too much or too little; all are in the order's currency."""
    settings, code = facts.settings, facts.order.currency_code
    digits = digits_of(code)
    before = booked(settled, digits)
    split, declined = _after_posting(refund, split, before)
    changes = difference({**_debited(split), **_paid(split.by_provider)}, before)
    if not changes:
        return
    reasons = _of_order(facts.order, refund)
    if declined:
        reasons["payments_mismatch"] = (
            f"{of_units(declined, digits):f} of it was declined after the credit was handed over."
        )
    total = split.total - sum(in_units(each.total, digits) for each in settled if each.total is not None)
    tax = changes.get(("tax", None, None))
    net = total if tax is None else total - tax.units
    yield made(
        facts,
        CREDIT,
        dated(stored, max(settings.today, *(each.date for each in settled))),
        reasons,
        stored,
        currency_code=code,
        lines=lines_of(changes, digits),
        total=of_units(total, digits),
        memo_lines=memo_lines(settings, -net, -total, digits),
        refund_id=refund.id,
        adjusts_number=settled[0].number,
    )


def _after_posting(refund: Refund, split: Split, before: Entries) -> tuple[Split, int]:
    """What a posted credit should be now, and what was declined of it since.

    All of its payments were declined: nothing. Some were, after they had been handed over one by one: of each role the
    share that was not. Else who was paid stays as it was booked: a person may have released it as one sum.
    """
    owed = {key[2]: -entry.units for key, entry in before.items() if key[0] == "receivable" and entry.units}
    if is_void(refund):
        return Split(0, 0, 0, {}), 0
    if any(each.is_declined for each in refund.payments) and split.paid != split.total and owed.keys() - {None}:
        return split.scaled_to_paid(), split.total - split.paid
    if sum(owed.values()) == split.total:
        return split._replace(by_provider=owed), 0
    return (split if split.paid == split.total else split._replace(by_provider={None: split.total})), 0
