"""Each method is one request, checked and cut into records."""

from __future__ import annotations

from datetime import datetime

import pytest

from bigcommerce_integration.client.api import Highest, IdRange
from bigcommerce_integration.client.damage import NO_ID
from bigcommerce_integration.client.http.transport import Call
from bigcommerce_integration.errors import BadRecord, RecordGone, StoreUnavailable, UnexpectedAnswer
from bigcommerce_integration.resources.base import ALL_DATES, DateFilter
from bigcommerce_integration.resources.orders import ORDERS
from bigcommerce_integration.resources.products import PRODUCTS

from .canned import NOW, QUOTA, client_of, v2, v3

SINCE, UNTIL = datetime(2025, 1, 15, 0, 3, 17), datetime(2025, 2, 1)
CREATED = DateFilter(created_since=SINCE, created_until=UNTIL)
MODIFIED = DateFilter(modified_since=SINCE, modified_until=UNTIL)
BOTH = DateFilter(SINCE, UNTIL, SINCE, UNTIL)
OLD, NEW, LATE = "2025-01-15T00:03:10+00:00", "2025-01-15T00:03:17+00:00", "2025-02-01T00:00:01+00:00"


def params(call: Call) -> dict[str, str]:
    assert len(dict(call.params)) == len(call.params)
    return dict(call.params)


def test_reply_carries_time_and_quota_of_its_answer() -> None:
    client, _ = client_of(v3([1]))
    reply = client.page(PRODUCTS, IdRange(1, 5), limit=250)
    assert (reply.observed_at, reply.quota, reply.elapsed_s, reply.received_at) == (NOW, QUOTA, 0.25, 99.0)


def test_store_info() -> None:
    client, calls = client_of({"id": "abc123", "name": "Shop", "timezone": {"name": "America/Chicago"}, "logo": []})
    info = client.store_info().value
    assert (info.id, info.name, info.timezone, info.currency) == ("abc123", "Shop", "America/Chicago", "")
    assert (calls[0].path, calls[0].scope) == ("v2/store", "store_v2_information_read_only")


@pytest.mark.parametrize("body", [{}, {"timezone": None}, {"timezone": {"name": " "}}, {"timezone": "Europe/Berlin"}])
def test_a_store_without_a_time_zone_is_not_guessed_at(body: object) -> None:
    client, _ = client_of(body)
    with pytest.raises(UnexpectedAnswer, match="no time zone"):
        client.store_info()


def test_the_highest_product() -> None:
    client, calls = client_of(v3([90, 80], total=17, date_modified=NEW))
    assert client.highest(PRODUCTS, MODIFIED).value == Highest(90, 17)
    assert params(calls[0]) == {
        "sort": "id",
        "direction": "desc",
        "include_fields": "date_modified",
        "limit": "2",
        "date_modified:min": "2025-01-15T00:03:17Z",
        "date_modified:max": "2025-01-31T23:59:59Z",
    }


def test_the_highest_order() -> None:
    client, calls = client_of(v2(90, 80, date_created="Wed, 15 Jan 2025 00:03:17 +0000"))
    assert client.highest(ORDERS, CREATED).value == Highest(90, None)
    assert params(calls[0]) == {
        "sort": "id:desc",
        "limit": "2",
        "min_date_created": "2025-01-15T00:03:16Z",
        "max_date_created": "2025-02-01T00:00:00Z",
    }


def test_nothing_has_no_highest_id() -> None:
    client, calls = client_of(v3([]), 204)
    assert client.highest(PRODUCTS, ALL_DATES).value == Highest(None, 0)
    assert client.highest(ORDERS, ALL_DATES).value == Highest(None, None)
    assert "min_date_created" not in params(calls[1])


def test_the_highest_id_passes_over_a_record_without_one() -> None:
    client, _ = client_of(v2(None, 80))
    assert client.highest(ORDERS, ALL_DATES).value == Highest(80, None)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (v3([80, 90]), UnexpectedAnswer),
        (v3([3, 2, 1]), UnexpectedAnswer),
        (v3([90, 80], date_modified=OLD), UnexpectedAnswer),
        (v3([90, 80], date_modified=LATE), UnexpectedAnswer),
        (v3([], total=5), StoreUnavailable),
        (v3([None, None]), StoreUnavailable),
    ],
)
def test_a_highest_id_that_cannot_be_is_not_believed(answer: object, error: type[Exception]) -> None:
    client, _ = client_of(answer)
    with pytest.raises(error, match="products of store abc123"):
        client.highest(PRODUCTS, MODIFIED)


