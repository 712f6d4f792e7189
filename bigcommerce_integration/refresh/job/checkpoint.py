"""What a refresh has done and has still to do, as it stands in the refresh row between pages."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import date, datetime
from typing import Any, Literal

from ...resources.base import DateFilter
from .id_ranges import Walk

VERSION = 2

Phase = Literal["prepare", "walk", "missing", "link", "referenced", "create", "finish"]


@dataclass(frozen=True)
class Unsolved:
    """Variants that a linking pass left without a link for a reason, and host products that the host would not make.

    ``reason`` is the first one, a refusal's before others. Kept here until the refresh is completed, since a part of
    the pass that is done once more must not count twice.
    """

    conflicts: int = 0
    refused: int = 0
    reason: str | None = None

    def __add__(self, other: Unsolved) -> Unsolved:
        is_worse = bool(other.refused and not self.refused)
        reason = other.reason if is_worse or self.reason is None else self.reason
        return Unsolved(self.conflicts + other.conflicts, self.refused + other.refused, reason)


@dataclass(frozen=True)
class LinksCheck:
    """How many linked variants were counted, those whose host product is gone among them, then how many were unlinked.

    ``counted_after`` and ``taken_after`` are the last variants seen, None once all were.
    """

    counted_after: int | None = 0
    count: int = 0
    gone: int = 0
    taken_after: int | None = 0

    def counted(self, count: int, gone: int, last: int | None) -> LinksCheck:
        """With so many more, up to ``last``."""
        return replace(self, counted_after=last, count=self.count + count, gone=self.gone + gone)


@dataclass(frozen=True)
class Checkpoint:
    """Moved in the transaction that writes a page's rows, so that both are stored or neither is.

    ``begun_at`` is the agreed present when the walk began (the next watermark), ``since`` the instance's start
    date as a moment, ``dates`` the filter on every request of the walk, ``page_size`` what a troubled store is
    asked for instead of the setting, ``failures`` how many requests in a row failed, ``link_after`` the last
    variant that the linking pass has seen, ``start_date`` the instance's when the walk began, ``linked_by`` the two
    switches of linking (link, create) that a linking pass over all has worked by, ``linked_up_to`` the change number up
    to which any pass has looked at what was written, ``unsolved`` what it left without a link,
    ``links`` how far the host was asked whether it still has the products of links, ``withheld`` how many variants are
    not marked as deleted since they are too many, ``suspects`` the low ends of the ranges whose first page may be what
    a worker died of. What the store changed before ``settled_until`` has to be in the rows, for a reconciliation; None
    is nothing. ``is_unconfirmed``: nothing had come, so the store was not asked which one it is, and the watermark
    stays where it is. All times are naive UTC.
    """

    phase: Phase = "prepare"
    begun_at: datetime | None = None
    since: datetime | None = None
    dates: DateFilter = field(default_factory=DateFilter)
    walk: Walk = field(default_factory=Walk)
    page_size: int | None = None
    good_pages: int = 0
    failures: int = 0
    link_after: int = 0
    start_date: date | None = None
    linked_by: tuple[bool, bool] | None = None
    linked_up_to: int | None = None
    suspects: tuple[int, ...] = ()
    unsolved: Unsolved = field(default_factory=Unsolved)
    links: LinksCheck = field(default_factory=LinksCheck)
    withheld: int = 0
    settled_until: datetime | None = None
    is_unconfirmed: bool = False

    def dump(self) -> str:
        """As JSON text with a version."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return json.dumps({"version": VERSION, **values}, default=_plain)


def load_checkpoint(text: str | None) -> Checkpoint:
    """The stored checkpoint; a fresh one if there is none or another version wrote it (the walk starts over)."""
    data = json.loads(text) if text else {}
    if data.get("version") != VERSION:
        return Checkpoint()
    # A worker of an older version may have left out some, one of a later version may have written more.
    known = {item.name: data[item.name] for item in fields(Checkpoint) if data.get(item.name) is not None}
    return Checkpoint(**{name: _READ[name](value) if name in _READ else value for name, value in known.items()})


def _plain(value: Any) -> Any:
    """What JSON has no form for."""
    if isinstance(value, date):
        return value.isoformat()
    return value.dump() if isinstance(value, Walk) else asdict(value)


_READ: Mapping[str, Callable[[Any], Any]] = {
    "begun_at": datetime.fromisoformat,
    "since": datetime.fromisoformat,
    "settled_until": datetime.fromisoformat,
    "dates": lambda dates: DateFilter(**{name: text and datetime.fromisoformat(text) for name, text in dates.items()}),
    "walk": Walk.load,
    "start_date": date.fromisoformat,
    "linked_by": tuple,
    "suspects": tuple,
    "unsolved": lambda counts: Unsolved(**counts),
    "links": lambda counts: LinksCheck(**counts),
}
