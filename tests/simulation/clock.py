"""Simulated time: tasks that say when they go on, and cores that do one thing after the other."""

from __future__ import annotations

import heapq
from collections.abc import Generator
from itertools import count

Task = Generator[float, None, None]
"""Yields the moment at which it goes on."""


class Clock:
    """Runs tasks in the order of their moments; no time passes while one is at work."""

    def __init__(self) -> None:
        self.now = 0.0
        self._order = count()
        self._waiting: list[tuple[float, int, Task]] = []

    def start(self, task: Task, at: float | None = None) -> None:
        """Run it from now on, or from this moment on."""
        heapq.heappush(self._waiting, (self.now if at is None else at, next(self._order), task))

    def run(self, until: float) -> None:
        """Up to this moment."""
        while self._waiting and self._waiting[0][0] <= until:
            self.now, _, task = heapq.heappop(self._waiting)
            goes_on_at = next(task, None)
            if goes_on_at is not None:
                self.start(task, max(goes_on_at, self.now))
        self.now = until


class Cores:
    """So many cores, or what else serves one after the other; ``busy_s`` is what they have worked in all."""

    def __init__(self, count: int) -> None:
        self._free_at = [0.0] * count
        self.busy_s = 0.0

    def done_at(self, now: float, work_s: float) -> float:
        """When work is done that comes now and waits for the first core that is free."""
        begins_at = max(now, self._free_at[0])
        heapq.heapreplace(self._free_at, begins_at + work_s)
        self.busy_s += work_s
        return begins_at + work_s
