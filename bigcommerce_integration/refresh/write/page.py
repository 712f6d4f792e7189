"""A page between the store and the rows: mapped by the thread that fetched it, before any transaction opens."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from ...client.api import Reply
from ...client.damage import NO_ID
from ...client.pages import Page
from ...client.records import OnRecord, Record, single
from ...errors import BadRecord, RejectionCode
from ...resources.base import DateFilter
from ...resources.mapping import Mapped

# What the collections of the store call their dates.
_DATES = ("date_created", "date_modified", "created")


@dataclass(frozen=True)
class Blame:
    """Why the one record that is left to suspect is rejected: a word for programs, a sentence for people."""

    code: RejectionCode
    reason: str


DEATHS = Blame(RejectionCode.WORKERS_DIED, "Workers died each time while they stored this record.")
QUARANTINE = (RejectionCode.WORKERS_DIED, RejectionCode.UNEXPECTED_ERROR)
"""The codes of what is tried again by itself."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """One record that is rejected: never dropped, but counted and shown with the reason."""

    id: int | None
    reason: str
    text: str
    # The bytes as sent, where they are not the text's.
    raw: bytes | None = None
    code: RejectionCode = field(kw_only=True)


@dataclass(frozen=True)
class MappedPage:
    """The records of one answer, lowest id first, each once.

    ``first_id``, ``last_id`` and ``count`` tell of the whole answer, also of what is rejected here;
    ``observed_at`` is the store's clock when the request began (naive UTC, whole seconds). ``covers`` are the ids, both
    included, of which this page has all that the store has. ``beside`` is how many were left out as they are not of the
    days meant. In ``gaps``, between two ids (None is no end), records lie that cannot be read: any of the ids in
    between may be theirs. ``held`` are the ids of what came and is in quarantine.

    Once what they do not prove was asked for: ``others`` are records to be stored along that are not of this answer,
    ``proved`` those whose own list of children was read to its end, ``deleted_children`` and ``deleted_records`` what
    is to be marked, and ``withheld`` how many children are not, as they are too many.
    """

    records: Sequence[Mapped]
    rejected: Sequence[Rejected]
    observed_at: datetime
    first_id: int | None = None
    last_id: int | None = None
    count: int = 0
    is_last: bool = False
    covers: tuple[int, int] | None = None
    beside: int = 0
    others: Sequence[Mapped] = ()
    proved: Container[int] = frozenset()
    deleted_children: Container[int] = frozenset()
    deleted_records: Sequence[int] = ()
    withheld: int = 0
    gaps: Sequence[tuple[int, int | None]] = ()
    held: tuple[int, ...] = ()
    total: int | None = None

    @property
    def fetched(self) -> int:
        """How many records came for this page or part, whatever becomes of them."""
        return len(self.records) + len(self.rejected) + len(self.held)

    @property
    def seen(self) -> set[int]:
        """The ids that came, also those rejected."""
        rejected = {each.id for each in self.rejected if each.id is not None}
        return {each.id for each in self.records} | rejected | set(self.held)

    def covering(self, lo: int, hi: int | None) -> MappedPage:
        """As the answer for the range from ``lo`` to ``hi``: it proves up to its last id, or all if it is the last."""
        end = hi if self.is_last else self.last_id if hi is None else min(hi, self.last_id or 0)
        return replace(self, covers=None if end is None or end < lo else (lo, end))

    def only(self, ids: Collection[int]) -> MappedPage:
        """Without the records that nobody asked for: they came since they lie between."""
        return self._where(lambda record_id: record_id in ids)

    def within(self, dates: DateFilter) -> MappedPage:
        """Without the records of the second before and after: V2 is asked a little wider than meant."""
        since, until = dates.created_since or datetime.min, dates.created_until or datetime.max
        records = [each for each in self.records if since <= (each.columns.get("date_created") or since) < until]
        return replace(self, records=records, beside=len(self.records) - len(records))

    def up_to(self, hi: int | None) -> MappedPage:
        """Without the records above ``hi``: another range, split off meanwhile, brings them."""
        if hi is None or self.last_id is None or self.last_id <= hi:
            return self
        return self._where(lambda record_id: record_id is None or record_id <= hi)

    def _where(self, is_kept: Callable[[int | None], bool]) -> MappedPage:
        records = [record for record in self.records if is_kept(record.id)]
        return replace(self, records=records, rejected=[each for each in self.rejected if is_kept(each.id)])

    def halves(self) -> tuple[MappedPage, MappedPage]:
        """The page as two: to find the record that the database refuses."""
        return self.split(len(self.records) // 2)

    def split(self, count: int) -> tuple[MappedPage, MappedPage]:
        """Its first ``count`` records and the rest. The first part ends where the second begins."""
        end = self.records[count - 1].id
        return (
            replace(
                self,
                records=self.records[:count],
                rejected=[each for each in self.rejected if each.id is None or each.id <= end],
                held=tuple(each for each in self.held if each <= end),
                last_id=end,
                is_last=False,
                covers=self.covers and (self.covers[0], end),
            ),
            replace(
                self,
                records=self.records[count:],
                rejected=[each for each in self.rejected if each.id is not None and each.id > end],
                held=tuple(each for each in self.held if each > end),
                beside=0,
                others=(),
                deleted_records=(),
                covers=self.covers and (end + 1, self.covers[1]),
            ),
        )

    def without(self, ids: Collection[int]) -> MappedPage:
        """Without the records that are in quarantine: they came, and are tried again by themselves."""
        held = tuple(record.id for record in self.records if record.id in ids)
        if not held:
            return self
        return replace(self, records=[each for each in self.records if each.id not in ids], held=held)


@dataclass(frozen=True)
class Counts:
    """What a transaction did, by the names of the refresh's results."""

    values: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: Counts) -> Counts:
        names = [*self.values, *(name for name in other.values if name not in self.values)]
        return Counts({name: self.values.get(name, 0) + other.values.get(name, 0) for name in names})


