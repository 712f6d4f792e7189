"""Values as the store writes them, and what becomes of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigcommerce_integration.errors import BadRecord
from bigcommerce_integration.resources.values import boolean, date_time, http_date, integer, money, rate, text, utc_z


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        ("361.9500", "361.9500"),
        ("-0.0000", "0.0000"),
        ("1e3", "1000.0000"),
        (19.99, "19.9900"),
        (0.1 + 0.2, "0.3000"),
        (1e-7, "0.0000"),
        (5, "5.0000"),
        (-5, "-5.0000"),
        ("2.00005", "2.0000"),
        ("2.00015", "2.0002"),
        (".5", "0.5000"),
        ("9999999999999999.9999", "9999999999999999.9999"),
    ],
)
def test_an_amount_has_four_decimals(value: object, amount: str) -> None:
    found = money(value, "price")
    assert str(found) == amount


@pytest.mark.parametrize("convert", [money, rate, integer, date_time])
@pytest.mark.parametrize("value", [None, ""])
def test_nothing_is_none(convert: object, value: object) -> None:
    assert convert(value, "field") is None  # type: ignore[operator]


NO_NUMBERS = ["abc", "NaN", "Infinity", "-inf", "1_000", "１２", "1,5", " 1", "1 ", "0x1", "--1", "+", ".", "1e9999"]


@pytest.mark.parametrize(
    "value",
    [*NO_NUMBERS, float("nan"), float("inf"), True, False, [], {}, "1e16", 10**16, "9" * 41, "1\n", 10**400],
)
def test_what_is_no_amount_is_a_bad_record(value: object) -> None:
    with pytest.raises(BadRecord, match=r"^price "):
        money(value, "price")


def test_a_rate_has_ten_decimals() -> None:
    assert str(rate("1.0000000000", "rate")) == "1.0000000000"
    assert str(rate(0.123456789012, "rate")) == "0.1234567890"
    with pytest.raises(BadRecord):
        rate("1e10", "rate")


@given(st.decimals(-(10**15), 10**15, allow_nan=False, allow_infinity=False, places=4))
def test_an_amount_written_out_comes_back(amount: Decimal) -> None:
    assert money(f"{amount:f}", "price") == amount


@given(st.floats(-1e11, 1e11))
def test_a_json_number_goes_by_its_shortest_text(number: float) -> None:
    found = money(number, "price")
    assert found is not None
    assert abs(found - Decimal(repr(number))) <= Decimal("0.00005")


@pytest.mark.parametrize(
    ("value", "number"), [(0, 0), (-3, -3), ("42", 42), ("-42", -42), (2.0, 2), (2**63 - 1, 2**63 - 1), ("007", 7)]
)
def test_whole_numbers(value: object, number: int) -> None:
    found = integer(value, "quantity")
    assert found == number
    assert type(found) is int


@pytest.mark.parametrize(
    "value",
    [
        True,
        2.5,
        "2.5",
        "abc",
        "1_0",
        "１",
        " 1",
        "1\n",
        [],
        {},
        2**63,
        -(2**63) - 1,
        "9" * 19 + "9",
        "9" * 19,
        float("inf"),
    ],
)
def test_what_is_no_whole_number_is_a_bad_record(value: object) -> None:
    with pytest.raises(BadRecord, match=r"^quantity "):
        integer(value, "quantity")


@pytest.mark.parametrize(
    ("value", "found"),
    [(None, None), ("", ""), ("é\u2028", "é\u2028"), ("a\0b", "a\ufffdb"), ("\ud800x", "\ufffdx"), (5, "5"), (0, "0")],
)
def test_text(value: object, found: str | None) -> None:
    assert text(value, "name") == found


@pytest.mark.parametrize("value", [True, [], {}])
def test_what_is_no_text_is_a_bad_record(value: object) -> None:
    with pytest.raises(BadRecord, match=r"^name "):
        text(value, "name")


@pytest.mark.parametrize(
    ("value", "found"),
    [(True, True), (False, False), (1, True), (0, False), ("true", True), ("0", False), (None, None), ("", None)],
)
def test_booleans(value: object, found: bool | None) -> None:
    assert boolean(value, "is_visible") is found


@pytest.mark.parametrize("value", [2, -1, "yes", 1.5, [], {}])
def test_what_is_no_boolean_is_a_bad_record(value: object) -> None:
    with pytest.raises(BadRecord, match=r"^is_visible "):
        boolean(value, "is_visible")


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("Tue, 20 Nov 2012 00:00:00 +0000", datetime(2012, 11, 20)),
        ("Tue, 5 Nov 2012 00:00:00 +0000", datetime(2012, 11, 5)),
        ("Thu, 20 Apr 2017 11:32:00 -0400", datetime(2017, 4, 20, 15, 32)),
        ("20 Apr 2017 11:32 GMT", datetime(2017, 4, 20, 11, 32)),
        ("2018-08-15T14:49:05+00:00", datetime(2018, 8, 15, 14, 49, 5)),
        ("2018-08-15T14:49:05Z", datetime(2018, 8, 15, 14, 49, 5)),
        ("2017-04-20T11:32:00.000-04:00", datetime(2017, 4, 20, 15, 32)),
    ],
)
def test_moments_become_naive_utc(value: str, moment: datetime) -> None:
    assert date_time(value, "date_created") == moment


@pytest.mark.parametrize(
    "value",
    [
        "2018-08-15T14:49:05",
        "2018-08-15",
        "yesterday",
        "Tue, 31 Feb 2012 00:00:00 +0000",
        "Tue, 20 Foo 2012 00:00:00 +0000",
        "Tue, 20 Nov 2012 25:00:00 +0000",
        "Tue, 20 Nov 2012 00:00:00",
        "Tue. 20 Nov 2012 00:00:00 +0000",
        "0000-00-00T00:00:00+00:00",
        "0001-01-01T00:00:00+14:00",
        "２018-08-15T14:49:05Z",
        0,
        1534344545,
        True,
        {},
    ],
)
def test_what_is_no_moment_is_a_bad_record(value: object) -> None:
    with pytest.raises(BadRecord, match=r"^date_created ") as caught:
        date_time(value, "date_created")
    assert caught.value.__context__ is None or caught.value.__suppress_context__


MOMENTS = st.datetimes(datetime(1900, 1, 2), datetime(2999, 12, 30)).map(lambda moment: moment.replace(microsecond=0))
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(MOMENTS, OFFSETS)
def test_a_moment_written_in_either_form_comes_back(moment: datetime, offset: timezone) -> None:
    aware = moment.replace(tzinfo=UTC).astimezone(offset)
    assert date_time(format_datetime(aware), "x") == moment
    assert date_time(aware.isoformat(), "x") == moment
    assert date_time(utc_z(moment), "x") == moment
    assert date_time(utc_z(aware), "x") == moment


def test_a_moment_for_a_query_has_whole_seconds_and_a_z() -> None:
    assert utc_z(datetime(2025, 1, 15, 0, 3, 17, 999999)) == "2025-01-15T00:03:17Z"


def test_the_date_header() -> None:
    assert http_date("Sun, 06 Nov 1994 08:49:37 GMT") == datetime(1994, 11, 6, 8, 49, 37)
    assert http_date("") is None
    assert http_date("Sun, 06 Nov 1994 99:49:37 GMT") is None


@given(st.text() | st.integers() | st.floats() | st.booleans() | st.lists(st.integers(), max_size=1))
def test_whatever_comes_only_a_bad_record_is_raised(value: object) -> None:
    for convert in (money, rate, integer, text, boolean, date_time):
        said = ""
        try:
            convert(value, "the_field")
        except BadRecord as error:
            said = str(error)
        assert said == "" or (said.startswith("the_field ") and len(said) < 60)
