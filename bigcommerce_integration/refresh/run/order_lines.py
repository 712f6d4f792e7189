"""Lines that an order's own answer does not hold, or cuts off: fetched order by order before its page is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from sqlalchemy import select

from ...client.api import Reply
from ...client.pages import Page
from ...client.records import Record
from ...client.redaction import blanked, is_blanked
from ...errors import BadRecord, IncompleteLines, RecordGone
from ...resources.columns import note, notes_column, notes_of
from ...resources.mapping import ChildMapper, Mapped, content_hash
from ...resources.orders import ORDER_LINES, ORDERS
from ...resources.person_data import keep_line
from ..read.fetcher import Fetch
from ..read.slice import Slice
from ..write.behaviour import PageSink
from ..write.page import MappedPage, Rejected

MOST_PAGES = 100
"""Of one order's lines, so 25,000 of them: whatever an order is, it ends."""
MOST_BYTES = 64 * 1024 * 1024
"""Of one order's lines; and of all that a page waits with, before what is complete of it is stored."""
# Of the content hash: what an order's lines turned out to be when they were asked for apart.
_GONE, _SHORT = "gone", "short"
_rows = ChildMapper(ORDER_LINES, ORDERS.version).rows
_hash = partial(content_hash, version=ORDERS.version)


def with_all_lines(slice_: Slice, page: MappedPage, sink: PageSink) -> None:
    """Store the page at once, or when the lines that have to be asked for by themselves have come.

    If the sink takes parts, the orders that are complete go in before the others, should the slice end or the memory
    be wanted: a page of many lines then gets on with each slice.
    """
    asked = [record for record in page.records if record.is_partial]
    # What a first refresh reads is not stored yet: to look would be four questions a page for nothing.
    job = slice_.job
    # Nor is what is stored believed where it is compared or repaired.
    is_fresh = job.mode == "initial" or job.is_reconciliation or job.parameters.is_repair
    stored = _stored_hashes(slice_, asked) if asked and not is_fresh else {}
    # Not those stored with lines that were fetched for this very record.
    wanted = [order for order in asked if stored.get(order.id) != order.content_hash]
    if wanted:
        _LineFetches(slice_, page, sink, {order.id: order for order in wanted}).begin()
    else:
        sink.store(page)


def _stored_hashes(slice_: Slice, asked: list[Mapped]) -> dict[int, str]:
    job, orders = slice_.job, slice_.job.engine.tables.orders
    stored = select(orders.c.bigcommerce_id, orders.c.content_hash).where(
        orders.c.instance_id == job.instance.id,
        orders.c.bigcommerce_id.in_([order.id for order in asked]),
        orders.c.deleted_at.is_(None),
    )
    return {row[0]: row[1] for row in job.engine.transaction(lambda session: session.execute(stored).all())}


@dataclass
class _Lines:
    """What has come of one order's lines."""

    records: list[Record] = field(default_factory=list)
    above: int = 0
    size: int = 0


