"""A page beside the stored rows, column by column: what a refresh would have to change. Nothing is written.

The content hash is not believed: somebody may have changed a row and left the hash as it was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection as Ids
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from operator import attrgetter, itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, Table

from ...client.records import single
from ...errors import BigCommerceError
from ...resources.base import Child, Identity
from ...resources.mapping import Mapped
from ..drift import Difference, Drift, Totals
from ..write.behaviour import Collection, Columns
from ..write.children import NO_HASH, is_newer
from ..write.page import Counts, MappedPage
from ..write.rows import PageTransaction, rows_by_id, stored_rows

_OURS = frozenset({"content_hash", "bigcommerce_id"})
_Key = int | tuple[int, ...]


def compare_page(
    tx: PageTransaction,
    collection: Collection,
    page: MappedPage,
    *,
    since: datetime | None,
    settled_until: datetime | None,
) -> Counts:
    """Note in ``tx.drift`` which records a refresh would write, and count them as it would.

    ``since`` is the begin of the instance's start date. What the store changed from ``settled_until`` on is no drift.
    """
    return _Comparison(tx, collection, page, since, settled_until).compare()


def count_extra(tx: PageTransaction, collection: Collection, ids: Sequence[int]) -> Counts:
    """Note in ``tx.drift`` the rows of these records, which the store has no longer."""
    rows = rows_by_id(tx, collection.table(tx.tables), ids, *_names(collection.table(tx.tables)))
    totals = _Totals(tx, collection)
    for row in rows.values():
        totals.add(mirror=dict(row._mapping))
    tx.drift += Drift.of(*(Difference(each, "extra") for each in sorted(rows)), totals=totals.by_month)
    return Counts({"deleted": len(rows)})


@dataclass
class _Totals:
    tx: PageTransaction
    collection: Collection
    by_month: dict[tuple[str, str], Totals] = field(default_factory=dict)

    def add(self, *, store: Columns | None = None, mirror: Columns | None = None) -> None:
        """One record as the store has it, and as its row is."""
        self._add(store, lambda amount: Totals(store=amount))
        self._add(mirror, lambda amount: Totals(mirror=amount))

    def _add(self, columns: Columns | None, made: Any) -> None:
        found = None if columns is None else self.collection.behaviour.amount(columns)
        if found is None:
            return
        at, currency, amount = found
        zone = ZoneInfo(self.tx.instance.store_timezone or "UTC")
        key = (f"{at.replace(tzinfo=UTC).astimezone(zone):%Y-%m}", currency)
        self.by_month[key] = self.by_month.get(key, Totals()) + made(amount)


@dataclass(frozen=True)
class _Pair:
    """A row and what it is to be like: ``is_sent``, what the store sent, or else what the row's own text is."""

    record: Mapped
    row: Row[Any]
    is_sent: bool

    @property
    def id(self) -> int:
        """Of both."""
        return self.record.id

    @property
    def is_whole(self) -> bool:
        """Whether it is known which children the row is to have."""
        return not self.record.is_partial and (self.is_sent or self.row.content_hash != NO_HASH)


