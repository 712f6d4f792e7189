"""Which present a slice goes by: no single clock is trusted.

Three clocks tell the time when a slice begins: the store's (the ``Date`` of its first answer), this worker's and the
database's. The agreed present is the one in the middle, or the store's if that is earlier still:

=======================================  ==========================================================================
the store's answer is ahead, once        the worker's and the database's agree: it goes by them
the store is ahead of us for good        the same; an incremental reads again what its clock is ahead by
the store is behind us, once or for good it goes by the store: its dates are what the next incremental asks for
the worker's clock is wrong              the store's and the database's agree
the database's clock is wrong            the store's and the worker's agree
an answer has no date, or nonsense       the earlier of the worker's and the database's
=======================================  ==========================================================================

Too early is always safe: the next incremental reads more than it has to. Too late would lose edits. Within the slice
time goes on by the worker's monotonic clock, so that answers are ordered by when they were asked for, whatever date
they carry. Between slices no clock is needed: who claims a lease asks later than all who had it before
(see ``refresh.write.rows.PageTransaction``).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from ..resources.values import http_date

log = logging.getLogger(__name__)

TOLERANCE = timedelta(seconds=60)
"""How far clocks may be apart without anybody being told, and a stored time ahead of the present and be believed."""
_EARLIEST = datetime(2000, 1, 1)
_LATEST = datetime(9000, 1, 1)
_REST = timedelta(seconds=1) - timedelta(microseconds=1)


def local_now() -> datetime:
    """This machine's clock, naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


def store_time(date: str, headers_s: float) -> datetime | None:
    """The store's clock when a request began, by the ``Date`` of its answer, whose headers took so long.

    None without one that can be read, or with one that no clock that was ever set would show.
    """
    moment = http_date(date)
    if moment is None or not _EARLIEST <= moment <= _LATEST:
        return None
    return moment - timedelta(seconds=headers_s)


class StoreClock:
    """The agreed present of one slice; for use by several threads. ``database`` is what its clock says just now."""

    def __init__(
        self,
        store_hash: str,
        *,
        database: datetime | None = None,
        local: Callable[[], datetime] = local_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store_hash = store_hash
        self._monotonic = monotonic
        self._started = monotonic()
        # The worker's and the database's, at the start.
        self._ours = sorted(moment for moment in (local(), database) if moment is not None)
        self._start: datetime | None = None
        self._is_warned = False
        self._lock = threading.Lock()

    def observed_at(self, told: datetime | None, began: float) -> datetime:
        """The agreed present when the request began (``began`` by the monotonic clock), of an answer that told this.

        The first answer of the slice decides; later ones that tell otherwise are warned of.
        """
        passed = timedelta(seconds=began - self._started)
        with self._lock:
            if self._start is None:
                self._start = self._agreed(told and told - passed)
            agreed = self._start + passed
            if told is not None:
                self._compare(told - passed)
            return agreed

    @property
    def present(self) -> datetime:
        """The agreed present; without an answer yet, the earlier of our own clocks."""
        return (self._start or self._ours[0]) + self._passed()

    @property
    def latest(self) -> datetime:
        """What a stored time may be at most to be believed: one beyond is from a clock that was wrong.

        Without an answer yet, by the later of our own clocks: not to believe what is right would be the worse mistake.
        """
        return (self._start or self._ours[-1]) + self._passed() + TOLERANCE

    def _passed(self) -> timedelta:
        return timedelta(seconds=self._monotonic() - self._started)

    def _agreed(self, store: datetime | None) -> datetime:
        if store is None:
            return self._ours[0]
        clocks = sorted([*self._ours, store])
        middle = clocks[(len(clocks) - 1) // 2]
        # The header has whole seconds, cut off: clocks that agree give one slice after the other the same time.
        return middle if middle <= store + _REST else store

    def _compare(self, store: datetime) -> None:
        clocks = [*self._ours, store]
        if self._is_warned or max(clocks) - min(clocks) <= TOLERANCE:
            return
        self._is_warned = True
        log.warning(
            "Clocks differ: store %s says %sZ, this worker and the database say %s. The refresh goes by %sZ. "
            "Set the clock that is wrong.",
            self._store_hash,
            store.isoformat(timespec="seconds"),
            " and ".join(f"{moment.isoformat(timespec='seconds')}Z" for moment in self._ours),
            self.present.isoformat(timespec="seconds"),
            extra={"action": "clock"},
        )
