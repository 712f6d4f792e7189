"""Automatic sync, watched for a while: what is done, and how late it is begun."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from bigcommerce_integration.models import db_now

from .scene import Fleet, Spent

LOOKS_EVERY_S = 0.5


@dataclass
class Watched:
    """What ended and how late it began, in order, in a while."""

    spent: Spent
    done: int
    late_s: list[float] = field(default_factory=list)

    def late(self, share: float) -> float:
        """The lateness that this share does not exceed."""
        return self.late_s[max(0, math.ceil(share * len(self.late_s)) - 1)] if self.late_s else math.nan

    @property
    def mean_late_s(self) -> float:
        """Of all that began."""
        return sum(self.late_s) / len(self.late_s) if self.late_s else math.nan

    @property
    def cores(self) -> float:
        """How many cores the stores, the database and the broker have used."""
        spent = self.spent
        return sum(seconds for name, seconds in spent.cpu_s.items() if name != "workers") / spent.wall_s


def switch_on(fleet: Fleet, interval_s: float, *, but: Collection[int] = ()) -> None:
    """Have all stores kept in sync from now on, the first due times spread over the interval."""
    instances, leases = fleet.stage.tables.instances, fleet.stage.tables.leases
    with fleet.stage.session() as session:
        which = leases.c.resource != "refunds", leases.c.instance_id.not_in(but)
        columns = leases.c.instance_id, leases.c.resource, db_now().label("now")
        rows = session.execute(select(*columns).where(*which)).all()
        for number, row in enumerate(rows):
            first = row.now + timedelta(seconds=interval_s * number / len(rows))
            mine = leases.c.instance_id == row.instance_id, leases.c.resource == row.resource
            session.execute(update(leases).where(*mine).values(next_sync_at=first))
        session.commit()
        on = update(instances).where(instances.c.id.not_in(but)).values(is_automatic_sync_enabled=True)
        session.execute(on)
        session.commit()


def switch_off(fleet: Fleet) -> None:
    """Begin nothing more, and let what was begun end."""
    with fleet.stage.session() as session:
        session.execute(update(fleet.stage.tables.instances).values(is_automatic_sync_enabled=False))
        session.commit()
    fleet.wait()


def watched(
    fleet: Fleet,
    seconds: float,
    *,
    warm_up_s: float = 4.0,
    meanwhile: Callable[[], Any] = int,
    until: Callable[[], bool] = bool,
) -> Watched:
    """For so long, or until that is true, once it is up to speed; ``meanwhile`` is done first."""
    due: defaultdict[Any, set[datetime]] = defaultdict(set)
    _look(fleet, warm_up_s, due)
    with fleet.stage.session() as session:
        since = session.execute(select(db_now())).scalar_one()
    with fleet.measured() as spent:
        meanwhile()
        _look(fleet, seconds, due, until)
    done, late_s = _ended(fleet, since, due)
    return Watched(spent(), done, late_s)


def _look(fleet: Fleet, seconds: float, due: defaultdict[Any, set[datetime]], until: Callable[[], bool] = bool) -> None:
    """Note all due times of each lease that there are meanwhile."""
    leases, ends_at = fleet.stage.tables.leases, time.monotonic() + seconds
    which = leases.c.next_sync_at.is_not(None), leases.c.resource != "refunds"
    while time.monotonic() < ends_at and not until():
        with fleet.stage.session() as session:
            for row in session.execute(
                select(leases.c.instance_id, leases.c.resource, leases.c.next_sync_at).where(*which)
            ):
                due[row.instance_id, row.resource].add(row.next_sync_at)
        time.sleep(LOOKS_EVERY_S)


def _ended(fleet: Fleet, since: datetime, due: defaultdict[Any, set[datetime]]) -> tuple[int, list[float]]:
    """How many incrementals have ended since then, and how late those began that have begun since, in order.

    What was due meanwhile and has not begun counts with its lateness so far.
    """
    refreshes = fleet.stage.tables.refreshes
    columns = (refreshes.c.instance_id, refreshes.c.resource, refreshes.c.started_at, refreshes.c.finished_at)
    with fleet.stage.session() as session:
        now = session.execute(select(db_now())).scalar_one()
        rows: Sequence[Any] = session.execute(select(*columns).where(refreshes.c.mode == "incremental")).all()
    done = sum(row.finished_at is not None and row.finished_at >= since for row in rows)
    late, begun = [], defaultdict(list)
    for row in rows:
        begun[row.instance_id, row.resource].append(row.started_at or now)
    for lease, times in due.items():
        for moment in sorted(times):
            if moment > now:
                continue
            began_at = min((each for each in begun[lease] if each >= moment), default=now)
            if began_at >= since:
                late.append((began_at - moment).total_seconds())
    return done, sorted(late)
