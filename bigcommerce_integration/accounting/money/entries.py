"""What is booked on each role, order line and detail, and how it differs from what was booked before."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ..basis.amounts import in_units, of_units
from ..document import Document, Line, Role

Key = tuple[Role, int | None, str | None]
"""Role, order line, detail: what adjustments go by. Nominal codes do not count: they may change at any time."""


class Entry(NamedTuple):
    """Minor units, above 0 of a debit and below 0 of a credit; the tax and the pieces beside it have the same sign."""

    units: int
    tax: int | None = None
    quantity: int = 0
    host_product_id: Any = None
    derivation: str = ""


Entries = dict[Key, Entry]


def lines_of(entries: Entries, digits: int) -> tuple[Line, ...]:
    """The lines, without those of 0: an amount below 0 has changed sides."""
    return tuple(_line(key, entry, digits) for key, entry in entries.items() if entry.units)


def _line(key: Key, entry: Entry, digits: int) -> Line:
    role, order_line_id, detail = key
    units, tax, quantity = entry.units, entry.tax, entry.quantity
    sign = 1 if units > 0 else -1
    return Line(
        role=role,
        side="debit" if units > 0 else "credit",
        amount=of_units(sign * units, digits),
        tax_amount=None if tax is None else of_units(sign * tax, digits),
        order_line_id=order_line_id,
        host_product_id=entry.host_product_id,
        # Of an adjustment: only where pieces and amount went the same way.
        quantity=sign * quantity if sign * quantity > 0 else None,
        detail=detail,
        derivation=entry.derivation,
    )


def booked(documents: Iterable[Document], digits: int) -> Entries:
    """The sum of what these documents book; all are in one currency."""
    sums: Entries = {}
    for document in documents:
        for line in document.lines:
            entry = _entry(line, digits)
            key = (line.role, line.order_line_id, line.detail)
            sums[key] = _added(sums[key], entry) if key in sums else entry
    return sums


def _entry(line: Line, digits: int) -> Entry:
    sign = 1 if line.side == "debit" else -1
    return Entry(
        0 if line.amount is None else sign * in_units(line.amount, digits),
        None if line.tax_amount is None else sign * in_units(line.tax_amount, digits),
        sign * (line.quantity or 0),
        line.host_product_id,
        line.derivation,
    )


def _added(one: Entry, other: Entry, sign: int = 1) -> Entry:
    tax = None if one.tax is None and other.tax is None else (one.tax or 0) + sign * (other.tax or 0)
    return Entry(
        one.units + sign * other.units,
        tax,
        one.quantity + sign * other.quantity,
        one.host_product_id if one.host_product_id is not None else other.host_product_id,
        one.derivation or other.derivation,
    )


def difference(wanted: Entries, before: Entries) -> Entries:
    """What must be booked besides ``before`` so that both make ``wanted``.

    A tax that moved between lines whose amounts stay makes no line: a line without an amount is none, and the tax
    itself is a role of its own.
    """
    changes: Entries = {}
    nothing = Entry(0)
    for key in (*wanted, *(key for key in before if key not in wanted)):
        changed = _added(wanted.get(key, nothing), before.get(key, nothing), -1)
        if changed.units:
            changes[key] = changed
    return changes
