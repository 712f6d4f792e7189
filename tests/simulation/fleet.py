"""Machines with worker processes that bring stores up to date, in simulated time.

What decides is the package's own: when the next refresh of a collection is due, which kind it is, how many a tick
begins, how many slices a process runs and which of them go beyond their first page, how long to wait after an error and
for a store's quota. What the database, the stores and Python cost is given (see ``Costs``). There are no messages, as
while the broker is away: the processes look for work every second, and find what is due before its first message.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from bigcommerce_integration.client.http.rate_limit import Pace
from bigcommerce_integration.client.http.retry import decide, is_failure
from bigcommerce_integration.config import Config
from bigcommerce_integration.errors import RateLimited, StoreError, StoreUnavailable
from bigcommerce_integration.refresh.lifecycle.claim import Outcome
from bigcommerce_integration.refresh.lifecycle.schedule import BEGUN_AT_ONCE
from bigcommerce_integration.refresh.read.fetcher import LONG_WAIT_S
from bigcommerce_integration.worker.actors import POLL_EVERY_S
from bigcommerce_integration.worker.maintenance import BEGIN_S
from bigcommerce_integration.worker.next_step import next_step
from bigcommerce_integration.worker.slots import Slot, Slots

from .clock import Clock, Cores, Task
from .queues import Queues, Refresh

Steps = Generator[float, None, Outcome]


@dataclass(frozen=True)
class Costs:
    """Seconds of CPU, in a worker process and in the database, and what a machine has.

    As ``python -m tests.benchmark stores`` has measured them: of a refresh that finds nothing, with its request; of a
    page with a few new records, and of a full one of a sweep.
    """

    refresh_s: float = 0.011
    request_s: float = 0.003
    page_s: float = 0.020
    full_page_s: float = 0.060
    tick_s: float = 0.010
    begin_s: float = 0.001
    poll_s: float = 0.004
    database_refresh_s: float = 0.004
    database_page_s: float = 0.010
    database_poll_s: float = 0.001
    database_cores: int = 8
    processes: int = 2
    threads: int = 8


@dataclass
class Result:
    """How it went: by how much each refresh was begun late, and how busy everything was."""

    late_s: list[float] = field(default_factory=list)
    longest_gap_s: float = 0.0
    due_times: list[float] = field(default_factory=list)
    done: int = 0
    refused: int = 0
    workers_busy: float = 0.0
    database_busy_cores: float = 0.0

    def late(self, share: float) -> float:
        """The lateness that this share of the refreshes does not exceed."""
        return self.late_s[min(len(self.late_s) - 1, int(share * len(self.late_s)))]

    def share_later_than(self, seconds: float) -> float:
        """Of all refreshes."""
        return sum(each > seconds for each in self.late_s) / len(self.late_s)


class Process:
    """A worker process: one core, as Python has one lock, and its places for slices."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.core = Cores(1)
        self.slots = Slots(fleet.costs.threads)
        self.found: deque[Refresh] = deque()
        self.has_more, self.was_full_at = False, -math.inf
        self.threads = 0
        self.large: set[Refresh] = set()

    def works(self, work_s: float, database_s: float = 0.0) -> float:
        """When that is done, in this process and then in the database."""
        fleet = self.fleet
        done_at = self.core.done_at(fleet.clock.now, work_s)
        return fleet.database.done_at(done_at, database_s) if database_s else done_at

    def tick(self) -> Task:
        """Begin what is due every ``TICK_S``, and look for work every second, as ``BigCommerceWorker._tick`` does."""
        fleet, clock, costs = self.fleet, self.fleet.clock, self.fleet.costs
        maintenance_at = clock.now
        while True:
            if (back_at := fleet.back_at(clock.now)) is not None:
                yield back_at
            if clock.now >= maintenance_at:
                maintenance_at = clock.now + fleet.config.tick_s * random.uniform(0.9, 1.1)
                yield self.works(costs.tick_s, costs.database_poll_s)
                begun, ends_at = BEGUN_AT_ONCE, clock.now + BEGIN_S
                while begun == BEGUN_AT_ONCE and clock.now < ends_at:
                    begun = fleet.queues.begin_due(clock.now)
                    yield self.works(begun * costs.begin_s, begun * costs.begin_s)
            yield self.works(costs.poll_s, costs.database_poll_s)
            self.poll()
            yield min(clock.now + POLL_EVERY_S * random.uniform(0.9, 1.1), maintenance_at)

    def poll(self) -> None:
        """Start threads for what could be done at once, as ``Dispatcher.poll`` does."""
        if not self.slots.free or self.threads >= self.slots.count:
            return
        if not self.found:
            self._find()
        for _ in range(min(len(self.found), self.slots.free, self.slots.count - self.threads)):
            self.threads += 1
            self.fleet.clock.start(self._advance_found())

    def _find(self) -> None:
        """What ``Dispatcher._find`` does: where there was more of late than it could do, it begins what is due."""
        fleet, most, now = self.fleet, 2 * self.slots.count, self.fleet.clock.now
        self._take(most)
        if len(self.found) > self.slots.count:
            self.was_full_at = now
        elif now < self.was_full_at + fleet.config.tick_s and (begun := fleet.queues.begin_due(now)):
            self.works(begun * fleet.costs.begin_s, begun * fleet.costs.begin_s)
            self._take(most - len(self.found))
        self.has_more = len(self.found) > self.slots.count

    def _take(self, most: int) -> None:
        but = {*self.found} if self.slots.is_permit_free else {*self.found, *self.large}
        self.found.extend(self.fleet.queues.take_ready(self.fleet.clock.now, most=most, but=but))

    def _next_found(self) -> Refresh | None:
        if not self.found and self.has_more:
            self._find()
        return self.found.popleft() if self.found else None

    def _advance_found(self) -> Task:
        fleet = self.fleet
        while fleet.back_at(fleet.clock.now) is None and (refresh := self._next_found()) is not None:
            slot = self.slots.take(is_large=refresh in self.large)
            if slot is None:
                continue
            if refresh.is_done or refresh.is_running:
                outcome = Outcome.BUSY
                yield self.works(fleet.costs.poll_s, fleet.costs.database_poll_s)
            else:
                outcome = yield from self._slice(refresh, slot)
            slot.free()
            if slot.was_refused:
                self.large.add(refresh)
            step = next_step(outcome, has_deferred=False)
            if step.is_done:
                self.large.discard(refresh)
        self.threads -= 1

    def _slice(self, refresh: Refresh, slot: Slot) -> Steps:
        """One slice: its requests one after the other, each with its wait for quota, and the waits after errors."""
        fleet, clock, costs = self.fleet, self.fleet.clock, self.fleet.costs
        refresh.is_running = True
        fleet.note_begin(refresh)
        yield self.works(costs.refresh_s / 2, costs.database_refresh_s / 2)
        pace, wait_s, has_asked = Pace.start(fleet.config.quota_reserve, 1), 0.0, False
        ends_at = clock.now + fleet.config.slice_s
        while refresh.requests:
            if has_asked and (clock.now > ends_at or (refresh.is_large and not slot.may_go_on())):
                return self._hands_on(refresh)
            delay_s = max(wait_s, pace.delay_s(clock.now))
            if delay_s > LONG_WAIT_S:
                return self._waits(refresh, delay_s)
            if delay_s > 0:
                yield clock.now + delay_s
            pace = pace.sent(clock.now)
            refresh.lease.shop.others_ask(clock.now)
            yield clock.now + refresh.lease.shop.latency_s()
            pace, error = fleet.answer(refresh, pace)
            has_asked, wait_s = True, 0.0
            if error is None:
                refresh.failures, refresh.requests = 0, refresh.requests - 1
                yield self._reads(refresh)
                continue
            refresh.failures += is_failure(error)
            wait = decide(error, max(refresh.failures, 1), random=random.random)
            if wait is None:
                return self._ends(refresh, is_completed=False)
            wait_s = wait.seconds
        yield self.works(costs.refresh_s / 2, costs.database_refresh_s / 2)
        return self._ends(refresh, is_completed=True)

    def _reads(self, refresh: Refresh) -> float:
        """When an answer has been read, and what it brought stored: pages come first."""
        costs = self.fleet.costs
        if not refresh.pages:
            return self.works(costs.request_s)
        refresh.pages -= 1
        return self.works(costs.full_page_s if refresh.is_large else costs.page_s, costs.database_page_s)

    def _hands_on(self, refresh: Refresh) -> Outcome:
        self.fleet.queues.release(refresh, self.fleet.clock.now)
        return Outcome.CONTINUE

    def _waits(self, refresh: Refresh, wait_s: float) -> Outcome:
        fleet = self.fleet

        def later() -> Task:
            fleet.queues.release(refresh, fleet.clock.now)
            yield from ()

        fleet.clock.start(later(), fleet.clock.now + wait_s)
        return Outcome.WAITING

    def _ends(self, refresh: Refresh, *, is_completed: bool) -> Outcome:
        self.fleet.result.done += self.fleet.is_watched
        self.fleet.queues.end(refresh, self.fleet.clock.now, is_completed=is_completed)
        return Outcome.ENDED


