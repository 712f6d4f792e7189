"""How often one caller may have stores asked: a search box must not eat their quota of requests.

Kept in the process and not in the database: a search stays a read, needs no migration, and what a restart forgets harms
nobody. So each web process has an allowance of its own; ten times a minute is a small part of any plan's quota.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

BURST = 20
"""So many at once."""
A_SECOND = 1 / 6
"""So many come back."""
MOST_CALLERS = 10_000


class Allowance:
    """A bucket of tokens for each caller, full at first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        # By caller: what was left, and when; the one that has asked last is the last.
        self._left: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def take(self, caller: Hashable, wanted: int) -> int:
        """How many of ``wanted`` stores the caller may have asked now; they are taken."""
        with self._lock:
            now = self._clock()
            left, at = self._left.pop(caller, (float(BURST), now))
            left = min(float(BURST), left + (now - at) * A_SECOND)
            granted = min(wanted, int(left))
            self._left[caller] = (left - granted, now)
            while len(self._left) > MOST_CALLERS:
                self._left.popitem(last=False)
            return granted


ALLOWANCE = Allowance()
