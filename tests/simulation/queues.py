"""What the database knows: which collection is due when, which refreshes are open, and whose hint is next."""

from __future__ import annotations

import heapq
import math
import random
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count
from types import SimpleNamespace

from bigcommerce_integration.config import Config
from bigcommerce_integration.refresh.lifecycle.schedule import BEGUN_AT_ONCE, SWEEP_TRIES, _next, due
from bigcommerce_integration.refresh.lifecycle.wishes import spread
from bigcommerce_integration.resources.base import Resource
from bigcommerce_integration.resources.orders import ORDERS
from bigcommerce_integration.resources.products import PRODUCTS
from bigcommerce_integration.resources.refunds import REFUNDS

from .shops import CHANGED_SHARE, Shop

EPOCH = datetime(2026, 1, 1)
TODAY = date(2026, 1, 1)
EMPTY_REQUESTS = 1
"""Requests of a refresh that finds nothing new, as measured."""
PAGE_SIZE = 250


@dataclass(eq=False)
class Lease:
    """One collection of one store: when it is due, and when it was begun."""

    shop: Shop
    resource: Resource
    next_sync_at: float
    next_sweep_at: float
    begun_at: list[float] = field(default_factory=list)


@dataclass(eq=False)
class Refresh:
    """An open refresh; ``requests`` are those still to be made. ``due_at`` is None of one that follows another.

    ``pages`` of them are expected to bring records. ``is_large``: it had more than one page.
    """

    lease: Lease
    requests: int
    due_at: float | None = None
    pages: int = 0
    is_large: bool = False
    is_sweep: bool = False
    started_at: float | None = None
    is_running: bool = False
    is_done: bool = False
    failures: int = 0
    hint: tuple[float, int] = (0.0, 0)


class Queues:
    """The leases of so many stores, and their open refreshes; the first due times are spread over an interval."""

    def __init__(self, stores: int, config: Config) -> None:
        self.config = config
        self._order = count()
        self.shops = [Shop(number) for number in range(stores)]
        self.leases = [
            Lease(
                shop,
                resource,
                random.random() * config.sync_interval_s,
                random.random() * config.sweep_interval_s,
            )
            for shop in self.shops
            for resource in (PRODUCTS, ORDERS)
        ]
        # Of those without an open refresh, and of refreshes that could go on: the first of them first.
        self._due = [(lease.next_sync_at, next(self._order), lease) for lease in self.leases]
        heapq.heapify(self._due)
        self._ready: list[tuple[tuple[float, int], Refresh]] = []
        self.open: set[Refresh] = set()
        self.due_times: list[float] = []

    def begin_due(self, now: float) -> int:
        """What one transaction begins; how many."""
        begun = 0
        while begun < BEGUN_AT_ONCE and self._due and self._due[0][0] <= now:
            lease = heapq.heappop(self._due)[2]
            self._begin(lease, now)
            begun += 1
        return begun

    def _begin(self, lease: Lease, now: float) -> None:
        found = due(
            lease.resource,
            start_date=TODAY,
            backfill_to=None,
            is_link_wanted=False,
            is_automatic=True,
            is_sweep_due=now >= lease.next_sweep_at,
            today=TODAY,
        )
        assert found is not None
        due_at, lease.begun_at = lease.next_sync_at, [*lease.begun_at, now]
        lease.next_sync_at = _next_due_at(lease, now, self.config)
        self.due_times.append(lease.next_sync_at)
        if found.is_sweep:
            every_s = self.config.sweep_interval_s
            lease.next_sweep_at = now + spread(max(self.config.sync_interval_s, every_s / SWEEP_TRIES))
        pages = _pages(lease, found.is_sweep)
        self._open(Refresh(lease, EMPTY_REQUESTS + pages, due_at, pages, pages > 1, found.is_sweep), now)

    def _open(self, refresh: Refresh, now: float) -> None:
        self.open.add(refresh)
        self.release(refresh, now)

    def release(self, refresh: Refresh, now: float, *, snoozed_s: float = 0.0) -> None:
        """It can be taken from now on."""
        refresh.is_running = False
        self._hint(refresh, now + snoozed_s)

    def _hint(self, refresh: Refresh, at: float) -> None:
        refresh.hint = (at, next(self._order))
        heapq.heappush(self._ready, (refresh.hint, refresh))

    def take_ready(self, now: float, *, most: int, but: set[Refresh]) -> list[Refresh]:
        """What ``outbox.take_ready`` finds: those that could be advanced, longest snoozed first, snoozed from now."""
        found: list[Refresh] = []
        left_out: list[Refresh] = []
        while len(found) < most and self._ready:
            hint, refresh = heapq.heappop(self._ready)
            if refresh.is_done or refresh.is_running or hint != refresh.hint:
                continue
            (left_out if refresh in but else found).append(refresh)
        for refresh in left_out:
            heapq.heappush(self._ready, (refresh.hint, refresh))
        for refresh in found:
            self._hint(refresh, now + max(1.0, self.config.tick_s))
        return found

    def end(self, refresh: Refresh, now: float, *, is_completed: bool) -> None:
        """It has ended: its collection may be begun again, and what follows it is."""
        lease = refresh.lease
        refresh.is_done, refresh.is_running = True, False
        self.open.discard(refresh)
        if refresh.due_at is None:
            return
        if is_completed and refresh.is_sweep:
            lease.next_sweep_at = now + spread(self.config.sweep_interval_s)
        heapq.heappush(self._due, (lease.next_sync_at, next(self._order), lease))
        follows = REFUNDS.begins
        if is_completed and follows is not None and follows.collection == lease.resource.name:
            self._open(Refresh(Lease(lease.shop, REFUNDS, 0.0, 0.0), EMPTY_REQUESTS), now)


def _next_due_at(lease: Lease, now: float, config: Config) -> float:
    row = SimpleNamespace(
        now=EPOCH + timedelta(seconds=now), next_sync_at=EPOCH + timedelta(seconds=lease.next_sync_at)
    )
    return float((_next(row, spread(config.sync_interval_s)) - EPOCH).total_seconds())


def _pages(lease: Lease, is_sweep: bool) -> int:
    """How many pages of records it brings, beyond the empty one."""
    if not is_sweep:
        return int(random.random() < CHANGED_SHARE)
    # A year of orders, of which those of some weeks are read again.
    swept = lease.shop.records * (1.0 if lease.resource.sweep is None else lease.resource.sweep / timedelta(days=365))
    return math.ceil(swept / PAGE_SIZE)