def test_counting_orders() -> None:
    client, calls = client_of({"statuses": [], "count": 17}, {"count": "17"}, {"count": "?"}, {})
    assert client.count(ORDERS, CREATED).value == 17
    assert calls[0].path == "v2/orders/count"
    assert params(calls[0]) == {
        "min_date_created": "2025-01-15T00:03:16Z",
        "max_date_created": "2025-02-01T00:00:00Z",
    }
    assert client.count(ORDERS, ALL_DATES).value == 17
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            client.count(ORDERS, ALL_DATES)


def test_products_of_a_range() -> None:
    client, calls = client_of(v3([10, 12], date_modified=NEW), v3([10, 11], total=9))
    page = client.page(PRODUCTS, IdRange(10, 20), limit=250, dates=MODIFIED).value
    assert [record.id for record in page.records] == [10, 12]
    assert page.is_last
    assert params(calls[0]) == {
        "include": "variants",
        "sort": "id",
        "direction": "asc",
        "id:min": "10",
        "id:max": "20",
        "date_modified:min": "2025-01-15T00:03:17Z",
        "date_modified:max": "2025-01-31T23:59:59Z",
        "limit": "250",
    }
    page = client.page(PRODUCTS, IdRange(10, None), limit=2).value
    assert (page.is_last, page.last_id, page.total) == (False, 11, 9)
    assert params(calls[1]).keys() == {"include", "sort", "direction", "id:min", "limit"}


@pytest.mark.parametrize(
    ("answer", "error", "match"),
    [
        (v3([9, 10]), UnexpectedAnswer, "id:min"),
        (v3([10, 21]), UnexpectedAnswer, "id:max"),
        (v3([11, 10]), UnexpectedAnswer, "sort"),
        (v3([10, 11, 12, 13]), UnexpectedAnswer, "limit"),
        (v3([10], date_modified=OLD), UnexpectedAnswer, "date_modified:min"),
        (v3([10], date_modified=LATE), UnexpectedAnswer, "date_modified:max"),
        (v3([], total=3), StoreUnavailable, "no records"),
        (v3([None], total=3), StoreUnavailable, "without ids"),
        ("<html>", StoreUnavailable, "JSON"),
    ],
)
def test_products_that_were_not_asked_for_are_refused(answer: object, error: type[Exception], match: str) -> None:
    client, _ = client_of(answer)
    with pytest.raises(error, match=match) as caught:
        client.page(PRODUCTS, IdRange(10, 20), limit=3, dates=MODIFIED)
    assert "products of store abc123" in str(caught.value)


def test_products_by_their_ids() -> None:
    client, calls = client_of(v3([3, 9]), v3([3, 5]), v3([]), 204)
    page = client.by_ids(PRODUCTS, [9, 3, 7, 3]).value
    assert ([record.id for record in page.records], page.is_last) == ([3, 9], True)
    assert params(calls[0])["id:in"] == "3,7,9"
    with pytest.raises(UnexpectedAnswer, match="id:in"):
        client.by_ids(PRODUCTS, [9, 3, 7])
    assert client.by_ids(PRODUCTS, [1]).value.is_last
    with pytest.raises(StoreUnavailable, match="without its pagination"):
        client.by_ids(PRODUCTS, [1])
    for ids in ([], range(1, 252), [0, 1]):
        with pytest.raises(ValueError, match="between 1 and 250"):
            client.by_ids(PRODUCTS, ids)


