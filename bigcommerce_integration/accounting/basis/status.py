"""What becomes of a document: pending, waiting, held or disabled, and since when it is dated."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

from msgspec.structs import replace

from ..document import (
    CREDIT,
    DISABLED_REASONS,
    INVOICE,
    REASONS,
    WAITING_REASONS,
    Document,
    Kind,
    Status,
)
from ..facts import Facts, Settings
from ..version import version
from .due import is_cancelled

Reasons = Mapping[str, str]
"""Sentences by the code of the reason."""
_WAITING = frozenset(WAITING_REASONS)
_DISABLED = frozenset(DISABLED_REASONS)


def dated(stored: Document | None, day: date) -> date:
    """The day of a document: what it has, unless it waits or is new."""
    return day if stored is None or not _WAITING.isdisjoint(stored.reasons) else stored.date


def gated(kind: Kind, day: date, settings: Settings) -> bool:
    """Whether a flag of the instance keeps it from being handed over; goods have none."""
    if kind == INVOICE:
        return not settings.syncs_invoices or (settings.invoices_from is not None and day < settings.invoices_from)
    if kind == CREDIT:
        return not settings.syncs_credits or (settings.credits_from is not None and day < settings.credits_from)
    return False


def is_settled(stored: Document, settings: Settings) -> bool:
    """Whether later edits leave it as it is: it is posted, or an adjustment of before the flag was switched on again.

    Such an adjustment stays disabled, so what is edited afterwards must not go into it.
    """
    if stored.is_posted:
        return True
    begins = {INVOICE: settings.invoices_from, CREDIT: settings.credits_from}.get(stored.kind)
    return stored.adjusts_number is not None and begins is not None and stored.date < begins


def made(
    facts: Facts,
    kind: Kind,
    day: date,
    reasons: Reasons,
    stored: Document | None,
    *,
    currency_code: str | None,
    **content: Any,
) -> Document:
    """The document with its status; ``stored`` is what it replaces, from which it has its number and release.

    A flag comes first. What waits is not held yet: there is nothing final to release. A released version is pending in
    spite of its held reasons; a failed one stays so until it changes. What the host said last of an unchanged one is
    kept.
    """
    order = facts.order
    codes = _codes(reasons, kind, day, facts.settings)
    document = Document(
        kind=kind,
        status=_status(codes),
        reasons=codes,
        date=day,
        currency_code=currency_code or "",
        order_id=order.id,
        customer_id=order.customer_id,
        external_order_id=order.external_order_id,
        store_default_currency_code=order.store_default_currency_code,
        # The order's rate is of its own currency alone.
        exchange_rate=order.exchange_rate if currency_code == order.currency_code else None,
        number=None if stored is None else stored.number,
        message=" ".join(reasons[code] for code in codes if code in reasons) or None,
        released_version=None if stored is None else stored.released_version,
        **content,
    )
    return document if stored is None else _after(document, stored)


def kept(stored: Document, settings: Settings) -> Document:
    """The stored document as it is, but for its release and the flag that keeps it from being handed over."""
    codes = _codes(set(stored.reasons).difference(DISABLED_REASONS), stored.kind, stored.date, settings)
    same = replace(stored, reasons=codes, status=_status(codes))
    return _after(same, stored)


def staying(facts: Facts, stored: Sequence[Document]) -> list[Document]:
    """What is not posted of an order of which nothing changes.

    Once a cancelled order has a refund, the reversal that was held for the want of one goes.
    """
    has_refund = is_cancelled(facts.order) and not facts.order.is_gone
    return [
        kept(each, facts.settings)
        for each in stored
        if not each.is_posted and not (has_refund and "cancelled_without_refund" in each.reasons)
    ]


def _codes(reasons: Collection[str], kind: Kind, day: date, settings: Settings) -> tuple[str, ...]:
    """All codes, in their order."""
    is_gated = gated(kind, day, settings)
    if not reasons:
        return DISABLED_REASONS if is_gated else ()
    return tuple(code for code in REASONS if code in reasons or (is_gated and code in DISABLED_REASONS))


def _status(codes: Sequence[str]) -> Status:
    if not codes:
        return "pending"
    if not _DISABLED.isdisjoint(codes):
        return "disabled"
    return "held" if _WAITING.isdisjoint(codes) else "waiting"


def _after(document: Document, stored: Document) -> Document:
    """The document in the light of what was done with the stored one."""
    released = stored.released_version
    if released is not None and document.status == "held" and version(document) == released:
        document = replace(document, status="pending")
    if document.status == "pending" and stored.status in ("pending", "failed") and version(document) == version(stored):
        document = replace(document, status=stored.status, message=stored.message)
    return document
