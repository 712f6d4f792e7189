"""Values as BigCommerce writes them, turned into what a column holds.

Numbers arrive as strings and the reverse, dates in two shapes, and ``""`` stands for "none" (the fact sheet, sections
3, 5 and 11). Each function takes the field's name for its ``BadRecord``, which never holds the value: it could be a
person's. These run some ten times a record, so the usual shapes have a short way.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, DecimalException

from ..errors import BadRecord

_FOUR, _TEN, _ZERO = Decimal("0.0001"), Decimal("0.0000000001"), Decimal("0.0000")
_BOUND = Decimal(10) ** 16  # what Numeric(20, 4) holds is below
_RATE_BOUND = Decimal(10) ** 10  # Numeric(20, 10)
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
_NUMBER = re.compile(r"[+-]?([0-9]{1,40}(\.[0-9]{0,40})?|\.[0-9]{1,40})([eE][+-]?[0-9]{1,3})?")
_AMOUNT = re.compile(r"-?[0-9]{1,16}\.[0-9]{4}")  # as V2 writes all of its own: nothing to round, and it fits
_INTEGER = re.compile(r"-?[0-9]{1,19}")
# PostgreSQL refuses NUL, and no database encodes half a surrogate pair.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
STORE_HASH_LENGTH = 32
STORE_HASH = re.compile(rf"[A-Za-z0-9]{{1,{STORE_HASH_LENGTH}}}")
"""What a store is called in the URLs of the API."""
_BOOLEANS: dict[object, bool | None] = {"true": True, "false": False, "1": True, "0": False, "": None}
MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS = {name: number for number, name in enumerate(MONTH_NAMES, start=1)}
_MONTH_NUMBERS = {f" {name} ": f"{number:02}" for name, number in _MONTHS.items()}
_RFC_2822 = re.compile(
    r"(?:[A-Za-z]{3},\s*)?([0-9]{1,2}) ([A-Za-z]{3}) ([0-9]{4}) ([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?"
    r" (?:([+-])([0-9]{2})([0-9]{2})|GMT|UTC|UT|Z)"
)


def money(value: object, field: str) -> Decimal | None:
    """An amount, weight or measure with four decimals (half-even), None for null and ``""``.

    Four decimals are the API's own precision (bigcommerce/docs, docs/store-operations/catalog/index.mdx). A JSON
    number goes by its shortest text, ``Decimal(repr(x))``: 19.99 stays 19.99.
    """
    if type(value) is str and _AMOUNT.fullmatch(value):  # all of V2's, and the most by far
        return Decimal(value) or _ZERO
    return _decimal(value, field, _FOUR, _BOUND)


def rate(value: object, field: str) -> Decimal | None:
    """An exchange rate with ten decimals, as orders carry it (orders.v2.oas2.yml); None for null and ``""``."""
    return _decimal(value, field, _TEN, _RATE_BOUND)


def integer(value: object, field: str) -> int | None:
    """A whole number that a 64-bit column holds, None for null and ``""``."""
    if type(value) is int:
        number = value
    elif value is None or value == "":
        return None
    elif (isinstance(value, str) and _INTEGER.fullmatch(value)) or (isinstance(value, float) and value.is_integer()):
        number = int(value)
    else:
        raise BadRecord(f"{field} is not a whole number")
    if not INT64_MIN <= number <= INT64_MAX:
        raise BadRecord(f"{field} is a number too large to store")
    return number


def text(value: object, field: str) -> str | None:
    """Text, None for null; a number as its digits. NUL and lone surrogates, which databases refuse, become U+FFFD."""
    if isinstance(value, str):
        return storable(value)
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return str(value)
    raise BadRecord(f"{field} is not text")


def storable(text: str) -> str:
    """``text`` with U+FFFD in place of NUL and of lone surrogates."""
    if text.isascii() and "\0" not in text:
        return text
    return UNSTORABLE.sub("\ufffd", text)


def shortened(text: str, most: int) -> str:
    """The text if it has at most so many characters, else its begin with an ellipsis at the end."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def boolean(value: object, field: str) -> bool | None:
    """True or false, also written as 1 and 0 or as text; None for null and ``""``."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and value in {0, 1}:
        return value == 1
    if isinstance(value, str) and value in _BOOLEANS:
        return _BOOLEANS[value]
    raise BadRecord(f"{field} is neither true nor false")


def date_time(value: object, field: str) -> datetime | None:
    """A moment as naive UTC, None for null and ``""``.

    V2 writes RFC 2822 and always UTC (orders.v2.oas2.yml), V3 ISO 8601 with an offset or Z
    (products_catalog.v3.yml). One without an offset is not guessed at: ``BadRecord``.
    """
    if value is None or value == "":
        return None
    moment = None
    if isinstance(value, str) and value.isascii():
        try:
            moment = _iso_8601(value) if value[4:5] == "-" else _rfc_2822(value)
        except (ValueError, OverflowError):
            moment = None
    if moment is None:
        raise BadRecord(f"{field} is not a date and time")
    return moment


def http_date(value: str) -> datetime | None:
    """The ``Date`` header of an answer as naive UTC, None if it is not readable."""
    try:
        return _rfc_2822(value) if value.isascii() else None
    except (ValueError, OverflowError):
        return None


def shifted(moment: datetime, by: timedelta) -> datetime:
    """``moment + by``, or the end of the calendar that lies there: what comes from outside may be of the year 1."""
    try:
        return moment + by
    except OverflowError:
        return datetime.max if by > timedelta(0) else datetime.min


def utc_z(moment: datetime) -> str:
    """``2025-01-15T00:03:17Z`` for a naive UTC (or an aware) moment, its fractions cut off.

    The form that the docs moved to (bigcommerce/docs pull request 766): it has no ``+``, which a query string turns
    into a space. A date without a time would be completed with the time of the request.
    """
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment.isoformat(timespec="seconds") + "Z"


def _decimal(value: object, field: str, step: Decimal, bound: Decimal) -> Decimal | None:
    if value is None or value == "":
        return None
    try:
        if isinstance(value, str):
            return _of_text(value, step, bound)
        if isinstance(value, float) and math.isfinite(value):
            return _of_float(value, step, bound)
        if isinstance(value, int) and not isinstance(value, bool):
            return _rounded(Decimal(value), step, bound)
    except (ValueError, DecimalException):
        raise BadRecord(f"{field} is not a number that can be stored") from None
    raise BadRecord(f"{field} is not a number")


def _of_text(digits: str, step: Decimal, bound: Decimal) -> Decimal:
    if not _NUMBER.fullmatch(digits):  # Decimal itself would take NaN, "1_000" and full-width digits
        raise ValueError("no number")
    return _rounded(Decimal(digits), step, bound)


def _of_float(number: float, step: Decimal, bound: Decimal) -> Decimal:
    return _of_text(repr(number), step, bound)


def _rounded(number: Decimal, step: Decimal, bound: Decimal) -> Decimal:
    rounded = number.quantize(step, ROUND_HALF_EVEN)
    if abs(rounded) >= bound:
        raise ValueError("too large")
    return rounded if rounded else abs(rounded)  # no negative zero


def _iso_8601(value: str) -> datetime | None:
    if len(value) == 25 and value[19:] == "+00:00":  # "2018-08-15T14:49:05+00:00"
        return datetime.fromisoformat(value[:19])
    moment = datetime.fromisoformat(value)
    return None if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _rfc_2822(value: str) -> datetime | None:
    if len(value) == 31 and value[25:] == " +0000":  # "Tue, 20 Nov 2012 00:00:00 +0000"
        number = _MONTH_NUMBERS.get(value[7:12])
        if number and value[3:5] == ", " and value[16] == " ":
            return datetime.fromisoformat(f"{value[12:16]}-{number}-{value[5:7]}T{value[17:25]}")
    found = _RFC_2822.fullmatch(value)
    month = _MONTHS.get(found[2].title()) if found else None
    if not found or not month:
        return None
    moment = datetime(int(found[3]), month, int(found[1]), int(found[4]), int(found[5]), int(found[6] or 0))
    if not found[7]:
        return moment
    offset = timedelta(hours=int(found[8]), minutes=int(found[9]))
    return moment - offset if found[7] == "+" else moment + offset