def test_orders_of_a_range_are_asked_for_from_one_below() -> None:
    client, calls = client_of(v2(9, 10, 11, 400))
    page = client.page(ORDERS, IdRange(10, 300), limit=250, dates=BOTH).value
    assert ([record.id for record in page.records], page.is_last) == ([10, 11], True)
    assert params(calls[0]) == {
        "include": "consignments.line_items,fees",
        "consignment_structure": "object",
        "sort": "id:asc",
        "min_id": "9",
        "min_date_created": "2025-01-15T00:03:16Z",
        "max_date_created": "2025-02-01T00:00:00Z",
        "min_date_modified": "2025-01-15T00:03:16Z",
        "max_date_modified": "2025-02-01T00:00:00Z",
        "limit": "250",
    }


@pytest.mark.parametrize(
    ("ids", "limit", "sent"),
    [
        (IdRange(1, 1000), 250, {"limit": "250"}),
        (IdRange(2, 3), 250, {"min_id": "1", "limit": "4"}),
        (IdRange(10, 500), 1, {"min_id": "9", "limit": "2"}),
        (IdRange(10, None), 9999, {"min_id": "9", "limit": "250"}),
        (IdRange(0, None), 0, {"limit": "2"}),
    ],
)
def test_no_more_orders_than_needed_come_over_the_wire(ids: IdRange, limit: int, sent: dict[str, str]) -> None:
    client, calls = client_of(204)
    assert client.page(ORDERS, ids, limit=limit).value.is_last
    fixed = {"include", "consignment_structure", "sort"}
    assert {name: value for name, value in params(calls[0]).items() if name not in fixed} == sent


@pytest.mark.parametrize(
    ("answer", "match"),
    [
        (v2(8, 10), "min_id"),
        (v2(11, 10), "sort"),
        (v2(10, 11, 12, 13), "limit"),
        (v2(10, date_created="Wed, 15 Jan 2025 00:03:10 +0000"), "min_date_created"),
        (v2(10, date_created="Sat, 01 Feb 2025 00:00:01 +0000"), "max_date_created"),
        (v2(10, date_modified="Wed, 15 Jan 2025 00:03:10 +0000"), "min_date_modified"),
        (v2(10, date_modified="Sat, 01 Feb 2025 00:00:01 +0000"), "max_date_modified"),
    ],
)
def test_orders_that_were_not_asked_for_are_refused(answer: object, match: str) -> None:
    client, _ = client_of(answer)
    with pytest.raises(UnexpectedAnswer, match=match):
        client.page(ORDERS, IdRange(10, 20), limit=3, dates=BOTH)


@pytest.mark.parametrize("kind", ["created", "modified"])
@pytest.mark.parametrize("date", ["Wed, 15 Jan 2025 00:03:16 +0000", "Sat, 01 Feb 2025 00:00:00 +0000"])
def test_orders_of_a_second_around_the_dates_are_passed_on(kind: str, date: str) -> None:
    """The walk counts with them: only with all that came does a short answer prove what it proves."""
    client, _ = client_of(v2(10, **{f"date_{kind}": date}), v2(10, **{f"date_{kind}": date}))
    dates = CREATED if kind == "created" else MODIFIED
    assert client.page(ORDERS, IdRange(10, 20), limit=3, dates=dates).value.last_id == 10
    assert client.highest(ORDERS, dates).value.id == 10


def test_product_modified_meanwhile_does_not_mean_ignored_filter() -> None:
    client, _ = client_of(v3([10], date_modified=NOW.isoformat() + "Z"))
    assert client.page(PRODUCTS, IdRange(10, 20), limit=3, dates=MODIFIED).value.last_id == 10


def test_products_cannot_be_asked_for_by_their_creation() -> None:
    client, calls = client_of()
    for dates in (DateFilter(created_since=SINCE), DateFilter(created_until=UNTIL)):
        with pytest.raises(ValueError, match="created"):
            client.page(PRODUCTS, IdRange(10, 20), limit=3, dates=dates)
        with pytest.raises(ValueError, match="created"):
            client.highest(PRODUCTS, dates)
    assert not calls


def test_a_range_of_one_order_is_a_single_read() -> None:
    client, calls = client_of({"id": 7, "date_created": "Wed, 15 Jan 2025 00:03:17 +0000"})
    page = client.page(ORDERS, IdRange(7, 7), limit=250, dates=CREATED).value
    assert ([record.id for record in page.records], page.is_last) == ([7], True)
    assert (calls[0].path, calls[0].single, calls[0].missing_ok) == ("v2/orders/7", True, True)
    assert params(calls[0]) == {"include": "consignments.line_items,fees", "consignment_structure": "object"}


