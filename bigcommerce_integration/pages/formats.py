"""How numbers, moments and amounts are written: the filters of our templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup

from ..models.product_key import key_answer
from ..models.types import amount_text
from ..resources.columns import notes_of

NOTHING = "–"
_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def moment(value: datetime | None) -> str | Markup:
    """A moment of ours, naive UTC: the script shows it in the viewer's zone, without it stays UTC."""
    if value is None:
        return NOTHING
    shown = f"{_day(value)}, {value:%H:%M} UTC"
    return Markup('<time datetime="{}Z">{}</time>').format(value.isoformat(timespec="seconds"), shown)


def store_moment(value: datetime | None, timezone: str | None) -> str | Markup:
    """A moment of the store's records, naive UTC, in the store's zone, which is named, as BigCommerce shows it."""
    if value is None:
        return NOTHING
    zone = ZoneInfo(timezone) if timezone else None
    local = value.replace(tzinfo=UTC).astimezone(zone) if zone else value
    shown = f"{_day(local)}, {local:%H:%M} {local.tzname() if zone else 'UTC'}"
    return Markup('<time datetime="{}Z" data-zone="store" title="{}">{}</time>').format(
        value.isoformat(timespec="seconds"), timezone or "UTC", shown
    )


def day(value: date | None) -> str:
    """A day, such as 5 Mar 2026."""
    return NOTHING if value is None else _day(value)


def _day(value: date) -> str:
    return f"{value.day} {value:%b %Y}"


def number(value: float | Decimal | None) -> str:
    """A number with a comma between thousands."""
    if value is None:
        return NOTHING
    return f"{value:,.0f}" if float(value) == int(value) else f"{value:,.1f}"


def money(value: Decimal | None, currency: str | None) -> str:
    """An amount with its currency."""
    return NOTHING if value is None else amount_text(value, currency)


def duration(seconds: float | None) -> str:
    """About how long, in the largest unit that fits: "3 minutes"."""
    if seconds is None:
        return NOTHING
    for size, unit in _UNITS:
        if seconds >= size:
            count = round(seconds / size)
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return "less than a second"


def count(value: int, singular: str, plural: str | None = None) -> str:
    """The number with its noun: "1 order", "2,000 orders"."""
    return f"{value:,} {singular if value == 1 else plural or f'{singular}s'}"


def at_least(value: int, most: int) -> str:
    """What was counted up to ``most``."""
    return f"{value:,}+" if value >= most else f"{value:,}"


def yes_no(value: bool | None) -> str:
    """A yes, a no, or nothing where it is not known."""
    return NOTHING if value is None else "yes" if value else "no"


FILTERS: Mapping[str, Callable[..., Any]] = {
    "moment": moment,
    "store_moment": store_moment,
    "day": day,
    "number": number,
    "money": money,
    "duration": duration,
    "count_of": count,
    "at_least": at_least,
    "yes_no": yes_no,
    "key": key_answer,
    "notes": notes_of,
}
