"""What the rest asks a store for: each method is one request, its answer checked and cut into records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, Literal, TypeVar

from ..errors import BadRecord, IncompleteLines, RecordGone, StoreUnavailable, UnexpectedAnswer
from ..resources.base import ALL_DATES, DateFilter, Params
from ..resources.orders import ORDERS_SCOPE
from ..resources.products import PRODUCTS_SCOPE
from ..resources.readers import LARGEST_PAGE
from ..resources.values import integer
from . import checks
from .damage import NO_ID
from .dates import Bounds, v2_bounds, v2_params, v3_bounds, v3_params
from .http.rate_limit import Quota
from .http.transport import Answer, Call, Transport
from .pages import Highest, IdRange, Page, v2_page, v3_page
from .records import LARGEST_COUNT, Each, Pagination, Record, one_record, single, split_v2, split_v3
from .redaction import blanked_order
from .store_info import StoreInfo, require_own, store_info

__all__ = ["Highest", "IdRange", "Page", "Record", "Reply", "StoreClient", "StoreInfo"]

# bigcommerce/docs, docs/start/authentication/api-accounts.mdx
INFORMATION_SCOPE = "store_v2_information_read_only"

_PRODUCTS = "v3/catalog/products"
_ORDERS = "v2/orders"
# The default order is by id (bigcommerce/docs does not promise it), so it is always asked for.
_BY_ID = (("sort", "id"), ("direction", "asc"))
_VARIANTS = (("include", "variants"),)
# Whole line items come with the orders; the API cuts those beyond 50 a consignment (bigcommerce/docs issue 960).
_LINES = (("include", "consignments.line_items"), ("consignment_structure", "object"))

_T = TypeVar("_T")


@dataclass(frozen=True)
class Reply(Generic[_T]):
    """What was asked for, with the circumstances of its answer (see ``Answer``)."""

    value: _T
    observed_at: datetime
    quota: Quota | None
    elapsed_s: float
    received_at: float
    told_at: datetime | None = None


class StoreClient:
    """One store's API. Every method may raise any ``StoreError``, ``BadRecord`` only where it says so.

    None waits or tries again.

    ``is_unwanted`` says of an order (by its value) whether the data about people is to be taken out of it: here, so
    that nothing behind has ever seen it. None is the usual case, of none.
    """

    def __init__(self, transport: Transport, *, is_unwanted: Callable[[object], bool] | None = None) -> None:
        self._transport = transport
        self._is_unwanted = is_unwanted

    def close(self) -> None:
        """Close the transport; requests under way end at once."""
        self._transport.close()

    def store_info(self) -> Reply[StoreInfo]:
        """The store's name, time zone and plan (needs the scope for store information)."""
        resource = self._name("the store information")
        answer = self._get("v2/store", (), "the store information", INFORMATION_SCOPE)
        return _reply(answer, store_info(self._object(answer, resource), resource))

    def own_store_info(self) -> Reply[StoreInfo]:
        """The same; ``Unconfirmed`` if it is another store's."""
        reply = self.store_info()
        require_own(reply.value, self._transport.store_hash)
        return reply

    def highest_product_id(self, dates: DateFilter) -> Reply[Highest]:
        """The highest product id and the number of products, of those of these dates."""
        resource = self._name("products")
        # The two highest, so that the order can be checked; the id comes in any case (products_catalog.v3.yml).
        fields = (("sort", "id"), ("direction", "desc"), ("include_fields", "date_modified"), ("limit", "2"))
        limits = v3_bounds(dates)
        answer = self._get(_PRODUCTS, fields + v3_params(limits), "products", PRODUCTS_SCOPE)
        records, pagination = split_v3(answer.body, resource)
        checks.dates_within(records, limits, resource, observed_at=answer.observed_at)
        return _reply(answer, _highest(records, pagination, resource))

    def highest_order_id(self, dates: DateFilter) -> Reply[Highest]:
        """The highest order id, of those of these dates and a second around them; V2 does not tell their number."""
        resource, limits = self._name("orders"), v2_bounds(dates)
        params = (("sort", "id:desc"), ("limit", "2"), *v2_params(limits))
        answer = self._get(_ORDERS, params, "orders", ORDERS_SCOPE)
        records = split_v2(answer.body, resource, is_cut=answer.is_cut)
        checks.dates_within(records, limits, resource, observed_at=answer.observed_at)
        return _reply(answer, _highest(records, None, resource))

    def count_orders(self, dates: DateFilter) -> Reply[int | None]:
        """The number of orders, of those of these dates and a second around them; incomplete ones count.

        None if it is more than any store has.
        """
        resource = self._name("the number of orders")
        params = v2_params(v2_bounds(dates))
        answer = self._get(f"{_ORDERS}/count", params, "the number of orders", ORDERS_SCOPE)
        body = self._object(answer, resource)
        try:
            count = integer(body.get("count") if isinstance(body, dict) else None, "count")
        except BadRecord:
            count = None
        if count is None or count < 0:
            raise StoreUnavailable(f"The answer for {resource} holds no number.")
        return _reply(answer, count if count <= LARGEST_COUNT else None)

    def products(
        self, ids: IdRange, *, limit: int, dates: DateFilter = ALL_DATES, each: Each | None = None
    ) -> Reply[Page]:
        """The first ``limit`` (1 to 250) products of the range, with their variants.

        ``each`` gets every record as soon as it is parsed, and gives what stands for it; it must not raise.
        """
        resource, limit, limits = self._name("products"), _limit(limit), v3_bounds(dates)
        params = (
            *_VARIANTS,
            *_BY_ID,
            ("id:min", str(ids.lo)),
            *((("id:max", str(ids.hi)),) if ids.hi is not None else ()),
            *v3_params(limits),
            ("limit", str(limit)),
        )
        answer = self._get(_PRODUCTS, params, "products", PRODUCTS_SCOPE)
        records, pagination = split_v3(answer.body, resource, each, is_cut=answer.is_cut)
        records = checks.with_credible_ids(records, ids)
        checks.at_most(records, limit, resource)
        checks.ids_ascend(records, ids, resource, names=("id:min", "id:max"))
        checks.dates_within(records, limits, resource, observed_at=answer.observed_at)
        page = v3_page(records, pagination, ids, limit, is_cut=answer.is_cut)
        checks.leads_on(page, resource)
        return _reply(answer, page)

    def products_by_id(self, ids: Sequence[int]) -> Reply[Page]:
        """The products with these ids (1 to 250 of them) that the store still has, with their variants.

        One whose id cannot be read is taken for the one asked for, if that is but one. Should the page not be the
        last, ask again for those above its last id.
        """
        resource, asked = self._name("products"), sorted(set(ids))
        if not 1 <= len(asked) <= LARGEST_PAGE or asked[0] < 1:
            raise ValueError(f"between 1 and {LARGEST_PAGE} ids above 0 can be asked for")
        params = (*_VARIANTS, *_BY_ID, ("id:in", ",".join(map(str, asked))), ("limit", str(LARGEST_PAGE)))
        answer = self._get(_PRODUCTS, params, "products", PRODUCTS_SCOPE)
        records, pagination = split_v3(answer.body, resource, is_cut=answer.is_cut)
        around = IdRange(asked[0], asked[-1])
        records = checks.with_credible_ids(records, around)
        if len(asked) == len(records) == 1:
            records = [_known_as(asked[0], records[0])]
        checks.at_most(records, LARGEST_PAGE, resource)
        checks.ids_ascend(records, around, resource, names=("id:in", "id:in"))
        checks.ids_among(records, asked, resource)
        page = v3_page(records, pagination, around, LARGEST_PAGE, is_cut=answer.is_cut)
        checks.leads_on(page, resource)
        return _reply(answer, page)

    def variants_with(self, name: Literal["id", "sku"], value: int | str) -> Reply[list[Record]]:
        """The variants with this id or SKU, of any product (product-variants_catalog.v3.yml)."""
        params = ((name, str(value)), ("limit", str(LARGEST_PAGE)))
        answer = self._get("v3/catalog/variants", params, "variants", PRODUCTS_SCOPE)
        return _reply(answer, split_v3(answer.body, self._name("variants"), is_cut=answer.is_cut)[0])

    def variants_of(self, product_ids: Sequence[int], page: int = 1) -> Reply[Page]:
        """Page ``page`` (from 1) of the variants of these products (product-variants_catalog.v3.yml).

        In no promised order: all have come when as many came as ``total`` says.
        """
        asked = ",".join(str(int(each)) for each in product_ids)
        params = (("product_id:in", asked), ("page", str(page)), ("limit", str(LARGEST_PAGE)))
        answer = self._get("v3/catalog/variants", params, "variants", PRODUCTS_SCOPE)
        records, pagination = split_v3(answer.body, self._name("variants"))
        total = None if pagination is None else pagination.total
        is_last = len(records) < LARGEST_PAGE or total == (page - 1) * LARGEST_PAGE + len(records)
        return _reply(answer, Page(records, is_last, total))

    def orders(
        self, ids: IdRange, *, limit: int, dates: DateFilter = ALL_DATES, each: Each | None = None
    ) -> Reply[Page]:
        """The first orders of the range with their line items; at most ``limit`` (1 to 250) come over the wire.

        Only ``min_id`` is sent, one below the range, as it is not known to include its bound. ``max_id`` is not: the
        answer then flows past the range, and the record above it proves that the range is done. With ``max_id`` a
        short last page would prove nothing, and each range would cost one request more. To carry no more than needed,
        a range narrower than a page is asked for with its width plus its two neighbours as limit: so many ids from
        ``lo - 1`` on reach ``hi``, however many of them are missing.

        Orders of the second before and after ``dates`` may be among them: the walk counts with them, the caller drops
        them. A range of one id is read as a single record: no other record can spoil its answer. ``each`` is as in
        ``products``, but not for that one.
        """
        limits = v2_bounds(dates)
        if ids.is_one:
            return self._one_order(ids.lo, limits)
        limit = max(2, _limit(limit))  # the first may be the neighbour below, which is dropped
        if ids.hi is not None:
            limit = min(limit, ids.hi - ids.lo + 3)
        reply, is_hidden = self._listed_orders(ids, max(ids.lo - 1, 0), limit, limits, each)
        if not is_hidden:
            return reply
        # The neighbour below is so large that nothing else came. Without it, and with the one that may be left out.
        first = self._one_order(ids.lo, limits)
        rest, _ = self._listed_orders(ids, ids.lo, limit, limits, each)
        records = [*first.value.records, *(record for record in rest.value.records if record.id != ids.lo)]
        return replace(rest, value=replace(rest.value, records=records), observed_at=first.observed_at)

    def _listed_orders(
        self, ids: IdRange, least: int, limit: int, limits: Sequence[Bounds], each: Each | None
    ) -> tuple[Reply[Page], bool]:
        """The orders of the range, asked for from ``least`` on; and whether one below it filled the whole answer."""
        resource, asked = self._name("orders"), IdRange(least, None)
        params = (
            *_LINES,
            ("sort", "id:asc"),
            *((("min_id", str(asked.lo)),) if asked.lo else ()),
            *v2_params(limits),
            ("limit", str(limit)),
        )
        answer = self._get(_ORDERS, params, "orders", ORDERS_SCOPE)
        of_each = each and (lambda record: each(self._without_person(record)))
        records = split_v2(answer.body, resource, of_each, is_cut=answer.is_cut)
        records = checks.with_credible_ids(records, asked)
        checks.at_most(records, limit, resource)
        checks.ids_ascend(records, asked, resource, names=("min_id", "max_id"))
        checks.dates_within(records, limits, resource, observed_at=answer.observed_at)
        page = v2_page(records, ids, limit, is_cut=answer.is_cut)
        is_hidden = answer.is_cut and bool(records) and not page.records
        if not is_hidden:
            checks.leads_on(page, resource)
        return _reply(answer, page if each else self._without_people(page)), is_hidden

    def order(self, order_id: int) -> Reply[Record]:
        """One order with its line items; ``RecordGone`` if the store does not have it."""
        answer = self._get_order(order_id, missing_ok=False)
        record = self._order_of(answer, order_id)
        if record is None:
            raise RecordGone(f"There is no {self._name(f'order {order_id}')} (any longer).")
        return _reply(answer, self._without_person(record))

    def order_lines(self, order_id: int, page: int, *, above: int = 0) -> Reply[Page]:
        """Page ``page`` (from 1) of an order's lines; ``RecordGone`` if the store does not have the order.

        Lines come by id ascending (orders.v2.oas2.yml): ``above`` is the last id of the pages before. ``BadRecord``
        for pages from which nothing leads on: one that came before, a full one without ids, or one too large to come.
        """
        lines = f"the lines of order {order_id}"
        resource = self._name(lines)
        params = (("page", str(page)), ("limit", str(LARGEST_PAGE)))
        answer = self._get(f"{_ORDERS}/{order_id:d}/products", params, lines, ORDERS_SCOPE, is_single=True)
        if answer.is_cut:
            raise IncompleteLines("250 of its lines are larger than an answer may be.")
        records = split_v2(answer.body, resource)
        checks.lines_lead_on(records, LARGEST_PAGE, page=page, above=above)
        return _reply(answer, Page(records, is_last=len(records) < LARGEST_PAGE))

    def _one_order(self, order_id: int, limits: Sequence[Bounds]) -> Reply[Page]:
        """A range of one id: the filters are applied here, and an order that is gone makes an empty last page."""
        answer = self._get_order(order_id, missing_ok=True)
        record = self._order_of(answer, order_id)
        is_wanted = record is not None and all(each.hold(record) for each in limits)
        page = Page([record] if record is not None and is_wanted else [], is_last=True)
        return _reply(answer, self._without_people(page))

    def _get_order(self, order_id: int, *, missing_ok: bool) -> Answer:
        resource = f"order {order_id}"
        return self._transport.get(
            Call(f"{_ORDERS}/{order_id:d}", _LINES, resource, ORDERS_SCOPE, single=True, missing_ok=missing_ok)
        )

    def _order_of(self, answer: Answer, order_id: int) -> Record | None:
        """The order in the answer, None if there is none; never another one."""
        resource = self._name(f"order {order_id}")
        if not answer.body.strip():
            return None
        record = _known_as(order_id, one_record(answer.body, resource, order_id, is_cut=answer.is_cut))
        if record.id is not None and record.id != order_id:
            raise UnexpectedAnswer(f"Order {record.id} came when {resource} was asked for. Report this to us.")
        return record

    def _object(self, answer: Answer, resource: str) -> object:
        """The value of an answer that is one object."""
        if answer.is_cut:
            raise StoreUnavailable(f"The answer for {resource} is larger than any such answer.")
        return single(answer.body, resource).value

    def _without_people(self, page: Page) -> Page:
        if self._is_unwanted is None:
            return page
        return replace(page, records=[self._without_person(record) for record in page.records])

    def _without_person(self, record: Record) -> Record:
        if self._is_unwanted is None:
            return record
        # What is not clean JSON may hold an address that is not known again.
        is_unwanted = record.raw is not None or self._is_unwanted(record.value)
        return blanked_order(record) if is_unwanted else record

    def _name(self, resource: str) -> str:
        return f"{resource} of store {self._transport.store_hash}"

    def _get(self, path: str, params: Params, resource: str, scope: str, *, is_single: bool = False) -> Answer:
        return self._transport.get(Call(path, params, resource, scope, is_single))


def _known_as(asked_id: int, record: Record) -> Record:
    """The one record that came when this id was asked for; it is not gone because its own id cannot be read."""
    return record if record.id is not None else replace(record, id=asked_id, damage=record.damage or NO_ID)


def _reply(answer: Answer, value: _T) -> Reply[_T]:
    return Reply(value, answer.observed_at, answer.quota, answer.elapsed_s, answer.received_at, answer.told_at)


def _highest(records: list[Record], pagination: Pagination | None, resource: str) -> Highest:
    """Of records by id descending; one without an id is passed over for the next."""
    checks.at_most(records, 2, resource)
    checks.ids_descend(records, resource)
    highest = next((record.id for record in records if record.id is not None), None)
    if highest is None and (records or (pagination is not None and pagination.total > 0)):
        raise StoreUnavailable(f"The answer for the highest id of {resource} holds none.")
    return Highest(highest, None if pagination is None else pagination.total)


def _limit(limit: int) -> int:
    return min(max(limit, 1), LARGEST_PAGE)