@pytest.mark.parametrize(
    "answer",
    [
        204,
        404,
        {"id": 7, "date_created": "Wed, 15 Jan 2025 00:03:15 +0000"},
        {"id": 7, "date_created": "Sat, 01 Feb 2025 00:00:01 +0000"},
        {"id": 7, "date_modified": "Wed, 15 Jan 2025 00:03:15 +0000"},
        {"id": 7, "date_modified": "Sat, 01 Feb 2025 00:00:01 +0000"},
    ],
)
def test_deleted_or_filtered_order_is_an_empty_last_page(answer: object) -> None:
    client, _ = client_of(answer)
    reply = client.page(ORDERS, IdRange(7, 7), limit=250, dates=BOTH)
    assert (reply.value.records, reply.value.is_last, reply.quota) == ([], True, QUOTA)


@pytest.mark.parametrize("moment", ["Wed, 15 Jan 2025 00:03:16 +0000", "Sat, 01 Feb 2025 00:00:00 +0000"])
def test_one_order_a_second_beside_the_dates_comes_as_in_a_list(moment: str) -> None:
    client, _ = client_of({"id": 7, "date_created": moment, "date_modified": moment})
    page = client.page(ORDERS, IdRange(7, 7), limit=250, dates=BOTH).value
    assert ([record.id for record in page.records], page.is_last) == ([7], True)


def test_texts_of_the_store_info_are_bounded() -> None:
    long = "x" * 1_000_000
    client, _ = client_of({"name": long, "plan_name": long, "timezone": {"name": "UTC"}}, {"timezone": {"name": long}})
    info = client.store_info().value
    assert info.name == info.plan_name == "x" * 254 + "…"
    with pytest.raises(UnexpectedAnswer, match="1000000 characters") as caught:
        client.store_info()
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("count", [10**12 + 1, 2**63, "9" * 19])
def test_a_count_that_no_store_has_is_none(count: object) -> None:
    client, _ = client_of({"data": [{"id": 1}], "meta": {"pagination": {"total": count, "count": 1}}})
    assert client.highest(PRODUCTS, ALL_DATES).value.total is None


def test_a_number_of_orders_that_no_store_has_is_none() -> None:
    client, _ = client_of({"count": 2**62}, {"count": 10**12})
    assert client.count(ORDERS, ALL_DATES).value is None
    assert client.count(ORDERS, ALL_DATES).value == 10**12


def test_one_order_without_a_readable_id_is_the_one_asked_for() -> None:
    """It cannot be read, but it is there: rows are not marked as deleted for it."""
    client, _ = client_of({"id": None, "date_created": "?"})
    page = client.page(ORDERS, IdRange(7, 7), limit=250, dates=CREATED).value
    assert [(record.id, record.damage) for record in page.records] == [(7, NO_ID)]


def test_an_order() -> None:
    client, _ = client_of({"id": 7}, {"id": 8}, 204)
    assert client.order(7).value.id == 7
    with pytest.raises(UnexpectedAnswer, match="Order 8 came"):
        client.order(7)
    with pytest.raises(RecordGone, match="order 7 of store abc123"):
        client.order(7)


def test_the_lines_of_an_order() -> None:
    client, calls = client_of(v2(*range(1, 251)), v2(*range(251, 301)), 204, v2(*range(1, 252)))
    assert not client.order_lines(7, 1).value.is_last
    page = client.order_lines(7, 2, above=250).value
    assert (page.is_last, page.last_id) == (True, 300)
    assert (calls[1].path, params(calls[1])) == ("v2/orders/7/products", {"page": "2", "limit": "250"})
    assert client.order_lines(7, 3).value.is_last
    with pytest.raises(BadRecord, match="251 of its lines where 250"):
        client.order_lines(7, 1)


def test_a_page_of_lines_that_comes_again_is_noticed() -> None:
    client, _ = client_of(v2(1, 2))
    with pytest.raises(BadRecord, match="page"):
        client.order_lines(7, 2, above=2)
