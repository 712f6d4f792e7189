"""Batches of goods documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, select

from ...accounting.document import Line
from ...books.stored import lines_of
from ...errors import NotFound
from ..context import RequestContext
from ..lists.filters import by_value
from .documents import read_key_of
from .reasons import why_of_batch

STATUSES = ("open", "pending", "posted", "failed")
PERIOD_TYPES = ("daily", "monthly")
FILTERS = ("kind", "status", "batch_period")


@dataclass(frozen=True)
class BatchView:
    """A batch with its columns (``row``) and its lines; it has none while it is open."""

    row: Row[Any]
    lines: Sequence[Line]

    @property
    def why(self) -> str:
        """Where it stands, and why."""
        return why_of_batch(self.row)


def list_batches(
    context: RequestContext, *, page: int, per_page: int, **filters: str
) -> tuple[Sequence[BatchView], int]:
    """One page of the batches, the newest first, and how many there are; ``filters`` are by column (``FILTERS``)."""
    table = context.state.tables.accounting_batches
    mine = [table.c.instance_id == context.instance.id]
    for name in FILTERS:
        mine += by_value(table.c[name], filters, name)
    total = context.session.scalar(select(func.count()).select_from(table).where(*mine)) or 0
    wanted = select(table).where(*mine).order_by(table.c.number.desc()).limit(per_page).offset((page - 1) * per_page)
    return [_view(context, row) for row in context.session.execute(wanted)], total


def find_batch(context: RequestContext, number: int) -> BatchView:
    """The batch of this number; ``NotFound``."""
    table = context.state.tables.accounting_batches
    mine = (table.c.instance_id == context.instance.id, table.c.number == number)
    row = context.session.execute(select(table).where(*mine)).one_or_none()
    if row is None:
        raise NotFound("There is no such batch of accounting documents of this BigCommerce integration instance.")
    return _view(context, row)


def _view(context: RequestContext, row: Row[Any]) -> BatchView:
    return BatchView(row, lines_of(row.lines or "[]", read_key_of(context)))
