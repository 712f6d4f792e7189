"""By which dates a question is limited, and how each version of the API is asked so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..errors import BadRecord
from ..resources.base import DateFilter, Params
from ..resources.values import date_time, shifted, utc_z
from .records import Record

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Bounds:
    """The limits on one date of the records; ``names`` are those of the filters for its two ends.

    An answer may hold records up to a second beyond either end, see ``v2_params``: the caller drops them.
    """

    field: str
    since: datetime | None
    until: datetime | None
    names: tuple[str, str]

    def hold(self, record: Record) -> bool:
        """Whether a V2 list so limited may show the record; True if it has no date that can be read."""
        moment = date_of(record, self.field)
        return moment is None or (
            (self.since is None or moment >= shifted(self.since, -_SECOND))
            and (self.until is None or moment <= self.until)
        )


def catalog_bounds(dates: DateFilter) -> list[Bounds]:
    """Of products, which can only be asked for by ``date_modified`` (products_catalog.v3.yml)."""
    if dates.created_since or dates.created_until:
        raise ValueError("products cannot be asked for by the date they were created")
    return v3_bounds(dates)[1:]


def v3_bounds(dates: DateFilter, created: str = "date_created") -> list[Bounds]:
    """Of V3's lists, which can be asked for by both dates (bigcommerce/docs, reference/customers.v3.yml).

    ``created`` is what the list calls the first of them (``created`` in orders.v3.yml).
    """
    return _bounds(dates, "{}:min", "{}:max", created)


def v2_bounds(dates: DateFilter) -> list[Bounds]:
    """Of orders."""
    return _bounds(dates, "min_{}", "max_{}")


def _bounds(dates: DateFilter, least: str, most: str, created: str = "date_created") -> list[Bounds]:
    return [
        Bounds(field, since, until, (least.format(field), most.format(field)))
        for field, since, until in (
            (created, dates.created_since, dates.created_until),
            ("date_modified", dates.modified_since, dates.modified_until),
        )
    ]


def v3_params(limits: Iterable[Bounds]) -> Params:
    """The filters of V3, which include their bounds (bigcommerce/docs, docs/start/about/common-query-params.mdx)."""
    return tuple(param for each in limits for param in _params(each.names, each.since, _just_before(each.until)))


def v2_params(limits: Iterable[Bounds]) -> Params:
    """The filters of V2, a second wider: it is not known whether they include their bounds (the fact sheet, 5)."""
    return tuple(
        param
        for each in limits
        for param in _params(each.names, each.since and shifted(each.since, -_SECOND), each.until)
    )


def date_of(record: Record, field: str) -> datetime | None:
    """A record's date as naive UTC; None if there is none that can be read."""
    if not isinstance(record.value, dict):
        return None
    try:
        return date_time(record.value.get(field), field)
    except BadRecord:
        return None


def _just_before(moment: datetime | None) -> datetime | None:
    """The last whole second before."""
    return moment and shifted(moment, -timedelta(microseconds=1)).replace(microsecond=0)


def _params(names: tuple[str, str], least: datetime | None, most: datetime | None) -> Params:
    return tuple((name, utc_z(moment)) for name, moment in zip(names, (least, most), strict=True) if moment)
