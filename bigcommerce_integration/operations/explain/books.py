"""Where the documents of an order stand: why is this order not in my books?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Row

from ...models.types import day_text
from ..accounting.absence import why_no_document
from ..accounting.documents import documents_of_order, takes_accounting, why_of
from ..accounting.reasons import KIND_NAMES
from ..context import RequestContext
from .reasons import Reason, ReasonCode

MOST_TOLD = 20


def of_order(context: RequestContext, order: Mapping[str, Any]) -> Iterator[Reason]:
    """Of a stored order, one reason for each document, or why it has none; what is not in the books comes first.

    Nothing for a host that has no books, and for a caller who may not see them.
    """
    if not takes_accounting(context) or not context.permits("read_accounting"):
        return
    rows = documents_of_order(context, order["bigcommerce_id"])
    if not rows:
        yield Reason(ReasonCode.NO_DOCUMENT, why_no_document(context, order))
    told = sorted(zip(rows, why_of(context, rows), strict=True), key=lambda each: each[0].status == "posted")
    for row, why in told[:MOST_TOLD]:
        yield Reason(_code(row), f"{KIND_NAMES.get(row.kind, row.kind)} {row.number} of {day_text(row.date)}: {why}")


def _code(row: Row[Any]) -> ReasonCode:
    if row.status == "posted":
        return ReasonCode.IN_BOOKS
    return ReasonCode.NOT_IN_BOOKS if row.status in ("held", "failed") else ReasonCode.NOT_YET_IN_BOOKS
