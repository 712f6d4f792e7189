"""What the rate-limit headers say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigcommerce_integration.client.http.rate_limit import LARGEST_QUOTA, LONGEST_WAIT_S, Quota, parse_quota, wait_s

LIMIT, LEFT = "X-Rate-Limit-Requests-Quota", "X-Rate-Limit-Requests-Left"
WINDOW, RESET, AFTER = "X-Rate-Limit-Time-Window-Ms", "X-Rate-Limit-Time-Reset-Ms", "X-Retry-After"


def test_the_quota_in_seconds_whatever_the_case_of_the_names() -> None:
    headers = {LIMIT: "150", LEFT: "35", WINDOW: "30000", RESET: "15500"}
    expected = Quota(limit=150, left=35, window_s=30.0, reset_s=15.5)
    assert parse_quota(headers) == expected
    assert parse_quota({name.lower(): value for name, value in headers.items()}) == expected


def test_missing_header_is_none() -> None:
    assert parse_quota({}) is None
    assert parse_quota({"Content-Type": "application/json", AFTER: "5"}) is None
    assert parse_quota({LEFT: "3"}) == Quota(limit=None, left=3, window_s=None, reset_s=None)


@pytest.mark.parametrize("value", ["", "abc", "-1", "nan", "inf", "1" * 400])
def test_header_that_is_no_number_counts_as_missing(value: str) -> None:
    assert parse_quota({LIMIT: value, LEFT: value, WINDOW: value, RESET: value}) is None
    assert wait_s({RESET: value, AFTER: value}) is None


@pytest.mark.parametrize("value", ["9223372036854775808", "1e308", "9" * 20])
def test_what_is_too_large_is_bounded(value: str) -> None:
    found = parse_quota({LIMIT: value, LEFT: value, WINDOW: value, RESET: value})
    assert found == Quota(LARGEST_QUOTA, LARGEST_QUOTA, LONGEST_WAIT_S, LONGEST_WAIT_S)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({AFTER: "7"}, 7.0),
        ({RESET: "2500"}, 2.5),
        ({RESET: "2500", AFTER: "2"}, 2.5),
        ({RESET: "2500", AFTER: "3"}, 3.0),
        ({RESET: "0"}, 0.0),
        ({AFTER: "soon", RESET: "100"}, 0.1),
        ({AFTER: "9999999"}, 3600.0),
        ({"Retry-After": "12"}, 12.0),
        ({"retry-after": "12", RESET: "2500"}, 12.0),
        ({"Retry-After": "Tue, 15 Nov 1994 08:12:41 GMT", "Date": "Tue, 15 Nov 1994 08:12:31 GMT"}, 10.0),
        ({"Retry-After": "Tue, 15 Nov 1994 08:12:21 GMT", "Date": "Tue, 15 Nov 1994 08:12:31 GMT"}, 0.0),
        ({"Retry-After": "Tue, 15 Nov 1994 08:12:41 GMT"}, 0.0),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, 3600.0),
        ({"Retry-After": "some day"}, None),
    ],
)
def test_the_longer_wait_wins_up_to_an_hour(headers: dict[str, str], seconds: float | None) -> None:
    assert wait_s(headers) == seconds


@given(st.dictionaries(st.sampled_from([LIMIT, LEFT, WINDOW, RESET, AFTER, "Retry-After", "Date"]), st.text()))
def test_whatever_the_headers_hold_nothing_is_raised(headers: dict[str, str]) -> None:
    parse_quota(headers)
    wait_s(headers)
