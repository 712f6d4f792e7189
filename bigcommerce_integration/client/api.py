"""What the rest asks a store for: each method is one request, its answer checked and cut into records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from ..errors import IncompleteLines, StoreUnavailable
from ..resources.base import ALL_DATES, LARGEST_PAGE, CatalogRanges, DateFilter, Pages, Reader, Resource, V2Ranges
from ..resources.orders import ORDERS
from ..resources.products import PRODUCTS, VARIANTS
from . import checks
from .http.transport import Transport
from .pages import Highest, IdRange, Page
from .readers.catalog import CatalogReader
from .readers.page_numbers import PageNumberReader
from .readers.v2 import V2Reader
from .readers.wire import IsUnwanted, Reply, Wire, reply
from .records import OnRecord, Record, single, split_v2, split_v3
from .store_info import StoreInfo, require_own, store_info

__all__ = ["Highest", "IdRange", "Page", "Record", "Reply", "StoreClient", "StoreInfo"]

# bigcommerce/docs, docs/start/authentication/api-accounts.mdx
INFORMATION_SCOPE = "store_v2_information_read_only"


_READERS: Mapping[type[Reader], type[CatalogReader | V2Reader | PageNumberReader]] = {
    CatalogRanges: CatalogReader,
    V2Ranges: V2Reader,
    Pages: PageNumberReader,
}


class StoreClient:
    """One store's API. Every method may raise any ``StoreError``, ``BadRecord`` only where it says so.

    None waits or tries again. ``is_unwanted`` as in ``Wire``.
    """

    def __init__(self, transport: Transport, *, is_unwanted: IsUnwanted | None = None) -> None:
        self._wire = Wire(transport, is_unwanted)

    def close(self) -> None:
        """Close the transport; requests under way end at once."""
        self._wire.transport.close()

    def store_info(self) -> Reply[StoreInfo]:
        """The store's name, time zone and plan (needs the scope for store information)."""
        name = self._wire.name("the store information")
        answer = self._wire.get("v2/store", (), "the store information", INFORMATION_SCOPE)
        if answer.is_cut:
            raise StoreUnavailable(f"The answer for {name} is larger than any such answer.")
        return reply(answer, store_info(single(answer.body, name).value, name))

    def own_store_info(self) -> Reply[StoreInfo]:
        """The same; ``Unconfirmed`` if it is another store's."""
        found = self.store_info()
        require_own(found.value, self._wire.transport.store_hash)
        return found

    # -- collections, each by its reader ---------------------------------------------------------------------

    def highest(self, resource: Resource, dates: DateFilter = ALL_DATES) -> Reply[Highest]:
        """The highest id of those of these dates, and how many there are where the store tells."""
        return self._reader(resource).highest(dates)

    def count(self, resource: Resource, dates: DateFilter = ALL_DATES) -> Reply[int | None]:
        """How many there are of these dates, of a V2 collection; the others tell it with the highest id."""
        return V2Reader(self._wire, resource).count(dates)

    def page(
        self,
        resource: Resource,
        ids: IdRange,
        *,
        limit: int,
        dates: DateFilter = ALL_DATES,
        on_record: OnRecord | None = None,
    ) -> Reply[Page]:
        """The first ``limit`` (1 to 250) records of the range.

        ``each`` gets every record as soon as it is parsed, and gives what stands for it; it must not raise. A record
        that is read by itself does not pass it.
        """
        return self._reader(resource).page(ids, limit, dates, on_record)

    def by_ids(self, resource: Resource, ids: Sequence[int]) -> Reply[Page]:
        """The records with these ids that the store still has; as many as its reader asks for at once."""
        return self._reader(resource).by_ids(ids)

    def _reader(self, resource: Resource) -> CatalogReader | V2Reader | PageNumberReader:
        return _READERS[type(resource.asked_by)](self._wire, resource)

    # -- what belongs to one collection ----------------------------------------------------------------------

    def order(self, order_id: int) -> Reply[Record]:
        """One order with its line items; ``RecordGone`` if the store does not have it."""
        return V2Reader(self._wire, ORDERS).one(order_id)

    def order_lines(self, order_id: int, page: int, *, above: int = 0) -> Reply[Page]:
        """Page ``page`` (from 1) of an order's lines; ``RecordGone`` if the store does not have the order.

        Lines come by id ascending (orders.v2.oas2.yml): ``above`` is the last id of the pages before. ``BadRecord``
        for pages from which nothing leads on: one that came before, a full one without ids, or one too large to come.
        """
        lines = f"the lines of order {order_id}"
        params = (("page", str(page)), ("limit", str(LARGEST_PAGE)))
        answer = self._wire.get(f"{ORDERS.path}/{order_id:d}/products", params, lines, ORDERS.scope, is_single=True)
        if answer.is_cut:
            raise IncompleteLines(f"{LARGEST_PAGE} of its lines are larger than an answer may be.")
        records = split_v2(answer.body, self._wire.name(lines))
        checks.lines_lead_on(records, LARGEST_PAGE, page=page, above=above)
        return reply(answer, Page(records, is_last=len(records) < LARGEST_PAGE))

    def variants_with(self, name: Literal["id", "sku"], value: int | str) -> Reply[list[Record]]:
        """The variants with this id or SKU, of any product (product-variants_catalog.v3.yml)."""
        params = ((name, str(value)), ("limit", str(LARGEST_PAGE)))
        answer = self._wire.get("v3/catalog/variants", params, VARIANTS.name, PRODUCTS.scope)
        return reply(answer, split_v3(answer.body, self._wire.name(VARIANTS.name), is_cut=answer.is_cut)[0])

    def variants_of(self, product_ids: Sequence[int], page: int = 1) -> Reply[Page]:
        """Page ``page`` (from 1) of the variants of these products (product-variants_catalog.v3.yml).

        In no promised order: all have come when as many came as ``total`` says.
        """
        asked = ",".join(str(int(each)) for each in product_ids)
        params = (("product_id:in", asked), ("page", str(page)), ("limit", str(LARGEST_PAGE)))
        answer = self._wire.get("v3/catalog/variants", params, VARIANTS.name, PRODUCTS.scope)
        records, pagination = split_v3(answer.body, self._wire.name(VARIANTS.name))
        total = None if pagination is None else pagination.total
        is_last = len(records) < LARGEST_PAGE or total == (page - 1) * LARGEST_PAGE + len(records)
        return reply(answer, Page(records, is_last, total))
