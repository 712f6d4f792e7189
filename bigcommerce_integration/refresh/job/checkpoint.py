"""What a refresh has done and has still to do, as it stands in the refresh row between pages."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from typing import Literal

from ...resources.base import DateFilter
from .id_ranges import Walk

VERSION = 2

Phase = Literal["prepare", "walk", "missing", "link", "referenced", "finish"]


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
    variant row that the linking pass has seen, ``start_date`` the instance's when the walk began, ``linked_by`` the two
    switches of linking (link, create) that the linking pass has worked by, ``unsolved`` what it left without a link,
    ``links`` how far the host was asked whether it still has the products of links, ``withheld`` how many variants are
    not marked as gone since they are too many, ``suspects`` the low ends of the ranges whose first page may be what a
    worker died of. All times are naive UTC.
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
    suspects: tuple[int, ...] = ()
    unsolved: Unsolved = field(default_factory=Unsolved)
    links: LinksCheck = field(default_factory=LinksCheck)
    withheld: int = 0

    def dump(self) -> str:
        """As JSON text with a version."""
        return json.dumps(
            {
                "version": VERSION,
                "phase": self.phase,
                "begun_at": self.begun_at and self.begun_at.isoformat(),
                "since": self.since and self.since.isoformat(),
                "dates": {name: moment and moment.isoformat() for name, moment in asdict(self.dates).items()},
                "walk": self.walk.dump(),
                "page_size": self.page_size,
                "good_pages": self.good_pages,
                "failures": self.failures,
                "link_after": self.link_after,
                "start_date": self.start_date and self.start_date.isoformat(),
                "linked_by": self.linked_by,
                "suspects": self.suspects,
                "unsolved": asdict(self.unsolved),
                "links": asdict(self.links),
                "withheld": self.withheld,
            }
        )


def load_checkpoint(text: str | None) -> Checkpoint:
    """The stored checkpoint; a fresh one if there is none or another version wrote it (the walk starts over)."""
    data = json.loads(text) if text else {}
    if data.get("version") != VERSION:
        return Checkpoint()
    return Checkpoint(
        phase=data["phase"],
        begun_at=data["begun_at"] and datetime.fromisoformat(data["begun_at"]),
        since=data["since"] and datetime.fromisoformat(data["since"]),
        dates=DateFilter(**{name: text and datetime.fromisoformat(text) for name, text in data["dates"].items()}),
        walk=Walk.load(data["walk"]),
        page_size=data["page_size"],
        good_pages=data["good_pages"],
        failures=data["failures"],
        link_after=data["link_after"],
        # A worker of an older version may have written it, without these.
        start_date=_day(data.get("start_date")),
        linked_by=_pair(data.get("linked_by")),
        suspects=tuple(data.get("suspects", ())),
        unsolved=Unsolved(**data.get("unsolved", {})),
        links=LinksCheck(**data.get("links", {})),
        withheld=data.get("withheld", 0),
    )


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _pair(switches: list[bool] | None) -> tuple[bool, bool] | None:
    return None if switches is None else (switches[0], switches[1])
