"""Lines that an order's own answer does not hold, or cuts off: fetched order by order before its page is stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..client.api import Reply
from ..client.pages import Page
from ..client.records import Record
from ..errors import BadRecord, RecordGone
from .fetching import Fetch
from .orders import unfetched, with_lines, without_lines
from .page import Mapped, MappedPage, Rejected
from .slices import Slice


def with_all_lines(slice_: Slice, page: MappedPage, store: Callable[[MappedPage], None]) -> None:
    """Store the page at once, or when the lines that have to be asked for by themselves have come."""
    asked = [record for record in page.records if record.needs_lines]
    # What a first refresh reads is not stored yet: to look would be four questions a page for nothing.
    stored = _stored_hashes(slice_, asked) if asked and slice_.job.mode != "initial" else {}
    wanted = unfetched(stored, asked)
    if wanted:
        _LineFetches(slice_, page, store, {order.id: order for order in wanted}).begin()
    else:
        store(page)


def _stored_hashes(slice_: Slice, asked: list[Mapped]) -> dict[int, str]:
    job = slice_.job
    orders = job.engine.tables.orders

    def stored(session: Session) -> dict[int, str]:
        rows = session.execute(
            select(orders.c.bigcommerce_id, orders.c.content_hash).where(
                orders.c.instance_id == job.instance.id,
                orders.c.bigcommerce_id.in_([order.id for order in asked]),
                orders.c.deleted_at.is_(None),
            )
        )
        return {row.bigcommerce_id: row.content_hash for row in rows}

    return job.engine.transaction(stored)


@dataclass
class _LineFetches:
    """A page that waits for lines of some of its orders; stored when the last of them has come."""

    slice: Slice
    page: MappedPage
    store: Callable[[MappedPage], None]
    wanted: dict[int, Mapped]
    lines: dict[int, list[Record]] = field(default_factory=dict)
    answers: dict[int, Mapped | Rejected] = field(default_factory=dict)

    def begin(self) -> None:
        """Ask for the first page of lines of each order."""
        for order_id in self.wanted:
            self.lines[order_id] = []
            self._ask_page(order_id, 1)

    def _ask_page(self, order_id: int, number: int) -> None:
        above = max((line.id or 0 for line in self.lines[order_id]), default=0)

        def ask() -> Reply[Page] | None:
            try:
                return self.slice.client.order_lines(order_id, number, above=above)
            except RecordGone:
                return None

        self.slice.fetcher.add(Fetch(ask, partial(self._came, order_id, number)))

    def _came(self, order_id: int, number: int, reply: Reply[Page] | None) -> None:
        order = self.wanted[order_id]
        if reply is None:
            self.answers[order_id] = without_lines(order)
        else:
            self.lines[order_id].extend(reply.value.records)
            if not reply.value.is_last:
                self._ask_page(order_id, number + 1)
                return
            try:
                self.answers[order_id] = with_lines(order, self.lines.pop(order_id))
            except BadRecord as error:
                self.answers[order_id] = Rejected(order_id, str(error), order.text)
        if len(self.answers) == len(self.wanted):
            self._store()

    def _store(self) -> None:
        answers = [self.answers.get(order.id, order) for order in self.page.records]
        page = replace(
            self.page,
            records=[each for each in answers if isinstance(each, Mapped)],
            rejected=[*self.page.rejected, *(each for each in answers if isinstance(each, Rejected))],
        )
        self.store(page)
