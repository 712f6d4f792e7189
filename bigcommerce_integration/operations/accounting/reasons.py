"""Why a document is where it is, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Row

from ...errors import Code
from ...models.types import when_text


class AccountingReason(Code):
    """Why a document is held, waits or is disabled."""

    UNKNOWN_CURRENCY = "unknown_currency", "The order names no currency that can be used."
    TOTAL_MISMATCH = "total_mismatch", "The parts of the order do not add up to its total."
    TAX_MISMATCH = "tax_mismatch", "The taxes of the parts of the order do not add up to its tax."
    MINOR_UNIT = "minor_unit", "The total has more decimals than the currency has."
    LINES_MISMATCH = "lines_mismatch", "The lines of the order do not add up to its net amount."
    PAYMENTS_MISMATCH = "payments_mismatch", "The payments of the refund do not add up to it."
    TAX_ADJUSTMENT_UNCLEAR = "tax_adjustment_unclear", "A refund without items is not of tax alone."
    CREDITS_EXCEED_INVOICE = "credits_exceed_invoice", "More is credited than was invoiced."
    EDITED_AND_REFUNDED = (
        "edited_and_refunded",
        "The total of an order with refunds was lowered, which may be the refund itself.",
    )
    CANCELLED_WITHOUT_REFUND = (
        "cancelled_without_refund",
        "The order was cancelled after its invoice, and there is no refund.",
    )
    HOST = "host", "The host has a reason of its own."
    ORDER_NOT_INVOICED = "order_not_invoiced", "The invoice of its order is not made yet, or is held."
    COST_MISSING = "cost_missing", "The cost of the goods is not known yet."
    FLAG_OFF = "flag_off", "The setting that hands such documents over is off, or it was when this one was due."


KIND_NAMES: Mapping[str, str] = {
    "sales_order_invoice": "Invoice",
    "sales_credit": "Credit",
    "sales_order_fulfillment": "Goods out",
    "customer_return": "Goods back",
}
"""What people call the kinds of documents."""


def meaning_of(reason: str) -> str:
    """What a reason means; a reason of a later version stands for itself."""
    found = AccountingReason.__members__.get(reason.upper())
    return reason if found is None else found.meaning


def why_of_document(row: Row[Any], batch: Row[Any] | None) -> str:
    """Where the document of this row stands, and why, in one or more sentences; ``batch`` is the row of its batch."""
    return " ".join(_why(row, batch))


def _why(row: Row[Any], batch: Row[Any] | None) -> Iterator[str]:
    status, reasons, message = row.status, row.reasons.split(), row.message
    if status == "posted":
        yield f"Your books have it{_as(row.host_reference)}."
    elif status == "failed":
        yield f"Your books did not take it: {_sentence(message)} It is tried again when somebody says so."
    elif status == "pending":
        yield from _why_pending(row, batch)
    else:
        # The message says the same with the sums.
        yield from [_sentence(message)] if message else map(meaning_of, reasons)
    if status == "held":
        yield "It stays out of your books until somebody releases it."


def _why_pending(row: Row[Any], batch: Row[Any] | None) -> Iterator[str]:
    if batch is not None:
        yield why_of_batch(batch)
    elif row.tries:
        yield from _refused(row)
    else:
        yield "A worker hands it over next."


def why_of_batch(row: Row[Any]) -> str:
    """Where the batch of this row stands."""
    status = row.status
    name = f"Batch {row.number} of {row.batch_period}"
    if status == "posted":
        return f"{name} is in your books{_as(row.host_reference)}."
    if status == "failed":
        return f"{name} was not taken: {_sentence(row.message)} It is tried again when somebody says so."
    if status == "open":
        end = "once the orders of the whole period were read" if _is_of_orders(row) else "once the period is over"
        return f"{name} is open: it is handed over {end}."
    return " ".join([f"{name} is closed.", *(_refused(row) if row.tries else ["A worker hands it over next."])])


def _is_of_orders(row: Row[Any]) -> bool:
    return bool(row.kind == "sales_order_fulfillment")


def _refused(row: Row[Any]) -> Iterator[str]:
    yield f"Your books have not taken it yet: {_sentence(row.message)}"
    times = "once" if row.tries == 1 else f"{row.tries} times"
    again = f", and again at {when_text(row.next_try_at)}" if row.next_try_at is not None else ""
    yield f"It was tried {times}{again}."


def _as(reference: str | None) -> str:
    return f" as {reference}" if reference else ""


def _sentence(text: str | None) -> str:
    """With a full stop, whoever wrote it."""
    said = (text or "it is not known why").strip()
    return said if said.endswith((".", "!", "?")) else f"{said}."
