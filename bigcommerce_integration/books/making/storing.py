"""Store what the documents of orders shall be: the differences alone, in bulk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Row, bindparam, delete, select, update

from ...accounting.document import GOODS, Document, Line, Status
from ...models.dialect.conditions import in_chunks
from ...models.dialect.databases import dialect_of
from ...refresh.write.bulk import batches as in_statements
from ...refresh.write.bulk import insert_all
from ..host.methods import HostMethods
from ..ledger import Ledger
from ..stored import document_of, document_values, key_reader
from .batches import OpenBatches

POSTED: Status = "posted"
TO_THE_HOST: tuple[Status, ...] = ("pending", "failed")
"""Where the message is what the host said; elsewhere it is why the document is there."""
Place = tuple[int | None, bool]
"""The number of the batch that a document is in, and whether it came late."""
NOWHERE: Place = (None, False)


@dataclass(frozen=True)
class Booked:
    """A stored document. ``is_final``: the host has it, or it is in a batch that is closed, so it does not change."""

    row_id: int
    document: Document
    place: Place
    is_final: bool

    @property
    def seen(self) -> Document:
        """As the rules see it: what does not change any more is posted, and what the host said is no part of it."""
        if self.is_final:
            return replace(self.document, status=POSTED, message=None)
        return replace(self.document, message=None) if self.document.status in TO_THE_HOST else self.document


def booked_documents(
    ledger: Ledger, order_ids: Sequence[int], open_batches: set[int]
) -> tuple[Mapping[int, list[Booked]], set[int]]:
    """All documents of these orders by order, in the order of their numbers; those that may change are locked.

    And the orders of which one is being handed over at this moment: they have to wait. Nobody waits for its lock, as
    whoever has it waits for the ledger.
    """
    table, session = ledger.tables.accounting_documents, ledger.session
    mine = table.c.instance_id == ledger.instance.id
    by_order: defaultdict[int, list[Booked]] = defaultdict(list)
    rows: list[Row[Any]] = []
    for condition in in_chunks(session, table.c.bigcommerce_order_id, order_ids):
        rows += session.execute(select(table).where(mine, condition)).all()
    may_change = [row.id for row in rows if not _is_final(row, open_batches)]
    free = _locked(ledger, may_change)
    busy = {row.bigcommerce_order_id for row in rows if row.id in set(may_change) - free}
    read_key = key_reader(session, ledger.tables)
    for row in sorted(rows, key=lambda row: row.number):
        place = (row.batch_number, bool(row.is_late))
        booked = Booked(row.id, document_of(row, read_key), place, _is_final(row, open_batches))
        by_order[row.bigcommerce_order_id].append(booked)
    return by_order, busy


def _is_final(row: Row[Any], open_batches: set[int]) -> bool:
    is_closed = row.batch_number is not None and row.batch_number not in open_batches
    return bool(row.status == POSTED or is_closed)


def _locked(ledger: Ledger, row_ids: Sequence[int]) -> set[int]:
    """Those of these rows that nobody else has, and that are not posted by now."""
    table, session = ledger.tables.accounting_documents, ledger.session
    if not dialect_of(session).has_row_locks:
        return set(row_ids)
    found: set[int] = set()
    for condition in in_chunks(session, table.c.id, row_ids):
        free = select(table.c.id).where(condition, table.c.status != POSTED).with_for_update(skip_locked=True)
        found.update(session.scalars(free))
    return found


@dataclass
class Differences:
    """What is to be written of the documents of some orders; ``write`` does so."""

    ledger: Ledger
    host: HostMethods
    batches: OpenBatches
    new: list[dict[str, Any]] = field(default_factory=list)
    changed: list[dict[str, Any]] = field(default_factory=list)
    withdrawn: list[int] = field(default_factory=list)

    def add(self, booked: Sequence[Booked], wanted: Sequence[Document]) -> None:
        """Of one order: its stored documents, and those that shall not be posted yet as they shall be."""
        stored = {each.document.number: each for each in booked if not each.is_final}
        for document in wanted:
            with_codes = self._with_codes(document)
            if document.number is None:
                self._insert(with_codes)
            else:
                self._update(stored.pop(document.number), with_codes)
        for each in stored.values():
            self.batches.moved(each.place, NOWHERE)
            self.withdrawn.append(each.row_id)

    def write(self) -> None:
        """In the transaction that has the ledger, which the caller saves and commits."""
        self.batches.write()
        table, session = self.ledger.tables.accounting_documents, self.ledger.session
        if self.new:
            names = tuple(self.new[0])
            insert_all(session.connection(), table, names, (tuple(row.values()) for row in self.new))
        if self.changed:
            values: dict[str, Any] = {name: bindparam(name) for name in self.changed[0] if name != "row_id"}
            statement = update(table).where(table.c.id == bindparam("row_id")).values(values)
            for some in in_statements(self.changed, lambda row: row["lines"]):
                session.connection().execute(statement, some)
        for condition in in_chunks(session, table.c.id, self.withdrawn):
            session.execute(delete(table).where(condition))

    def _with_codes(self, document: Document) -> Document:
        if not self.host.has_codes:
            return document
        return replace(document, lines=tuple(map(self._with_code, document.lines)))

    def _with_code(self, line: Line) -> Line:
        code = self.host.nominal_code(line)
        return line if code is None else replace(line, nominal_code_id=code)

    def _insert(self, document: Document) -> None:
        place = self.batches.place(document) if _goes_into_batch(document) else NOWHERE
        self.batches.moved(NOWHERE, place)
        row = document_values(document)
        row["number"] = self.ledger.next_number()
        row.update(instance_id=self.ledger.instance.id, created_at=self.ledger.now, tries=0, **self._common(place))
        self.new.append(row)

    def _update(self, booked: Booked, document: Document) -> None:
        place = self._place(booked, document)
        if document == booked.seen and place == booked.place:
            return
        self.batches.moved(booked.place, place)
        row = document_values(document) | {"row_id": booked.row_id, "tries": 0, "next_try_at": None}
        self.changed.append(row | self._common(place))

    def _common(self, place: Place) -> dict[str, Any]:
        batch_number, is_late = place
        return {"batch_number": batch_number, "is_late": is_late, "change_number": self.ledger.next_change()}

    def _place(self, booked: Booked, document: Document) -> Place:
        """Where it is stays, also outside of all batches, while it is of the same day and currency."""
        if not _goes_into_batch(document):
            return NOWHERE
        before = booked.document
        is_alike = (before.date, before.currency_code) == (document.date, document.currency_code)
        if _goes_into_batch(before) and is_alike:
            return booked.place
        return self.batches.place(document)


def _goes_into_batch(document: Document) -> bool:
    return document.kind in GOODS and document.status == "pending"
