"""V3 by ranges of ids: the pagination's total proves the end of a range, and many ids can be asked for at once."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import StoreUnavailable
from ...resources.base import LARGEST_PAGE, DateFilter
from .. import checks
from ..dates import catalog_bounds, v3_params
from ..pages import Highest, IdRange, Page, v3_page
from ..records import OnRecord, split_v3
from .wire import CollectionReader, Reply, asked_ids, highest, known_as, possible, reply

# The default order is by id (bigcommerce/docs does not promise it), so it is always asked for.
BY_ID = (("sort", "id"), ("direction", "asc"))


class CatalogReader(CollectionReader):
    """One collection of the catalogue."""

    def highest(self, dates: DateFilter) -> Reply[Highest]:
        """The highest id and the number of records, of those of these dates."""
        name, limits = self.name, catalog_bounds(dates)
        # The two highest, so that the order can be checked; the id comes in any case (products_catalog.v3.yml).
        fields = (("sort", "id"), ("direction", "desc"), ("include_fields", "date_modified"), ("limit", "2"))
        answer = self.get(fields + v3_params(limits))
        records, pagination = split_v3(answer.body, name)
        checks.dates_within(records, limits, name, observed_at=answer.observed_at)
        found = highest(records, pagination, name)
        self._refuse_unproved(is_empty=found.id is None, total=found.total)
        return reply(answer, found)

    def page(self, ids: IdRange, limit: int, dates: DateFilter, on_record: OnRecord | None) -> Reply[Page]:
        """The first ``limit`` records of the range."""
        name, limit, limits = self.name, possible(limit), catalog_bounds(dates)
        params = (
            *self.resource.params,
            *BY_ID,
            ("id:min", str(ids.lo)),
            *((("id:max", str(ids.hi)),) if ids.hi is not None else ()),
            *v3_params(limits),
            ("limit", str(limit)),
        )
        answer = self.get(params)
        records, pagination = self.split(answer, on_record, is_v3=True)
        records = checks.with_credible_ids(records, ids)
        checks.at_most(records, limit, name)
        checks.ids_ascend(records, ids, name, names=("id:min", "id:max"))
        checks.dates_within(records, limits, name, observed_at=answer.observed_at)
        page = v3_page(records, pagination, ids, limit, is_cut=answer.is_cut)
        checks.leads_on(page, name)
        self._refuse_unproved(is_empty=not page.records, total=page.total)
        return reply(answer, self.without_people(page, on_record))

    def by_ids(self, ids: Sequence[int]) -> Reply[Page]:
        """The records with these ids (1 to 250 of them) that the store still has.

        One whose id cannot be read is taken for the one asked for, if that is but one. Should the page not be the
        last, ask again for those above its last id.
        """
        name, asked = self.name, asked_ids(ids)
        params = (*self.resource.params, *BY_ID, ("id:in", ",".join(map(str, asked))), ("limit", str(LARGEST_PAGE)))
        answer = self.get(params)
        records, pagination = split_v3(answer.body, name, is_cut=answer.is_cut)
        around = IdRange(asked[0], asked[-1])
        records = checks.with_credible_ids(records, around)
        if len(asked) == len(records) == 1:
            records = [known_as(asked[0], records[0])]
        checks.at_most(records, LARGEST_PAGE, name)
        checks.ids_ascend(records, around, name, names=("id:in", "id:in"))
        checks.ids_among(records, asked, name)
        page = v3_page(records, pagination, around, LARGEST_PAGE, is_cut=answer.is_cut)
        checks.leads_on(page, name)
        self._refuse_unproved(is_empty=not page.records, total=page.total)
        return reply(answer, self.without_people(page))

    def _refuse_unproved(self, *, is_empty: bool, total: int | None) -> None:
        """V3 counts what there is: that there is nothing is believed only of an answer that says so."""
        if is_empty and total is None:
            raise StoreUnavailable(
                f"An empty page of {self.resource.name} came without its pagination; it is asked for again later."
            )