@dataclass(eq=False)
class _LineFetches:
    """A page that waits for lines of some of its orders; stored when the last of them has come.

    The lowest orders come first, as many side by side as there are fetchers: what is complete is then a low end of
    the page, which can be stored by itself.
    """

    slice: Slice
    page: MappedPage
    sink: PageSink
    wanted: dict[int, Mapped]
    open: dict[int, _Lines] = field(default_factory=dict)
    answers: dict[int, Mapped | Rejected] = field(default_factory=dict)
    # One of each open order.
    asked: dict[int, Fetch] = field(default_factory=dict)
    size: int = 0

    def begin(self) -> None:
        """Ask for the first lines."""
        self.slice.unfinished.append(self._save)
        self._open_more()

    def _open_more(self) -> None:
        waiting = [each for each in self.wanted if each not in self.answers and each not in self.open]
        for order_id in waiting[: max(0, self.slice.width - len(self.open))]:
            self.open[order_id] = _Lines()
            self._ask_page(order_id, 1)

    def _ask_page(self, order_id: int, number: int) -> None:
        above = self.open[order_id].above

        def ask() -> Reply[Page] | BadRecord | None:
            try:
                return self.slice.client.order_lines(order_id, number, above=above)
            except RecordGone:
                return None
            except BadRecord as error:
                return error

        self.asked[order_id] = fetch = Fetch(ask, partial(self._came, order_id, number))
        self.slice.fetcher.add(fetch)

    def _came(self, order_id: int, number: int, came: Reply[Page] | BadRecord | None) -> None:
        if order_id not in self.open:
            # The slice has let go of it meanwhile.
            return
        del self.asked[order_id]
        answer = self._answer(order_id, number, came)
        if answer is not None:
            del self.open[order_id]
            self.answers[order_id] = answer
            if len(self.answers) == len(self.wanted):
                self.slice.unfinished.remove(self._save)
                self.sink.store(self._with_answers(self.page))
                return
        if self._is_to_stop():
            self._save()
            return
        if answer is None:
            self._ask_page(order_id, number + 1)
        elif self.size > MOST_BYTES:
            self._store_complete()
        self._open_more()

    def _answer(self, order_id: int, number: int, came: Reply[Page] | BadRecord | None) -> Mapped | Rejected | None:
        """What becomes of the order, None while there are more lines of it."""
        order, lines = self.wanted[order_id], self.open[order_id]
        try:
            if came is None:
                # It is gone since: its lines are asked for again should it come back.
                return replace(order, content_hash=_hash(order.text, _GONE))
            if isinstance(came, BadRecord):
                raise came
            lines.records.extend(came.value.records)
            lines.above = max((line.id or 0 for line in came.value.records), default=lines.above)
            size = sum(len(line.text) for line in came.value.records)
            lines.size += size
            self.size += size
            if came.value.is_last:
                return with_lines(order, lines.records)
            if any(line.id is None for line in came.value.records):
                raise IncompleteLines("A line has no id.")
            if number >= MOST_PAGES or lines.size > MOST_BYTES:
                raise IncompleteLines(
                    f"Its lines do not end: {len(lines.records)} lines came ({lines.size} bytes), and there are more. "
                    f"At most {MOST_PAGES} pages or {MOST_BYTES} bytes of one order's lines are read."
                )
        except BadRecord as error:
            self.size -= lines.size
            return Rejected(order_id, str(error), order.text, code=error.reason_code)
        return None

    def _is_to_stop(self) -> bool:
        """Whether the slice is over, and has something to show: else the next one would begin with the same."""
        has_more = self.slice.has_progressed or self._complete > 0
        return self.slice.job.is_over and self.sink.takes_parts and has_more

    @property
    def _complete(self) -> int:
        """How many records at the low end of the page can be stored."""
        return next(
            (at for at, each in enumerate(self.page.records) if each.id in self.wanted and each.id not in self.answers),
            len(self.page.records),
        )

    def _save(self) -> None:
        """Let go of the page, as the slice ends: store what is complete, and ask no more."""
        if self._save in self.slice.unfinished:
            self.slice.unfinished.remove(self._save)
        for fetch in self.asked.values():
            if fetch in self.slice.fetcher.waiting:
                self.slice.fetcher.waiting.remove(fetch)
        self.asked.clear()
        self.open.clear()
        self._store_complete()

    def _store_complete(self) -> None:
        count = self._complete
        if not self.sink.takes_parts or not 0 < count < len(self.page.records):
            return
        lower, self.page = self.page.split(count)
        self.sink.store_part(self._with_answers(lower))
        for record in lower.records:
            self.wanted.pop(record.id, None)
            self.answers.pop(record.id, None)
        self.size = sum(lines.size for lines in self.open.values())

    def _with_answers(self, page: MappedPage) -> MappedPage:
        answers = [self.answers.get(order.id, order) for order in page.records]
        return replace(
            page,
            records=[each for each in answers if isinstance(each, Mapped)],
            rejected=[*page.rejected, *(each for each in answers if isinstance(each, Rejected))],
        )


def with_lines(order: Mapped, records: Sequence[Record]) -> Mapped:
    """The order with the lines that were fetched apart, all pages of them; ``BadRecord`` as in ``Mapper.map_record``.

    They do not tell whose they are: the order does. What its embedded lines showed is not gone because this answer
    lacks it, and that there are no lines at all is believed only of an order that says so: the order is noted, its
    stored lines stay, and its next answer has them asked for again.
    """
    if is_blanked(order.text):
        records = [blanked(each, keep_line) for each in records]
    rows = _rows(order.id, [each.value for each in records], [each.text for each in records])
    lacking = [line for line in order.of(ORDER_LINES.name) if line["bigcommerce_id"] not in rows]
    if lacking:
        numbers = ", ".join(str(line["bigcommerce_id"]) for line in lacking[:5])
        return _short(
            order, [*rows.values(), *lacking], f"the list of lines lacks some that the order shows: {numbers}"
        )
    if not rows and order.columns["items_total"] != 0:
        return _short(order, [], "the store sent no lines, but does not say that the order has none")
    return replace(order, children={ORDER_LINES.name: list(rows.values())}, is_partial=False)


def _short(order: Mapped, lines: Sequence[Mapping[str, Any]], reason: str) -> Mapped:
    notes = notes_column([*notes_of(order.columns["notes"]), note("lines", reason)])
    return replace(
        order,
        children={ORDER_LINES.name: lines},
        columns={**order.columns, "notes": notes},
        content_hash=_hash(order.text, _SHORT),
    )


def hash_of_blanked(stored_hash: str, text: str, blanked: str) -> str:
    """The content hash of a stored order once ``text`` is ``blanked``: the one that it gets when it is mapped again.

    An order of an older mapping, whose hash no longer follows from its text, is left to be written anew.
    """
    for is_lacking in (False, True, _GONE, _SHORT):
        if stored_hash == _hash(text, is_lacking):
            return _hash(blanked, is_lacking)
    return _hash(blanked, "an older mapping")
