"""The begin of the start date, in the store's own time."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from bigcommerce_integration.errors import UnexpectedAnswer
from bigcommerce_integration.refresh.job.modes import start_of_day


@pytest.mark.parametrize(
    ("day", "zone", "begin"),
    [
        (date(2024, 1, 31), "UTC", datetime(2024, 1, 31)),
        (date(2024, 1, 31), "America/Chicago", datetime(2024, 1, 31, 6)),
        (date(2024, 7, 31), "America/Chicago", datetime(2024, 7, 31, 5)),
        (date(2024, 1, 31), "Asia/Kathmandu", datetime(2024, 1, 30, 18, 15)),
        # Midnight does not exist on this day there: the clock goes from 23:59 to 01:00.
        (date(2018, 11, 4), "America/Sao_Paulo", datetime(2018, 11, 4, 3)),
    ],
)
def test_a_day_begins_at_midnight_in_the_store_s_time_zone(day: date, zone: str, begin: datetime):
    assert start_of_day(day, zone) == begin


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "America", "\x00", "x" * 5000])
def test_an_unknown_time_zone_is_not_guessed(zone: str):
    with pytest.raises(UnexpectedAnswer, match="tzdata"):
        start_of_day(date(2024, 1, 31), zone)
