"""What is not in the host's books yet, by kind and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import case, func, select

from ...accounting.document import KINDS, STATUSES
from ..context import RequestContext
from .reasons import meaning_of

AWAITING = tuple(each for each in STATUSES if each != "posted")
_PLACES = Decimal("0.0001")
_SENTENCES = {
    "pending": "A worker hands them over next.",
    "failed": "Your books did not take them; they are tried again when somebody says so.",
}
_BATCHED = "They are in batches, which are handed over when their periods are over."


@dataclass(frozen=True)
class Awaiting:
    """Documents of one kind that are where they are for the same reasons.

    ``total`` is the sum of theirs, None if the cost of some is missing; ``since`` is the earliest of their days.
    ``is_batched``: they are in batches.
    """

    kind: str
    status: str
    reasons: tuple[str, ...]
    is_batched: bool
    currency_code: str
    count: int
    total: Decimal | None
    since: date

    @property
    def sentence(self) -> str:
        """Why, for people."""
        if self.reasons and self.status in ("held", "waiting", "disabled"):
            return " ".join(meaning_of(each) for each in self.reasons)
        return _BATCHED if self.is_batched and self.status == "pending" else _SENTENCES.get(self.status, "")


def awaiting(context: RequestContext) -> Sequence[Awaiting]:
    """All that is not posted, by kind and status; one query."""
    table = context.state.tables.accounting_documents
    is_batched = case((table.c.batch_number.is_not(None), 1), else_=0)
    by = (table.c.kind, table.c.status, table.c.reasons, is_batched, table.c.currency_code)
    statement = (
        select(
            *by[:3],
            is_batched.label("is_batched"),
            table.c.currency_code,
            func.count().label("number"),
            func.count(table.c.total).label("known"),
            func.sum(table.c.total).label("total"),
            func.min(table.c.date).label("since"),
        )
        .where(table.c.instance_id == context.instance.id, table.c.status.in_(AWAITING))
        .group_by(*by)
    )
    return sorted((_awaiting(row) for row in context.session.execute(statement)), key=_place)


def _awaiting(row: Any) -> Awaiting:
    return Awaiting(
        row.kind,
        row.status,
        tuple(row.reasons.split()),
        bool(row.is_batched),
        row.currency_code,
        row.number,
        None if row.known < row.number else amount(row.total),
        row.since,
    )


def _place(each: Awaiting) -> tuple[Any, ...]:
    kind = KINDS.index(each.kind) if each.kind in KINDS else len(KINDS)
    return kind, AWAITING.index(each.status), each.reasons, each.currency_code, each.is_batched


def amount(total: Any) -> Decimal:
    """A sum of amounts, to the four decimals that amounts have: SQLite adds them up as floating point numbers."""
    return Decimal(str(total or 0)).quantize(_PLACES)
