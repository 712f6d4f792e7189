"""The present that a slice goes by, whichever clock is wrong."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import pytest

from bigcommerce_integration.client.clock import StoreClock, store_time

NOW = datetime(2026, 1, 31, 12)
HOUR = timedelta(hours=1)


def clock(local: datetime = NOW, database: datetime | None = NOW) -> StoreClock:
    """One that began when the monotonic clock said 100."""
    return StoreClock("abc", local=lambda: local, database=database, monotonic=lambda: 100.0)


@pytest.mark.parametrize(
    ("store", "local", "database", "agreed"),
    [
        (NOW, NOW, NOW, NOW),
        (NOW + 20 * HOUR, NOW, NOW, NOW),
        (NOW - HOUR, NOW, NOW, NOW - HOUR),
        (NOW, NOW + 30 * HOUR, NOW, NOW),
        (NOW, NOW - 30 * HOUR, NOW, NOW),
        (NOW, NOW, NOW + 700 * HOUR, NOW),
        (NOW, NOW, NOW - 700 * HOUR, NOW),
        (NOW + HOUR, NOW, None, NOW),
        (NOW - HOUR, NOW, None, NOW - HOUR),
        (None, NOW, NOW + HOUR, NOW),
        (None, NOW + HOUR, NOW, NOW),
    ],
)
def test_the_clock_in_the_middle_counts_or_an_earlier_store(
    store: datetime | None, local: datetime, database: datetime | None, agreed: datetime
) -> None:
    assert clock(local, database).observed_at(store, 100.0) == agreed


def test_the_whole_seconds_of_the_header_are_no_difference() -> None:
    half = NOW + timedelta(seconds=0.5)
    assert clock(half, half).observed_at(NOW, 100.0) == half


def test_answers_are_ordered_by_when_they_were_asked_for() -> None:
    tested = clock()
    assert tested.observed_at(NOW + timedelta(seconds=3), 103.0) == NOW + timedelta(seconds=3)
    for told in (NOW + 20 * HOUR, NOW - 20 * HOUR, None, NOW + timedelta(seconds=5)):
        assert tested.observed_at(told, 105.0) == NOW + timedelta(seconds=5)


def test_clocks_that_differ_are_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    tested = clock(database=NOW + timedelta(seconds=50))
    with caplog.at_level(logging.WARNING):
        tested.observed_at(NOW, 100.0)
        assert caplog.messages == []
        for _ in range(3):
            tested.observed_at(NOW + HOUR, 101.0)
    (told,) = caplog.messages
    assert "store abc says 2026-01-31T12:59:59Z" in told


@pytest.mark.parametrize(
    "date",
    [
        "",
        "yesterday",
        "Mon, 01 Jan 0001 00:00:00 GMT",
        "Tue, 15 Nov 1994 08:12:31 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Sun, 06 Nov 2025 99:49:37 GMT",
    ],
)
def test_a_date_that_no_clock_shows_is_none(date: str) -> None:
    assert store_time(date, 5.0) is None