def skipping_unchanged(
    map_record: Callable[[Record], Mapped], complete_hash: Callable[[str], str], stored: Mapping[int, str]
) -> Callable[[Record], Mapped]:
    """As ``map_record``, but a record that is stored with this very text is mapped only if that is not so any more.

    ``stored`` are content hashes by id, ``complete_hash`` is that of a record's text. Most records of a walk over
    everything are as they were, and making their columns would cost more than all that is then done with the page.
    """

    def skip(record: Record) -> Mapped:
        known = stored.get(record.id or 0)
        if known is None or known != complete_hash(record.text):
            return map_record(record)
        assert record.id is not None
        return Mapped(record.id, record.text, known, {}, {}, lazy=partial(_map_text, map_record, record.text))

    return skip


def _map_text(map_record: Callable[[Record], Mapped], text: str) -> Mapped:
    return map_record(single(text))


def mapping(map_record: Callable[[Record], Mapped]) -> OnRecord:
    """What maps each record as soon as it is parsed, and lets go of its value but for the dates."""

    def on_record(record: Record) -> Record:
        value = record.value
        if record.damage:
            return record
        dates = {name: value[name] for name in _DATES if name in value} if isinstance(value, dict) else value
        return Record(record.text, dates, record.id, _mapped(record, map_record), record.raw)

    return on_record


def map_page(reply: Reply[Page], map_record: Callable[[Record], Mapped]) -> MappedPage:
    """The page's records as columns; those that cannot be read are rejected. The last of equal ids wins."""
    records: dict[int, Mapped] = {}
    rejected: list[Rejected] = []
    ids: list[int] = []
    for record in reply.value.records:
        mapped = record.mapped or _mapped(record, map_record)
        if record.id is not None:
            ids.append(record.id)
        if isinstance(mapped, Mapped):
            records[mapped.id] = mapped
        elif isinstance(mapped, Rejected):
            records.pop(record.id or 0, None)
            rejected.append(mapped)
    places = reply.value.places or ((ids[0], ids[-1]) if ids else (None, None))
    return MappedPage(
        records=list(records.values()),
        rejected=rejected,
        observed_at=reply.observed_at,
        first_id=places[0],
        last_id=places[1],
        count=len(reply.value.records),
        is_last=reply.value.is_last,
        gaps=_gaps(reply.value.records),
        total=reply.value.total,
    )


def _gaps(records: Sequence[Record]) -> list[tuple[int, int | None]]:
    """Between which ids records lie that are damaged or have no id."""
    gaps: list[tuple[int, int | None]] = []
    last, is_open = 0, False
    for record in records:
        is_sure = record.id is not None and not record.damage
        if is_sure and is_open:
            gaps.append((last, record.id))
        is_open = not is_sure
        last = record.id if is_sure and record.id is not None else last
    return [*gaps, (last, None)] if is_open else gaps


def _mapped(record: Record, map_record: Callable[[Record], Mapped]) -> Mapped | Rejected:
    if record.damage or record.id is None:
        damage = record.damage or NO_ID
        code = RejectionCode.NO_ID if damage == NO_ID else RejectionCode.BROKEN_TEXT
        return Rejected(record.id, damage, record.text, record.raw, code=code)
    try:
        return map_record(record)
    except BadRecord as error:
        return Rejected(record.id, str(error), record.text, record.raw, code=error.reason_code)
    except Exception as error:  # noqa: BLE001 - a record that nobody foresaw must not stop those beside it
        reason = f"It cannot be read: {type(error).__name__}."
        return Rejected(record.id, reason, record.text, record.raw, code=RejectionCode.UNREADABLE)


def unmapped(record: Record) -> Mapped:
    """The record with its id and text alone, for one that is to be rejected whatever it holds."""
    assert record.id is not None
    return Mapped(record.id, record.text, "", {}, {})


def reject_all(page: MappedPage, blame: Blame) -> MappedPage:
    """The page with all its records as rejected, to be tried again."""
    rejected = (Rejected(record.id, blame.reason, record.text, code=blame.code) for record in page.records)
    return replace(page, records=[], rejected=[*page.rejected, *rejected])
