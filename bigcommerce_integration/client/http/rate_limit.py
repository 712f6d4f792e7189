"""How fast to ask: pure decisions from the rate-limit headers of the answers.

The quota is per store and shared by every app that uses it; a window of fixed length refills it at once
(bigcommerce/docs, docs/api-docs/getting-started/api-rate-limits.mdx). Limit and window differ by plan and have
changed over the years, so nothing here knows a number: all comes from the headers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from requests.structures import CaseInsensitiveDict

from ...resources.values import http_date

# BigCommerce's longest known window was an hour (X-BC-ApiLimit-Remaining); a header that says more is not believed.
LONGEST_WAIT_S = 3600.0
# A reset is told in whole milliseconds, perhaps cut off: be this much late rather than early.
_MARGIN_S = 0.01
_LONGEST_BACKOFF_S = 60.0
SHORTEST_WAIT_S = 1.0
"""A 429 that asks for less does not say when the store answers again: it may say so for ever."""
_FIRST_LEAST_S = 0.1
# No plan has more; what is larger counts as this, which fits every column and every sum.
LARGEST_QUOTA = 10**9
_RESET_MS = "x-rate-limit-time-reset-ms"


@dataclass(frozen=True)
class Quota:
    """What an answer told of the store's quota; None for what it did not tell. ``reset_s`` is from then on."""

    limit: int | None
    left: int | None
    window_s: float | None
    reset_s: float | None


def parse_quota(headers: Mapping[str, str]) -> Quota | None:
    """The quota in an answer's headers, None if none of them is there: not every answer has them.

    ``X-Rate-Limit-Time-Reset-Ms`` is the time left until the refill: docs/start/about/index.mdx is followed, not
    api-rate-limits.mdx, which repeats the text of the window's length.
    """
    limit = _number(headers, "x-rate-limit-requests-quota", LARGEST_QUOTA)
    left = _number(headers, "x-rate-limit-requests-left", LARGEST_QUOTA)
    window_ms = _number(headers, "x-rate-limit-time-window-ms", LONGEST_WAIT_S * 1000)
    reset_ms = _number(headers, _RESET_MS, LONGEST_WAIT_S * 1000)
    if limit is None and left is None and window_ms is None and reset_ms is None:
        return None
    return Quota(
        limit=None if limit is None else int(limit),
        left=None if left is None else int(left),
        window_s=None if window_ms is None else window_ms / 1000,
        reset_s=None if reset_ms is None else reset_ms / 1000,
    )


