"""V2 by ranges of ids: it says neither how many records there are nor whether an answer is the last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...errors import BadRecord, RecordGone, StoreUnavailable, UnexpectedAnswer
from ...resources.base import DateFilter
from ...resources.values import integer
from .. import checks
from ..dates import Bounds, v2_bounds, v2_params
from ..http.transport import Answer, Call
from ..pages import Highest, IdRange, Page, v2_page
from ..records import LARGEST_COUNT, OnRecord, Record, one_record, single, split_v2
from .wire import CollectionReader, Reply, highest, known_as, possible, reply


class V2Reader(CollectionReader):
    """One collection of V2."""

    def highest(self, dates: DateFilter) -> Reply[Highest]:
        """The highest id, of those of these dates and a second around them; V2 does not tell their number."""
        name, limits = self.name, v2_bounds(dates)
        params = (("sort", "id:desc"), ("limit", "2"), *v2_params(limits))
        answer = self.get(params)
        records = split_v2(answer.body, name, is_cut=answer.is_cut)
        checks.dates_within(records, limits, name, observed_at=answer.observed_at)
        return reply(answer, highest(records, None, name))

    def count(self, dates: DateFilter) -> Reply[int | None]:
        """The number of records, of those of these dates and a second around them; incomplete ones count.

        None if it is more than any store has.
        """
        what = f"the number of {self.resource.name}"
        name, params = self.wire.name(what), v2_params(v2_bounds(dates))
        answer = self.wire.get(f"{self.resource.path}/count", params, what, self.resource.scope)
        if answer.is_cut:
            raise StoreUnavailable(f"The answer for {name} is larger than any such answer.")
        body = single(answer.body, name).value
        try:
            count = integer(body.get("count") if isinstance(body, dict) else None, "count")
        except BadRecord:
            count = None
        if count is None or count < 0:
            raise StoreUnavailable(f"The answer for {name} holds no number.")
        return reply(answer, count if count <= LARGEST_COUNT else None)

    def page(self, ids: IdRange, limit: int, dates: DateFilter, on_record: OnRecord | None) -> Reply[Page]:
        """The first records of the range; at most ``limit`` come over the wire.

        Only ``min_id`` is sent, one below the range, as it is not known to include its bound. ``max_id`` is not: the
        answer then flows past the range, and the record above it proves that the range is done. With ``max_id`` a
        short last page would prove nothing, and each range would cost one request more. To carry no more than needed,
        a range narrower than a page is asked for with its width plus its two neighbours as limit: so many ids from
        ``lo - 1`` on reach ``hi``, however many of them are missing.

        Records of the second before and after ``dates`` may be among them: the walk counts with them, the caller drops
        them. A range of one id is read as a single record: no other record can spoil its answer.
        """
        limits = v2_bounds(dates)
        if ids.is_one:
            return self._one(ids.lo, limits)
        limit = max(2, possible(limit))  # the first may be the neighbour below, which is dropped
        if ids.hi is not None:
            limit = min(limit, ids.hi - ids.lo + 3)
        listed, is_hidden = self._listed(ids, max(ids.lo - 1, 0), limit, limits, on_record)
        if not is_hidden:
            return listed
        # The neighbour below is so large that nothing else came. Without it, and with the one that may be left out.
        first = self._one(ids.lo, limits)
        rest, _ = self._listed(ids, ids.lo, limit, limits, on_record)
        records = [*first.value.records, *(record for record in rest.value.records if record.id != ids.lo)]
        return replace(rest, value=replace(rest.value, records=records), observed_at=first.observed_at)

    def by_ids(self, ids: Sequence[int]) -> Reply[Page]:
        """This one record; lists may not show what is archived, and V2 has no filter for ids."""
        (record_id,) = ids
        return self._one(record_id, ())

    def one(self, record_id: int) -> Reply[Record]:
        """One record; ``RecordGone`` if the store does not have it."""
        answer = self._get_one(record_id, missing_ok=False)
        record = self._found(answer, record_id)
        if record is None:
            raise RecordGone(f"There is no {self.wire.name(self._one_name(record_id))} (any longer).")
        return reply(answer, self.wire.without_person(self.resource, record))

    def _listed(
        self, ids: IdRange, least: int, limit: int, limits: Sequence[Bounds], on_record: OnRecord | None
    ) -> tuple[Reply[Page], bool]:
        """The records of the range, asked for from ``least`` on; and whether one below it filled the whole answer."""
        name, asked = self.name, IdRange(least, None)
        params = (
            *self.resource.params,
            ("sort", "id:asc"),
            *((("min_id", str(asked.lo)),) if asked.lo else ()),
            *v2_params(limits),
            ("limit", str(limit)),
        )
        answer = self.get(params)
        records, _ = self.split(answer, on_record, is_v3=False)
        records = checks.with_credible_ids(records, asked)
        checks.at_most(records, limit, name)
        checks.ids_ascend(records, asked, name, names=("min_id", "max_id"))
        checks.dates_within(records, limits, name, observed_at=answer.observed_at)
        page = v2_page(records, ids, limit, is_cut=answer.is_cut)
        is_hidden = answer.is_cut and bool(records) and not page.records
        if not is_hidden:
            checks.leads_on(page, name)
        return reply(answer, self.without_people(page, on_record)), is_hidden

    def _one(self, record_id: int, limits: Sequence[Bounds]) -> Reply[Page]:
        """A range of one id: the filters are applied here, and a record that is gone makes an empty last page."""
        answer = self._get_one(record_id, missing_ok=True)
        record = self._found(answer, record_id)
        is_wanted = record is not None and all(each.hold(record) for each in limits)
        page = Page([record] if record is not None and is_wanted else [], is_last=True)
        return reply(answer, self.without_people(page))

    def _get_one(self, record_id: int, *, missing_ok: bool) -> Answer:
        path, name = f"{self.resource.path}/{record_id:d}", self._one_name(record_id)
        return self.wire.transport.get(
            Call(path, self.resource.params, name, self.resource.scope, single=True, missing_ok=missing_ok)
        )

    def _found(self, answer: Answer, record_id: int) -> Record | None:
        """The record in the answer, None if there is none; never another one."""
        name = self.wire.name(self._one_name(record_id))
        if not answer.body.strip():
            return None
        record = known_as(record_id, one_record(answer.body, name, record_id, is_cut=answer.is_cut))
        if record.id is not None and record.id != record_id:
            what = f"{self.resource.noun.capitalize()} {record.id}"
            raise UnexpectedAnswer(f"{what} came when {name} was asked for. Report this to us.")
        return record

    def _one_name(self, record_id: int) -> str:
        return f"{self.resource.noun} {record_id}"
