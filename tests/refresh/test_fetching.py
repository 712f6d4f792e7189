"""Requests in flight: as many as allowed, answered in one thread, tried again, waited for without losing the lease."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from bigcommerce_integration.client.api import Reply
from bigcommerce_integration.client.http import retry
from bigcommerce_integration.client.http.rate_limit import Pace
from bigcommerce_integration.errors import LeaseLost, RateLimited, StoreUnavailable, TokenRejected
from bigcommerce_integration.refresh.read.fetcher import Fetch, Fetcher

from .conftest import NOON

pytestmark = pytest.mark.usefixtures("quick_retries")


@dataclass
class Asking:
    """A fetcher with the questions that were answered."""

    fetcher: Fetcher
    came: list[Any] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)
    most: int = 0
    _now: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, value: object, *, seconds: float = 0.0, errors: list[Exception] | None = None) -> None:
        left = list(errors or [])

        def ask() -> Reply[Any]:
            with self._lock:
                self._now += 1
                self.most = max(self.most, self._now)
                self.threads.add(threading.current_thread().name)
            time.sleep(seconds)
            with self._lock:
                self._now -= 1
            if left:
                raise left.pop(0)
            return Reply(value, NOON, None, 0.0, time.monotonic())

        def then(reply: Reply[Any]) -> None:
            assert threading.current_thread() is threading.main_thread()
            self.came.append(reply.value)

        self.fetcher.add(Fetch(ask, then))

    def settle(self) -> None:
        while self.fetcher.in_flight or self.fetcher.waiting:
            delay_s = self.fetcher.start_due()
            self.fetcher.take(min(delay_s or 1.0, 1.0)) if self.fetcher.in_flight else self.fetcher.wait(delay_s)


@pytest.fixture
def asking(request: pytest.FixtureRequest) -> Any:
    made: list[Fetcher] = []

    def make(width: int = 3, *, keep_alive_s: float = 60.0, **options: Any) -> Asking:
        fetcher = Fetcher(
            width=width, pace=Pace.start(0.1, 1), stopping=threading.Event(), keep_alive_s=keep_alive_s, **options
        )
        made.append(fetcher)
        return Asking(fetcher)

    yield make
    for fetcher in made:
        fetcher.close()


Make = Callable[..., Asking]


@pytest.mark.parametrize("width", [1, 3])
def test_no_more_than_its_width_are_in_flight(asking: Make, width: int):
    it = asking(width)
    for number in range(8):
        it.add(number, seconds=0.02)
    it.settle()
    assert sorted(it.came) == list(range(8))
    assert it.most == width
    assert it.fetcher.tally.requests == 8


def test_there_is_room_until_the_width_is_asked_for(asking: Make):
    it = asking(2)
    it.add(1)
    assert it.fetcher.has_room
    it.add(2)
    assert not it.fetcher.has_room
    it.settle()
    assert it.fetcher.has_room


def test_trouble_that_passes_is_tried_again_and_forgotten(asking: Make):
    it = asking()
    it.add("good", errors=[StoreUnavailable("504")] * 3)
    it.settle()
    assert it.came == ["good"]
    assert it.fetcher.tally.requests == 4
    assert it.fetcher.failures == 0
    assert it.fetcher.wants_smaller_page


def test_trouble_that_does_not_pass_is_raised_in_the_end(asking: Make):
    it = asking()
    it.add("never", errors=[StoreUnavailable("504")] * 100)
    with pytest.raises(StoreUnavailable):
        it.settle()
    assert it.fetcher.tally.requests == retry.MAX_TRIES


@pytest.mark.parametrize("error", [TokenRejected("401"), RuntimeError("ours")])
def test_what_no_retry_helps_is_raised_at_once(asking: Make, error: Exception):
    it = asking()
    it.add("never", errors=[error])
    with pytest.raises(type(error)):
        it.settle()
    assert it.fetcher.tally.requests == 1


def test_a_wait_that_the_store_asks_for_holds_back_all_questions(asking: Make):
    it = asking(2)
    it.add("limited", errors=[RateLimited("429", wait_s=0.3)])
    it.fetcher.start_due()
    it.fetcher.take(1.0)
    it.add("other")
    began = time.monotonic()
    it.settle()
    assert time.monotonic() - began >= 0.25
    assert sorted(it.came) == ["limited", "other"]
    assert 0.25 < it.fetcher.tally.waited_s < 5


def test_the_lease_is_kept_while_answers_are_slow(asking: Make):
    kept: list[float] = []
    it = asking(keep_alive_s=0.1, keep_alive=lambda: kept.append(time.monotonic()))
    it.add("slow", seconds=0.6)
    it.settle()
    assert len(kept) >= 3


def test_the_lease_is_kept_while_quota_is_waited_for(asking: Make):
    kept: list[float] = []
    it = asking(keep_alive_s=0.1, keep_alive=lambda: kept.append(time.monotonic()))
    it.add("limited", errors=[RateLimited("429", wait_s=0.6)])
    it.settle()
    assert len(kept) >= 3
    assert it.came == ["limited"]


def test_a_lost_lease_ends_the_waiting(asking: Make):
    def lost() -> None:
        raise LeaseLost("gone")

    it = asking(keep_alive_s=0.05, keep_alive=lost)
    it.add("slow", seconds=0.5)
    with pytest.raises(LeaseLost):
        it.settle()
    assert it.came == []


def test_a_drain_takes_what_is_under_way_and_starts_nothing(asking: Make):
    it = asking(1)
    it.add("under way", seconds=0.1)
    it.add("not begun")
    it.fetcher.start_due()
    it.fetcher.drain(5.0)
    assert it.came == ["under way"]
    assert (it.fetcher.in_flight, it.fetcher.waiting) == (0, [])


def test_a_drain_is_given_up_after_its_time(asking: Make):
    it = asking(1)
    it.add("slow", seconds=0.6)
    it.fetcher.start_due()
    began = time.monotonic()
    it.fetcher.drain(0.1)
    assert time.monotonic() - began < 0.55
    assert it.came == []


def test_stopping_wakes_who_waits(asking: Make):
    it = asking()
    threading.Timer(0.1, it.fetcher.stopping.set).start()
    began = time.monotonic()
    it.fetcher.wait(30.0)
    assert time.monotonic() - began < 5
