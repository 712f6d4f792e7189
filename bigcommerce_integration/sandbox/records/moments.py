"""Times as the API writes and reads them; inside the store they are whole unix seconds, UTC."""

import re
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

DAY_S = 86400
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_BARE_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_UNIX = re.compile(r"\d{9,11}")


def rfc2822(moment: int) -> str:
    """As V2 answers: `Thu, 20 Apr 2017 11:32:00 +0000`."""
    t = time.gmtime(moment)
    day, month = _DAYS[t.tm_wday], _MONTHS[t.tm_mon - 1]
    return f"{day}, {t.tm_mday:02d} {month} {t.tm_year} {t.tm_hour:02d}:{t.tm_min:02d}:{t.tm_sec:02d} +0000"


def http_date(moment: float) -> str:
    """As the `Date` header has it: `Thu, 20 Apr 2017 11:32:00 GMT`."""
    return rfc2822(int(moment)).replace("+0000", "GMT")


def iso(moment: int) -> str:
    """As V3 answers: `2018-08-15T14:49:05+00:00`."""
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(moment))


def parse(text: str) -> int:
    """The moment in a record's own text, of either version."""
    return int(parse_v2_filter(text))


def parse_iso(text: str) -> float:
    """An ISO 8601 time; one without an offset is taken as UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def parse_v3_filter(text: str, now: float) -> float:
    """The moment a V3 date filter means; raises ValueError.

    A bare date is completed with the time of the request (I:bigcommerce/docs#766), so its meaning
    drifts: that is the trap a client has to avoid. Unix seconds are accepted (I:bigcommerce/api#94).
    """
    if _BARE_DATE.fullmatch(text):
        return parse_iso(text) + now % DAY_S
    if _UNIX.fullmatch(text):
        return float(text)
    return parse_iso(text)


def parse_v2_filter(text: str) -> float:
    """The moment a V2 date filter means, RFC 2822 or ISO 8601; raises ValueError."""
    if text[:4].isdigit():
        return parse_iso(text)
    moment = parsedate_to_datetime(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