@dataclass
class _Comparison:
    tx: PageTransaction
    collection: Collection
    page: MappedPage
    since: datetime | None
    settled_until: datetime | None

    def compare(self) -> Counts:
        """All of the page."""
        behaviour, came = self.collection.behaviour, self.page.records
        wanted = [each.materialize() for each in came if behaviour.is_wanted(each, self.since)]
        table = self.collection.table(self.tx.tables)
        rows = rows_by_id(self.tx, table, [each.id for each in wanted], *_names(table))
        absent = [each for each in wanted if each.id not in rows]
        allowed = behaviour.may_insert(self.tx, absent, self.since)
        missing = [each for each in absent if each.id in allowed and not self._is_late(each)]
        found_rows = [(each, rows[each.id]) for each in wanted if each.id in rows]
        pairs = [self._pair(each, row) for each, row in found_rows if not self.tx.is_newer(row)]
        children, links = self._children(pairs)
        different = [
            Difference(each.id, "different", (*columns, *children[each.id]))
            for each in pairs
            if (columns := self._columns(each)) or children[each.id]
        ]
        found = [*(Difference(each.id, "missing") for each in missing), *different]
        self.tx.drift += Drift.of(*found, totals=self._totals(missing, pairs))
        named = {each.id for each in different}
        unchanged = sum(1 for each in pairs if each.is_sent and each.id not in named)
        counts = {"created": len(missing), "updated": len(different), "unchanged": unchanged, "linked": links}
        return Counts({**counts, "skipped": len(came) - len(missing) - len(different) - unchanged})

    def _pair(self, record: Mapped, row: Row[Any]) -> _Pair:
        """The row beside the record; or beside its own text, if the store may have changed the record lately.

        Stores change records without a new date of modification too: nobody can say when that was.
        """
        if record.content_hash == row.content_hash or record.text == row.payload:
            return _Pair(record, row, is_sent=True)
        own = self._own(row)
        if own is None or (self._changed(own) != self._changed(record) and not self._is_late(record)):
            return _Pair(record, row, is_sent=True)
        return _Pair(own, row, is_sent=False)

    def _own(self, row: Row[Any]) -> Mapped | None:
        """The record that the row's own text is; None if it is none."""
        try:
            record = single(row.payload)
            return self.collection.mapper.map_record(record) if record.id == row.bigcommerce_id else None
        except (BigCommerceError, ValueError):
            return None

    def _changed(self, record: Mapped) -> datetime | None:
        resource = self.collection.resource
        changed: datetime | None = record.columns.get(resource.modified or resource.created or "")
        return changed

    def _is_late(self, record: Mapped) -> bool:
        """Whether the next refresh will bring it."""
        changed = self._changed(record)
        return self.settled_until is None or (changed is not None and changed >= self.settled_until)

    def _columns(self, pair: _Pair) -> tuple[str, ...]:
        more = self.collection.behaviour.update_columns(pair.record, pair.row, self.since)
        columns = {**pair.record.columns, "payload": pair.record.text, **more, "deleted_at": None}
        if not pair.is_sent and pair.record.is_partial:
            # What was asked for apart has notes of its own.
            del columns["notes"]
        return _differing(columns, pair.row)

    def _totals(self, missing: Iterable[Mapped], pairs: Iterable[_Pair]) -> Mapping[tuple[str, str], Totals]:
        totals = _Totals(self.tx, self.collection)
        for record in missing:
            totals.add(store=record.columns)
        for pair in pairs:
            mirror = dict(pair.row._mapping) if pair.row.deleted_at is None else None
            totals.add(store=pair.record.columns, mirror=mirror)
        return totals.by_month

    # -- children --------------------------------------------------------------------------------------------

    def _children(self, pairs: Sequence[_Pair]) -> tuple[Mapping[int, Sequence[str]], int]:
        """What differs of the children, by their owner's id, and how many differ by their link alone."""
        found: defaultdict[int, list[str]] = defaultdict(list)
        whole = [each for each in pairs if each.is_whole]
        links = 0
        for child in self.collection.resource.children if whole else ():
            links += self._kind(child, whole, found)
        return found, links

    def _kind(self, child: Child, pairs: Sequence[_Pair], found: Mapping[int, list[str]]) -> int:
        # Rows' own texts first: what the store sent counts more.
        records = [each.record for each in sorted(pairs, key=lambda pair: pair.is_sent)]
        owners = {each.id for each in pairs if each.is_sent}
        key_of = itemgetter(*child.key)
        answered = {key_of(each): each for record in records for each in record.of(child.name)}
        rows, equal = self._rows(child, answered, owners), dict[int, int]()
        for key, columns in sorted(answered.items()):
            row, owner, name = rows.get(key), columns[child.owner], f"{child.shown_as}.{columns[child.place]}"
            if row is None:
                found[owner].append(name)
            elif not is_newer(self.tx, row):
                differing = _differing({**columns, "deleted_at": None}, row)
                found[owner].extend(f"{name}.{column}" for column in differing)
                if not differing:
                    equal[columns[child.place]] = owner
        for key, row in sorted(rows.items()):
            if self._is_extra(child, row, owners, answered.get(key)):
                found[getattr(row, child.owner)].append(f"{child.shown_as}.{getattr(row, child.place)}")
        more = self.collection.behaviour.child_differences(self.tx, child, sorted(equal))
        for child_id, names in more.items():
            found[equal[child_id]].extend(f"{child.shown_as}.{child_id}.{name}" for name in names)
        return len(more)

    def _is_extra(self, child: Child, row: Row[Any], owners: Ids[int], columns: Columns | None) -> bool:
        """Whether a stored child is not one of its owner's; ``columns`` are those of an answer that has it."""
        owner = getattr(row, child.owner)
        if owner not in owners or row.deleted_at is not None or is_newer(self.tx, row):
            return False
        if columns is not None:
            return bool(columns[child.owner] != owner)
        return self.collection.behaviour.is_child_deleted(child, row, self.page)

    def _rows(self, child: Child, answered: Mapping[_Key, Columns], owners: Ids[int]) -> dict[_Key, Row[Any]]:
        table = self.tx.tables.mirror[child.name]
        columns = list(table.c)
        if child.identity is Identity.OWN_ID:
            by_id = (each[child.place] for each in answered.values())
            found = stored_rows(self.tx, table, table.c[child.place], by_id, *columns)
            found += stored_rows(self.tx, table, table.c[child.owner], owners, *columns)
        else:
            # Of rows' own texts too: they are compared with what belongs to them.
            theirs = {each[child.owner] for each in answered.values()}
            found = stored_rows(self.tx, table, table.c[child.owner], {*owners, *theirs}, *columns)
        key_of_row = attrgetter(*child.key)
        return {key_of_row(row): row for row in found}


def _names(table: Table) -> list[str]:
    return [column.name for column in table.c if column.name != "bigcommerce_id"]


def _differing(columns: Columns, row: Row[Any]) -> tuple[str, ...]:
    return tuple(
        name for name, value in columns.items() if name not in _OURS and not _is_same(getattr(row, name), value)
    )


def _is_same(stored: Any, sent: Any) -> bool:
    if isinstance(stored, Decimal) and isinstance(sent, Decimal):
        # SQLite keeps about 15 digits.
        return float(stored) == float(sent)
    return bool(stored == sent)
