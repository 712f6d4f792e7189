"""Where the documents of an order or a refund stand: why is this not in my books?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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
    if not _may_see(context):
        return
    rows = documents_of_order(context, order["bigcommerce_id"])
    if not rows:
        yield Reason(ReasonCode.NO_DOCUMENT, why_no_document(context, order))
    yield from _told(context, rows)


def of_refund(context: RequestContext, refund: Mapping[str, Any]) -> Iterator[Reason]:
    """Of a stored refund, one reason for each document about it, in the same way; of none it is silent."""
    if _may_see(context):
        rows = documents_of_order(context, refund["bigcommerce_order_id"])
        yield from _told(context, (row for row in rows if row.bigcommerce_refund_id == refund["bigcommerce_id"]))


def _may_see(context: RequestContext) -> bool:
    return takes_accounting(context) and context.permits("read_accounting")


def _told(context: RequestContext, rows: Iterable[Row[Any]]) -> Iterator[Reason]:
    rows = list(rows)
    told = sorted(zip(rows, why_of(context, rows), strict=True), key=lambda each: each[0].status == "posted")
    for row, why in told[:MOST_TOLD]:
        yield Reason(_code(row), f"{KIND_NAMES.get(row.kind, row.kind)} {row.number} of {day_text(row.date)}: {why}")


def _code(row: Row[Any]) -> ReasonCode:
    if row.status == "posted":
        return ReasonCode.IN_BOOKS
    return ReasonCode.NOT_IN_BOOKS if row.status in ("held", "failed") else ReasonCode.NOT_YET_IN_BOOKS
