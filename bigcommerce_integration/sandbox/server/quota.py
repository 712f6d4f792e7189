"""The store's request quota: one bucket in a fixed window, shared by all its apps."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

UNLIMITED = 1_000_000  # what an unlimited store shows as its quota


@dataclass(frozen=True, slots=True)
class Grant:
    """Whether one request is within the quota, and what its headers show."""

    allowed: bool
    quota: int
    left: int
    window_ms: int
    reset_ms: int

    def headers(self) -> dict[str, str]:
        """The four headers of every answer (docs/start/about/index.mdx)."""
        return {
            "X-Rate-Limit-Time-Window-Ms": str(self.window_ms),
            "X-Rate-Limit-Time-Reset-Ms": str(self.reset_ms),
            "X-Rate-Limit-Requests-Quota": str(self.quota),
            "X-Rate-Limit-Requests-Left": str(self.left),
        }

    @property
    def retry_after_s(self) -> int:
        """The value of `X-Retry-After`: whole seconds, rounded up."""
        return math.ceil(self.reset_ms / 1000)


class Quota:
    """Counts requests; not thread-safe by itself, the store's lock guards it."""

    def __init__(self, limit: int | None, window_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self.window_s = window_s
        self._clock = clock
        self._ends = 0.0
        self._used = 0

    def take(self, count: int = 1) -> Grant:
        """Use `count` requests of the window, which begins with the first one in it."""
        now = self._clock()
        if now >= self._ends:
            self._ends, self._used = now + self.window_s, 0
        quota = UNLIMITED if self.limit is None else self.limit
        allowed = self.limit is None or self._used + count <= self.limit
        if allowed or count > 1:
            self._used = min(self._used + count, quota)
        reset_ms = max(1, math.ceil((self._ends - now) * 1000))
        return Grant(allowed, quota, quota - self._used, round(self.window_s * 1000), reset_ms)

    def set(self, limit: int | None, window_s: float | None = None) -> None:
        """Change the limit (None: unlimited) and begin a new window."""
        self.limit = limit
        self.window_s = self.window_s if window_s is None else window_s
        self._ends = 0.0
