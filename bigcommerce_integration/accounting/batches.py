"""What a batch books: the sum of its documents, by role and nominal code."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from .document import Document, Line


def summed(documents: Iterable[Document]) -> tuple[Line, ...]:
    """One line for each role and nominal code, on the side that is larger, in the order in which they come.

    The documents are of one currency. What comes to 0 is left out; what has no amount yet does not count.
    """
    sums: dict[tuple[str, int | None], Decimal] = {}
    first: dict[tuple[str, int | None], Line] = {}
    for document in documents:
        for line in document.lines:
            if line.amount is not None:
                key = (line.role, line.nominal_code_id)
                first.setdefault(key, line)
                sums[key] = sums.get(key, Decimal()) + (line.amount if line.side == "debit" else -line.amount)
    return tuple(
        Line(
            role=first[key].role,
            side="debit" if amount > 0 else "credit",
            amount=abs(amount),
            nominal_code_id=first[key].nominal_code_id,
            derivation="sum of the documents of the batch",
        )
        for key, amount in sums.items()
        if amount
    )
