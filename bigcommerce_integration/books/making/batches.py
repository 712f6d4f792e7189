"""The batches that goods documents go into: which one takes a document, and when one is closed.

A batch takes documents of one kind and currency whose days lie in its period. Once it is closed it does not change any
more: what comes later goes into the next open one, marked late.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, insert, select, update

from ...accounting.document import RETURN, Document
from ...models.types import NAME_LENGTH
from ...refresh.job.lease import lease_of
from ...resources.orders import ORDERS
from ..host.methods import HostMethods
from ..ledger import Ledger
from ..rules import Rules
from ..stored import document_of, key_reader, lines_text

OPEN = "open"
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Period:
    """A day or a month; ``last_day`` is the date of its batches."""

    type: str
    name: str
    first_day: date
    last_day: date

    def covers(self, day: date) -> bool:
        """Whether it is one of its days."""
        return self.first_day <= day <= self.last_day


def period_of(kind: str, day: date) -> Period:
    """The period of this type, ``daily`` or ``monthly``, that the day lies in."""
    if kind == "daily":
        return Period(kind, day.isoformat(), day, day)
    last = day.replace(day=monthrange(day.year, day.month)[1])
    return Period(kind, f"{day.year:04}-{day.month:02}", day.replace(day=1), last)


@dataclass
class Batch:
    """An open one."""

    number: int
    kind: str
    currency_code: str
    period: Period
    documents: int = 0
    late: int = 0


@dataclass
class OpenBatches:
    """All open batches of an instance, whose ledger is locked, and up to which day those of each kind were closed."""

    ledger: Ledger
    host: HostMethods
    batches: list[Batch]
    closed_up_to: dict[str, date]
    _new: list[Batch] = field(default_factory=list)

    @classmethod
    def of(cls, ledger: Ledger, host: HostMethods) -> OpenBatches:
        """Those that there are."""
        table = ledger.tables.accounting_batches
        mine = table.c.instance_id == ledger.instance.id
        rows = ledger.session.execute(select(table).where(mine, table.c.open_key.is_not(None)).order_by(table.c.date))
        closed = select(table.c.kind, func.max(table.c.date)).where(mine, table.c.open_key.is_(None))
        return cls(
            ledger,
            host,
            [Batch(row.number, row.kind, row.currency_code, period_of(row.period_type, row.date)) for row in rows],
            {row[0]: row[1] for row in ledger.session.execute(closed.group_by(table.c.kind))},
        )

    def place(self, document: Document) -> tuple[int | None, bool]:
        """The number of the batch that takes this goods document, None for none; and whether it comes late.

        One is opened if need be.
        """
        period = self._period(document.kind, document.date)
        if period is None:
            return None, False
        closed_up_to = self.closed_up_to.get(document.kind)
        is_late = closed_up_to is not None and document.date <= closed_up_to
        if closed_up_to is None or period.last_day > closed_up_to:
            return self._batch(document, period).number, is_late
        following = [each for each in self._alike(document) if each.period.last_day > document.date]
        if following:
            return following[0].number, True
        period = self._period(document.kind, max(document.date, self.ledger.today))
        return (None, False) if period is None else (self._batch(document, period).number, True)

    def moved(self, before: tuple[int | None, bool], after: tuple[int | None, bool]) -> None:
        """Count that a document has left a batch, or come into one."""
        for (number, is_late), step in ((before, -1), (after, 1)):
            batch = None if number is None else next((each for each in self.batches if each.number == number), None)
            if batch is not None:
                batch.documents += step
                batch.late += step * is_late

    @property
    def numbers(self) -> set[int]:
        """Of those that are open."""
        return {each.number for each in self.batches}

    def write(self) -> None:
        """Insert what was opened, and add to the counts of the others."""
        table, new = self.ledger.tables.accounting_batches, [each.number for each in self._new]
        if self._new:
            self.ledger.session.execute(insert(table), [self._row(each) for each in self._new])
        for each in self.batches:
            if each.number not in new and (each.documents or each.late):
                counts = {
                    "document_count": table.c.document_count + each.documents,
                    "late_count": table.c.late_count + each.late,
                }
                which = (table.c.instance_id == self.ledger.instance.id, table.c.number == each.number)
                self.ledger.session.execute(update(table).where(*which).values(counts))

    def _period(self, kind: str, day: date) -> Period | None:
        """Of an open batch if one has the day, as a changed setting holds for the next period; else by the setting."""
        known = next((each.period for each in self.batches if each.kind == kind and each.period.covers(day)), None)
        if known is not None:
            return known
        period_type = self.host.batch_period(kind)
        return None if period_type == "none" else period_of(period_type, day)

    def _alike(self, document: Document) -> list[Batch]:
        found = [each for each in self.batches if each.kind == document.kind]
        return sorted(
            (each for each in found if each.currency_code == document.currency_code),
            key=lambda each: each.period.last_day,
        )

    def _batch(self, document: Document, period: Period) -> Batch:
        found = next((each for each in self._alike(document) if each.period == period), None)
        if found is None:
            number = self.ledger.next_batch_number()
            found = Batch(number, document.kind, document.currency_code, period)
            self.batches.append(found)
            self._new.append(found)
        return found

    def _row(self, batch: Batch) -> dict[str, Any]:
        key = (self.ledger.instance.id, batch.kind, batch.period.type, batch.period.name, batch.currency_code)
        return {
            "instance_id": self.ledger.instance.id,
            "number": batch.number,
            "kind": batch.kind,
            "period_type": batch.period.type,
            "batch_period": batch.period.name,
            "date": batch.period.last_day,
            "currency_code": batch.currency_code,
            "status": OPEN,
            "open_key": ":".join(map(str, key))[:NAME_LENGTH],
            "document_count": batch.documents,
            "late_count": batch.late,
            "created_at": self.ledger.now,
        }


# -- closing -------------------------------------------------------------------------------------------------------


def close_due(ledger: Ledger, rules: Rules, *, overlap_s: float, are_all_read: bool) -> int:
    """Close the batches whose period is over, so that they are handed over; how many.

    Those of fulfillments only once a refresh of the orders began after the period, by as much as the next one will
    look back (``overlap_s``), and documents were made of all that it brought (``are_all_read``). One that has become
    empty goes.
    """
    table = ledger.tables.accounting_batches
    mine = (table.c.instance_id == ledger.instance.id, table.c.open_key.is_not(None), table.c.date < ledger.today)
    rows = ledger.session.execute(select(table).where(*mine).order_by(table.c.number)).all()
    if not rows:
        return 0
    watermark = ledger.session.scalar(
        select(ledger.tables.leases.c.watermark).where(*lease_of(ledger.tables, ledger.instance.id, ORDERS.name))
    )
    read_up_to = watermark - timedelta(seconds=overlap_s) if are_all_read and watermark is not None else datetime.min
    closed = 0
    for row in rows:
        if row.kind == RETURN or read_up_to >= end_of(row.date, ledger.zone):
            _close(ledger, rules, row)
            closed += 1
    return closed


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """When the day ends in the zone, as naive UTC."""
    return datetime.combine(day + _DAY, time.min, zone).astimezone(UTC).replace(tzinfo=None)


def _close(ledger: Ledger, rules: Rules, row: Any) -> None:
    documents, table = ledger.tables.accounting_documents, ledger.tables.accounting_batches
    which = (documents.c.instance_id == ledger.instance.id, documents.c.batch_number == row.number)
    read_key = key_reader(ledger.session, ledger.tables)
    its = ledger.session.execute(select(documents).where(*which).order_by(documents.c.number)).all()
    this = table.c.id == row.id
    if not its:
        ledger.session.execute(delete(table).where(this))
        return
    lines = rules.summed(document_of(each, read_key) for each in its)
    late = sum(1 for each in its if each.is_late)
    values = {"lines": lines_text(lines), "document_count": len(its), "late_count": late}
    ledger.session.execute(update(table).where(this).values(status="pending", open_key=None, **values))