class Fleet:
    """All machines, the database that they share and the stores.

    Nothing is watched before ``from_s``; in ``away``, from one moment to another, no worker runs.
    """

    def __init__(
        self,
        stores: int,
        machines: int,
        *,
        config: Config,
        costs: Costs | None = None,
        from_s: float = 0.0,
        away: tuple[float, float] | None = None,
    ) -> None:
        self.config, self.costs, self.from_s, self.away = config, costs or Costs(), from_s, away
        self.clock = Clock()
        self.database = Cores(self.costs.database_cores)
        self.queues = Queues(stores, config)
        self.processes = [Process(self) for _ in range(machines * self.costs.processes)]
        self.result = Result()
        for process in self.processes:
            self.clock.start(process.tick(), random.random() * POLL_EVERY_S)

    @property
    def is_watched(self) -> bool:
        """Whether what happens now counts."""
        return self.clock.now >= self.from_s

    def run(self, until: float) -> Result:
        """How it went up to then. What waits then counts with its lateness so far."""
        self.clock.run(self.from_s)
        spent = self._spent()
        self.clock.run(until)
        result = self.result
        waiting = [*self._waiting()]
        result.late_s = sorted([*result.late_s, *(until - due_at for due_at in waiting)])
        result.longest_gap_s = max(self._gaps(until))
        result.due_times = self.queues.due_times
        result.refused = sum(shop.quota.refused for shop in self.queues.shops)
        workers, database = (after - before for before, after in zip(spent, self._spent(), strict=True))
        result.workers_busy = workers / len(self.processes) / (until - self.from_s)
        result.database_busy_cores = database / (until - self.from_s)
        return result

    def back_at(self, now: float) -> float | None:
        """When workers run again; None while they do."""
        return self.away[1] if self.away is not None and self.away[0] <= now < self.away[1] else None

    def note_begin(self, refresh: Refresh) -> None:
        """The first slice of a refresh begins."""
        if refresh.started_at is None:
            refresh.started_at = self.clock.now
            if refresh.due_at is not None and self.is_watched:
                self.result.late_s.append(self.clock.now - refresh.due_at)

    def answer(self, refresh: Refresh, pace: Pace) -> tuple[Pace, StoreError | None]:
        """What the store answers, and the pace after it."""
        shop, now = refresh.lease.shop, self.clock.now
        if shop.is_down(now):
            return pace.answered(now, None), StoreUnavailable("503")
        is_accepted, quota = shop.quota.ask(now)
        if is_accepted:
            return pace.answered(now, quota), None
        return pace.limited(now, quota.reset_s, refresh.failures + 1), RateLimited("429", wait_s=quota.reset_s)

    def _waiting(self) -> Iterator[float]:
        """Since when those are due that were not begun."""
        yield from (each.due_at for each in self.queues.open if each.due_at is not None and each.started_at is None)
        begun = {each.lease for each in self.queues.open}
        for lease in self.queues.leases:
            if lease not in begun and lease.next_sync_at < self.clock.now:
                yield lease.next_sync_at

    def _gaps(self, until: float) -> Iterator[float]:
        """The longest time that each collection was not begun."""
        for lease in self.queues.leases:
            times = [self.from_s, *(each for each in lease.begun_at if each > self.from_s), until]
            yield max(after - before for before, after in pairwise(times))

    def _spent(self) -> tuple[float, float]:
        return sum(process.core.busy_s for process in self.processes), self.database.busy_s
