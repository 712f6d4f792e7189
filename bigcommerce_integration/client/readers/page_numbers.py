"""V3 by page numbers, for lists that cannot be asked for by ranges of ids.

Their records are counted through: a range holds places in the list, from 1 on, where that of the other readers holds
ids. A record that comes or goes while the list is read moves all behind it: if the total moved, it is walked again.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import StoreUnavailable
from ...resources.base import LARGEST_PAGE, DateFilter, Params
from .. import checks
from ..dates import Bounds, v3_bounds, v3_params
from ..http.transport import Answer
from ..pages import Highest, IdRange, Page
from ..records import OnRecord, Record, split_v3
from .wire import CollectionReader, Reply, asked_ids, known_as, possible, reply


class PageNumberReader(CollectionReader):
    """One list."""

    def highest(self, dates: DateFilter) -> Reply[Highest]:
        """The last place in the list, of the records of these dates, which is also their number."""
        answer = self._get((("page", "1"), ("limit", "1")), v3_bounds(dates))
        _, total = self._split(answer, None)
        return reply(answer, Highest(total or None, total))

    def page(self, places: IdRange, limit: int, dates: DateFilter, on_record: OnRecord | None) -> Reply[Page]:
        """The page of at most ``limit`` records on which the first of these places is."""
        name, limit, limits = self.name, possible(limit), v3_bounds(dates)
        number = (places.lo - 1) // limit + 1
        answer = self._get((("page", str(number)), ("limit", str(limit))), limits)
        records, total = self._split(answer, self.wire.on_blanked(self.resource, on_record))
        checks.at_most(records, limit, name)
        checks.dates_within(records, limits, name, observed_at=answer.observed_at)
        first = (number - 1) * limit + 1
        last = first + len(records) - 1
        page = Page(records, is_last=last >= total or not records, total=total, places=(first, last))
        return reply(answer, self.without_people(page, on_record))

    def by_ids(self, ids: Sequence[int]) -> Reply[Page]:
        """The records with these ids (1 to 250 of them) that the store still has, lowest first."""
        name, asked = self.name, asked_ids(ids)
        answer = self._get((("id:in", ",".join(map(str, asked))), ("limit", str(LARGEST_PAGE))), [])
        records, total = self._split(answer, None)
        if len(asked) == len(records) == 1:
            records = [known_as(asked[0], records[0])]
        checks.at_most(records, LARGEST_PAGE, name)
        checks.ids_among(records, asked, name)
        if total > len(records):
            raise StoreUnavailable(f"Not all {name} came that were asked for by their ids.")
        records.sort(key=lambda record: record.id or 0)
        return reply(answer, self.without_people(Page(records, is_last=True, total=total)))

    def _get(self, params: Params, limits: Sequence[Bounds]) -> Answer:
        return self.get((*self.resource.params, *v3_params(limits), *params))

    def _split(self, answer: Answer, on_record: OnRecord | None) -> tuple[list[Record], int]:
        """The records and the total, without which nothing is known of a list; never those of half an answer."""
        if answer.is_cut:
            raise StoreUnavailable(f"The answer for {self.name} is larger than any such answer.")
        records, pagination = split_v3(answer.body, self.name, on_record)
        if pagination is None:
            raise StoreUnavailable(
                f"A page of {self.resource.name} came without its pagination; it is asked for again."
            )
        return records, pagination.total
