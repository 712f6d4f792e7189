"""A store that ignores a filter is found out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from bigcommerce_integration.client import checks
from bigcommerce_integration.client.dates import v2_bounds, v3_bounds
from bigcommerce_integration.client.pages import IdRange, Page
from bigcommerce_integration.client.records import Record
from bigcommerce_integration.errors import StoreUnavailable, UnexpectedAnswer
from bigcommerce_integration.resources.base import DateFilter

SINCE, UNTIL, NOW = datetime(2025, 1, 15, 12), datetime(2025, 1, 16, 12), datetime(2025, 2, 1, 12)


def records(*ids: int | None, date: object = None) -> list[Record]:
    return [Record("{}", {"id": each, "date_modified": date}, each) for each in ids]


def within(found: list[Record]) -> None:
    limits = v3_bounds(DateFilter(modified_since=SINCE, modified_until=UNTIL))
    checks.dates_within(found, limits, "products", observed_at=NOW)


def ascend(*ids: int | None) -> None:
    checks.ids_ascend(records(*ids), IdRange(10, 20), "orders", names=("min_id", "max_id"))


@pytest.mark.parametrize("ids", [(), (10,), (10, 10, 11, 20), (None, 10, None, 12, None)])
def test_ids_in_order_and_range_are_fine(ids: tuple[int | None, ...]) -> None:
    ascend(*ids)


@pytest.mark.parametrize(
    ("check", "name"),
    [
        (lambda: ascend(11, 10), "sort"),
        (lambda: ascend(11, None, 10), "sort"),
        (lambda: ascend(9, 10), "min_id"),
        (lambda: ascend(10, 21), "max_id"),
        (lambda: checks.at_most(records(1, 2, 3), 2, "orders"), "limit"),
        (lambda: checks.ids_descend(records(1, 2), "orders"), "sort"),
        (lambda: checks.ids_among(records(1, 2), [1, 3], "products"), "id:in"),
        (lambda: within(records(1, date="2025-01-15T11:59:58Z")), "date_modified:min"),
        (lambda: within(records(1, date="2025-01-16T12:00:01Z")), "date_modified:max"),
        (lambda: within(records(1, date="2025-02-01T11:59:59Z")), "date_modified:max"),
    ],
)
def test_an_ignored_filter_is_named(check: Callable[[], None], name: str) -> None:
    with pytest.raises(UnexpectedAnswer, match=rf"filter {name} was ignored"):
        check()


@pytest.mark.parametrize(
    "date",
    [
        "2025-01-15T11:59:59Z",
        "Wed, 15 Jan 2025 12:00:00 +0000",
        "2025-01-16T12:00:00Z",
        "2025-02-01T12:00:00Z",
        None,
        "",
        "unreadable",
        5,
    ],
)
def test_dates_within_a_second_or_set_since_or_unreadable_pass(date: object) -> None:
    within([*records(1, date=date), Record("5", 5, None)])


@pytest.mark.parametrize("date", ["1999-01-01T00:00:00Z", "2025-01-15T12:00:00Z", "2025-01-31T00:00:00Z"])
def test_dates_are_not_checked_without_a_date_filter(date: str) -> None:
    checks.dates_within(records(1, date=date), v2_bounds(DateFilter()), "orders", observed_at=NOW)


def test_page_that_does_not_lead_on_is_requested_again() -> None:
    checks.leads_on(Page([], is_last=True), "orders")
    checks.leads_on(Page(records(None), is_last=True), "orders")
    checks.leads_on(Page(records(None, 1, None), is_last=False), "orders")
    for page in (Page([], is_last=False), Page(records(None), is_last=False)):
        with pytest.raises(StoreUnavailable, match="orders"):
            checks.leads_on(page, "orders")