def wait_s(headers: Mapping[str, str]) -> float | None:
    """Seconds that a 429 asks to wait, None if it does not say (then the platform is overloaded: back off).

    Two headers of the API say it, one in seconds and one in milliseconds, and HTTP's own; the longest wins
    (bigcommerce/docs, docs/start/migration/4_errors.md).
    """
    reset_ms = _number(headers, _RESET_MS, LONGEST_WAIT_S * 1000)
    return _longest(None if reset_ms is None else reset_ms / 1000, retry_after_s(headers))


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds that ``X-Retry-After`` and ``Retry-After`` ask to wait, an hour at most; None if they do not say.

    ``Retry-After`` may be a date (RFC 9110, section 10.2.3): it is compared with the answer's own ``Date``, or with
    our clock if there is none.
    """
    found = CaseInsensitiveDict(headers)
    until, date_s = http_date(found.get("retry-after", "")), None
    if until is not None:
        now = http_date(found.get("date", "")) or datetime.now(UTC).replace(tzinfo=None)
        date_s = max(0.0, (until - now).total_seconds())
    return _longest(_number(headers, "x-retry-after"), _number(headers, "retry-after"), date_s)


def least_wait_s(attempt: int) -> float:
    """The least wait after the ``attempt``-th 429 in a row (from 1) that asks for less than ``SHORTEST_WAIT_S``."""
    return min(_FIRST_LEAST_S * 2.0 ** (min(max(attempt, 1), 20) - 1), _LONGEST_BACKOFF_S)


def _number(headers: Mapping[str, str], name: str, most: float = LONGEST_WAIT_S) -> float | None:
    """What this header says, at most so much; None if it is not there, or is no number from 0 on."""
    text = CaseInsensitiveDict(headers).get(name, "")
    try:
        number = float(text) if len(text) <= 20 else math.nan
    except ValueError:
        return None
    return min(number, most) if math.isfinite(number) and number >= 0 else None


def _longest(*waits_s: float | None) -> float | None:
    known = [each for each in waits_s if each is not None]
    return min(max(known), LONGEST_WAIT_S) if known else None


@dataclass(frozen=True)
class Pace:
    """When the next request may start; a value, each step gives the next. All times are ``time.monotonic``.

    Two bounds hold within a window, and reaching either waits for its end:

    - our **share**: limit × (1 − reserve) ÷ sharers requests, of which bursts are fine;
    - the **reserve**: what the store says is left, less what we have in flight, stays above reserve × limit. This is
      the bound that knows of other apps, and of requests that an earlier slice made in the same window.

    One request a window is always allowed, so neither a tiny share nor a store drained by others stops us for good.
    Nothing told, nothing bound: without headers there is no delay but after a 429.

    The end of the window is taken as told at the moment an answer *came*, which is late by its way back but never
    early; the smallest of such times within a window is the best. Once it passes, the count begins at zero and the
    next end is a guess until an answer tells it.
    """

    reserve: float
    sharers: int
    limit: int | None = None
    window_s: float | None = None
    left: int | None = None  # the least told in this window
    used: int = 0  # own requests in this window
    in_flight: int = 0
    stale: int = 0  # in flight since before this window: their answers may tell of the last one
    began_at: float = 0.0  # of this window, as far as known
    resets_at: float | None = None
    is_reported: bool = False  # whether an answer of this window told its end
    blocked_until: float = 0.0

    @classmethod
    def start(cls, reserve: float, sharers: int) -> Pace:
        """Nothing sent and nothing known; ``reserve`` is a share (0.1), ``sharers`` the open leases on this store."""
        return cls(reserve=reserve, sharers=max(1, sharers))

    def with_sharers(self, sharers: int) -> Pace:
        """The same with another number of leases on this store."""
        return replace(self, sharers=max(1, sharers))

    def delay_s(self, now: float) -> float:
        """Seconds until a request may start; 0.0 for at once. Ask again after that time or after an answer."""
        if now < self.blocked_until:
            return max(self.blocked_until - now, _MARGIN_S)
        if self.resets_at is None or now >= self.resets_at or self._may_send():
            return 0.0
        return max(self.resets_at - now, _MARGIN_S)

    def sent(self, now: float) -> Pace:
        """A request has started."""
        pace = self._rolled(now)
        return replace(pace, used=pace.used + 1, in_flight=pace.in_flight + 1)

    def answered(self, now: float, quota: Quota | None) -> Pace:
        """A request has ended at ``now``, with or without a quota told (also one that failed)."""
        in_flight = max(self.in_flight - 1, 0)
        pace = replace(self, in_flight=in_flight, stale=min(self.stale, in_flight))
        if quota is None or quota.limit is None:
            # It may well have been counted: one less is left, as far as we know.
            return pace if pace.left is None else replace(pace, left=max(pace.left - 1, 0))
        pace = replace(pace, limit=quota.limit, window_s=quota.window_s or pace.window_s)
        return pace._counted(now, quota, may_be_stale=self.stale > 0)

    def limited(self, now: float, wait_s: float | None, attempt: int) -> Pace:
        """A request has ended with 429: nothing starts until the wait told (or, untold, a growing one) has passed."""
        if wait_s is None:
            wait = min(2.0 ** (min(max(attempt, 1), 10) - 1), _LONGEST_BACKOFF_S)
        else:
            wait = wait_s if wait_s >= SHORTEST_WAIT_S else max(wait_s, least_wait_s(attempt))
        until = max(self.blocked_until, now + wait + _MARGIN_S)
        return replace(self.answered(now, None), blocked_until=until)

    def _may_send(self) -> bool:
        if self.limit is None:
            return True
        share = max(1, math.floor(self.limit * (1 - self.reserve) / self.sharers + 1e-9))
        if self.used >= share:
            return False
        return self.left is None or self.left - self.in_flight - 1 >= self.reserve * self.limit - 1e-9

    def _rolled(self, now: float) -> Pace:
        """This window, or the next one if its end has passed: counted from zero, but for what is in flight."""
        if self.resets_at is None or now < self.resets_at:
            return self
        began_at, length = self.resets_at, self.window_s
        if length and now >= began_at + length:
            began_at = now  # idle for longer: no telling where the windows lie
        return replace(
            self,
            used=self.in_flight,
            stale=self.in_flight,
            left=None,
            began_at=began_at,
            resets_at=began_at + length if length else None,
            is_reported=False,
        )

    def _counted(self, now: float, quota: Quota, *, may_be_stale: bool) -> Pace:
        """Take in when the window ends and what is left of it."""
        length = self.window_s
        if quota.reset_s is None and self.resets_at is None and length:
            quota = replace(quota, reset_s=length)  # no end told: at the latest a whole window from now
        if quota.reset_s is None:
            return self if self.resets_at is None else replace(self, left=_least(self.left, quota.left))
        reported = now + min(quota.reset_s, length or LONGEST_WAIT_S) + _MARGIN_S
        half = (length or quota.reset_s) / 2
        if may_be_stale and reported < self.began_at + half:
            return self  # of the window before: its count says nothing about this one
        if self.resets_at is None or not self.is_reported:
            return replace(self, resets_at=reported, is_reported=True, left=_least(self.left, quota.left))
        if reported > self.resets_at + half:  # a new window began earlier than we thought
            count = 1 + self.in_flight
            return replace(
                self, began_at=self.resets_at, resets_at=reported, left=quota.left, used=count, stale=self.in_flight
            )
        if reported < self.resets_at - half:
            return self  # long on its way, from a window before
        return replace(self, resets_at=min(self.resets_at, reported), left=_least(self.left, quota.left))


def _least(known: int | None, told: int | None) -> int | None:
    """Answers overtake each other; within a window what is left only falls, so the least told is the newest."""
    if known is None or told is None:
        return told if known is None else known
    return min(known, told)
