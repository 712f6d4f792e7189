"""Requests in flight: made by a few threads, started, paced and tried again by the advancing thread alone."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from typing import Any

from ...client.api import Reply
from ...client.http.rate_limit import Pace
from ...client.http.retry import Recheck, confirm_after_s, decide, is_confirmed, is_failure
from ...errors import RateLimited, RetryLater, StoreError, Unconfirmed
from ..job.progress import Tally

LONG_WAIT_S = 5.0
"""A wait longer than this ends the slice instead of holding a worker."""


@dataclass
class Fetch:
    """One question: ``ask`` makes the request in a fetching thread, ``then`` takes its reply in the advancing one.

    ``is_store_info``: it asks for the store's information itself. ``recheck`` is set once the answer may stop the
    refresh: then it is asked again, alone.
    """

    ask: Callable[[], Any]
    then: Callable[[Any], None]
    failures: int = 0
    not_before: float = 0.0
    is_store_info: bool = False
    recheck: Recheck | None = None


@dataclass
class Fetcher:
    """At most ``width`` requests at a time; everything but the requests happens in the thread that calls.

    ``keep_alive`` is called at least every ``keep_alive_s`` seconds while waiting: it renews the lease. ``trouble``
    is what the store did last, until it answers well again. ``store_info`` asks for the store's information, before
    an answer that may stop the refresh is asked for again.
    """

    width: int
    pace: Pace
    stopping: threading.Event
    keep_alive_s: float
    failures: int = 0
    trouble: str | None = None
    keep_alive: Callable[[], None] = lambda: None
    store_info: Callable[[], Reply[Any]] | None = None
    tally: Tally = field(default_factory=Tally)
    waiting: list[Fetch] = field(default_factory=list)
    in_flight: int = 0
    wants_smaller_page: bool = False
    _jobs: SimpleQueue[Fetch | None] = field(default_factory=SimpleQueue)
    _done: SimpleQueue[tuple[Fetch, Any, Exception | None]] = field(default_factory=SimpleQueue)
    _threads: list[threading.Thread] = field(default_factory=list)
    _kept_alive_at: float = field(default_factory=time.monotonic)
    _is_one_alone: bool = False

    @property
    def has_room(self) -> bool:
        """Whether one more question would be asked at once, quota permitting."""
        return self.in_flight + len(self.waiting) < self.width

    @property
    def is_rechecking(self) -> bool:
        """Whether a question waits to be asked again as its answer may stop the refresh."""
        return any(fetch.recheck for fetch in self.waiting)

    def add(self, fetch: Fetch) -> None:
        """Ask this as soon as there is room and quota."""
        fetch.failures = max(fetch.failures, self.failures)
        self.waiting.append(fetch)

    def start_due(self) -> float:
        """Start what may be started now; seconds until more may be (0.0: nothing waits, or there is no room)."""
        while self.waiting and self.in_flight < self.width:
            now = time.monotonic()
            fetch = min(self.waiting, key=lambda each: each.not_before)
            delay_s = max(fetch.not_before - now, self.pace.delay_s(now))
            if delay_s > 0:
                return delay_s
            if self.in_flight and (fetch.recheck or self._is_one_alone):
                return 0.0
            self._is_one_alone = fetch.recheck is not None
            self.waiting.remove(fetch)
            self.pace = self.pace.sent(now)
            self.in_flight += 1
            self.tally.requests += 1
            self._start(fetch)
        return 0.0

    def take(self, longest_s: float) -> bool:
        """Wait for one answer, at most ``longest_s`` seconds, and hand it on; False if none came.

        Failures that may pass are put back to wait. Raises what ends the refresh or the walk: ``StopRefresh``,
        ``RetryLater`` after too many tries, ``LeaseLost`` from ``keep_alive``.
        """
        ends_at = time.monotonic() + longest_s
        while True:
            self._keep_alive_if_due()
            left_s = ends_at - time.monotonic()
            try:
                fetch, result, error = self._done.get(timeout=max(0.0, min(left_s, self.keep_alive_s, 0.5)))
            except Empty:
                if time.monotonic() >= ends_at:
                    return False
                continue
            self.in_flight -= 1
            self._settle(fetch, result, error)
            return True

    def wait(self, seconds: float) -> None:
        """Let time pass for quota or a retry; answers are still taken."""
        began = time.monotonic()
        self.take(seconds) if self.in_flight else self._sleep(seconds)
        if not self.in_flight:
            self.tally.waited_s += time.monotonic() - began

    def drain(self, longest_s: float) -> None:
        """Take the answers under way and start nothing more; given up after ``longest_s`` seconds."""
        self.waiting.clear()
        ends_at = time.monotonic() + longest_s
        while self.in_flight and (left_s := ends_at - time.monotonic()) > 0:
            self.take(left_s)

    def close(self) -> None:
        """Let the threads end; a request still under way ends with its connection (see ``StoreClient.close``)."""
        for _ in self._threads:
            self._jobs.put(None)

    def _sleep(self, seconds: float) -> None:
        left_s = self.keep_alive_s - (time.monotonic() - self._kept_alive_at)
        self.stopping.wait(max(0.0, min(seconds, left_s)))
        self._keep_alive_if_due()

    def _keep_alive_if_due(self) -> None:
        if time.monotonic() - self._kept_alive_at >= self.keep_alive_s:
            self.keep_alive()
            self._kept_alive_at = time.monotonic()

    def _settle(self, fetch: Fetch, result: Any, error: Exception | None) -> None:
        now = time.monotonic()
        if error is None:
            reply = result if isinstance(result, Reply) else None
            # From when it came: the rest of the window is counted from there.
            self.pace = self.pace.answered(reply.received_at, reply.quota) if reply else self.pace.answered(now, None)
            if reply and reply.quota and reply.quota.left is not None:
                self.tally.quota_left = reply.quota.left
            if _asks_store(fetch):
                self._ask_again(fetch, None)
                return
            self.failures, self.trouble = 0, None
            fetch.then(result)
            return
        if isinstance(error, RateLimited):
            self.pace = self.pace.limited(now, error.wait_s, fetch.failures + 1)
        else:
            self.pace = self.pace.answered(now, None)
        if _asks_store(fetch) and isinstance(error, StoreError) and not isinstance(error, RateLimited):
            self._ask_again(fetch, error)
        elif isinstance(error, RetryLater):
            self._put_off(fetch, error, now)
        else:
            raise error

    def _ask_again(self, fetch: Fetch, store: StoreError | None) -> None:
        """Ask it again, now that it is known what the store's information is answered with."""
        assert fetch.recheck is not None
        fetch.recheck = replace(fetch.recheck, store=store, is_store_asked=True)
        fetch.not_before = 0.0
        self.waiting.append(fetch)

    def _put_off(self, fetch: Fetch, error: RetryLater, now: float) -> None:
        """Ask later; raises the error instead if it was asked often enough, or what it means once that is believed."""
        fetch.failures += is_failure(error)
        self.trouble = str(error)
        self.failures = max(self.failures, fetch.failures)
        recheck = fetch.recheck
        if isinstance(error, Unconfirmed):
            if recheck is not None and is_confirmed(recheck, error):
                raise error.verdict
            is_store_asked = fetch.is_store_info or self.store_info is None
            fetch.recheck = Recheck(error, store=error if is_store_asked else None, is_store_asked=is_store_asked)
            if recheck is None:
                fetch.not_before = now + confirm_after_s(random=random.random)
                self.waiting.append(fetch)
                return
        elif not isinstance(error, RateLimited):
            fetch.recheck = None
        wait = decide(error, max(fetch.failures, 1), random=random.random)
        if wait is None:
            raise error
        fetch.not_before = now + wait.seconds
        self.wants_smaller_page = self.wants_smaller_page or wait.smaller_page
        self.waiting.append(fetch)

    def _start(self, fetch: Fetch) -> None:
        if len(self._threads) < min(self.width, self.in_flight):
            # Daemons: a request under way must not hold up the end of the process.
            thread = threading.Thread(target=self._work, name="bigcommerce-fetch", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._jobs.put(fetch)

    def _work(self) -> None:
        while (fetch := self._jobs.get()) is not None:
            try:
                ask = self.store_info if self.store_info is not None and _asks_store(fetch) else fetch.ask
                self._done.put((fetch, ask(), None))
            except Exception as error:  # noqa: BLE001 - raised again in the advancing thread
                self._done.put((fetch, None, error))


def _asks_store(fetch: Fetch) -> bool:
    """Whether the store's information is what is asked for now, and not the fetch's own question."""
    return fetch.recheck is not None and not fetch.recheck.is_store_asked
