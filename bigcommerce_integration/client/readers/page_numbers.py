"""V3 by page numbers, for lists that cannot be asked for by ranges of ids.

Their records are counted through: a range holds places in the list, from 1 on, where that of the other readers holds
ids. A record that comes or goes while the list is read moves all behind it: if the total moved, it is walked again.
A list that only grows at its end stands still. It need not tell its total, which the documentation of refunds leaves
open (bigcommerce/docs, reference/orders.v3.yml: ``metaEmpty_Full``): then an empty page is its end, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import StoreUnavailable
from ...resources.base import LARGEST_PAGE, DateFilter, Pages, Params
from .. import checks
from ..dates import Bounds, v3_bounds, v3_params
from ..http.transport import Answer
from ..pages import Highest, IdRange, Page
from ..records import OnRecord, Record
from .wire import CollectionReader, Reply, asked_ids, known_as, possible, reply


class PageNumberReader(CollectionReader):
    """One list."""

    def highest(self, dates: DateFilter) -> Reply[Highest]:
        """The last place in the list, of the records of these dates, which is also their number."""
        answer = self._get((("page", "1"), ("limit", "1")), self._bounds(dates))
        _, total = self._split(answer, None)
        return reply(answer, Highest(total or None, total))

    def page(self, places: IdRange, limit: int, dates: DateFilter, on_record: OnRecord | None) -> Reply[Page]:
        """The page of at most ``limit`` records on which the first of these places is."""
        name, limit, limits = self.name, possible(limit), self._bounds(dates)
        number = (places.lo - 1) // limit + 1
        answer = self._get((("page", str(number)), ("limit", str(limit))), limits)
        records, total = self._split(answer, on_record)
        checks.at_most(records, limit, name)
        checks.dates_within(records, limits, name, observed_at=answer.observed_at)
        if self._grows_at_end:
            checks.ids_ascend(records, IdRange(0, None), name, names=("page", "page"))
        first = (number - 1) * limit + 1
        if total is None:
            # Should the store take no more than so many a page, the next one follows all the same.
            page = Page(records, is_last=not records, places=(first, number * limit) if records else None)
        else:
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
        if total is not None and total > len(records):
            raise StoreUnavailable(f"Not all {name} came that were asked for by their ids.")
        records.sort(key=lambda record: record.id or 0)
        return reply(answer, self.without_people(Page(records, is_last=True, total=total)))

    @property
    def _grows_at_end(self) -> bool:
        return isinstance(self.resource.reader, Pages) and self.resource.reader.grows_at_end

    def _bounds(self, dates: DateFilter) -> list[Bounds]:
        return v3_bounds(dates, self.resource.created_source)

    def _get(self, params: Params, limits: Sequence[Bounds]) -> Answer:
        return self.get((*self.resource.params, *v3_params(limits), *params))

    def _split(self, answer: Answer, on_record: OnRecord | None) -> tuple[list[Record], int | None]:
        """The records, never those of half an answer; and the total, without which a list that may move is unknown."""
        if answer.is_cut:
            raise StoreUnavailable(f"The answer for {self.name} is larger than any such answer.")
        records, pagination = self.split(answer, on_record, is_v3=True)
        if pagination is None and not self._grows_at_end:
            raise StoreUnavailable(
                f"A page of {self.resource.name} came without its pagination; it is asked for again."
            )
        return records, None if pagination is None else pagination.total
