"""A store's quota and several paced clients on it, in simulated time."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from random import Random

from bigcommerce_integration.client.http.rate_limit import Pace, Quota


@dataclass
class Store:
    """A quota that is refilled at once: in windows one after the other, or each begun by its first request."""

    limit: int
    window_s: float
    is_lazy: bool = False
    ends_at: float = 0.0
    left: int = 0
    accepted: list[float] = field(default_factory=list)
    refused: int = 0
    lowest_left: int = 10**9

    def ask(self, now: float, *, is_ours: bool = True) -> tuple[bool, Quota]:
        if now >= self.ends_at:
            windows = 1 if self.is_lazy else int((now - self.ends_at) // self.window_s) + 1
            self.ends_at = now + self.window_s if self.is_lazy else self.ends_at + windows * self.window_s
            self.left = self.limit
        is_accepted = self.left > 0
        self.left = max(self.left - 1, 0)
        if is_ours:
            self.lowest_left = min(self.lowest_left, self.left)
            if is_accepted:
                self.accepted.append(now)
            else:
                self.refused += 1
        reset_ms = int((self.ends_at - now) * 1000)
        return is_accepted, Quota(self.limit, self.left, self.window_s, reset_ms / 1000)


@dataclass
class Client:
    """One process: so many requests at a time, answers taken one after the other and perhaps late."""

    pace: Pace
    width: int
    begins_at: float = 0.0
    in_flight: int = 0
    refusals: int = 0
    wakes_at: float | None = None


@dataclass
class Simulation:
    """Runs clients against a store; every request takes a random time there and back."""

    store: Store
    clients: list[Client]
    random: Random
    latency_s: float
    others_every_s: float | None = None
    headers: Callable[[Quota], Quota | None] = lambda quota: quota

    def run(self, until: float) -> None:
        order = count()
        events: list[tuple[float, int, Callable[[float], None]]] = []

        def at(when: float, what: Callable[[float], None]) -> None:
            heapq.heappush(events, (when, next(order), what))

        def start(client: Client) -> Callable[[float], None]:
            def step(now: float) -> None:
                if client.wakes_at is not None and now >= client.wakes_at:
                    client.wakes_at = None
                while client.in_flight < client.width:
                    delay = client.pace.delay_s(now)
                    assert delay >= 0
                    if delay > 0:
                        if client.wakes_at is None or client.wakes_at > now + delay:
                            client.wakes_at = now + delay
                            at(now + delay, step)
                        return
                    client.pace = client.pace.sent(now)
                    client.in_flight += 1
                    there, back = (self.latency_s * self.random.uniform(0.2, 1.0) for _ in range(2))
                    at(now + there, lambda then, back=back: arrive(client, then, back))

            return step

        def arrive(client: Client, now: float, back: float) -> None:
            is_accepted, quota = self.store.ask(now)
            at(now + back, lambda then: take(client, then, is_accepted, quota))

        def take(client: Client, now: float, is_accepted: bool, quota: Quota) -> None:
            client.in_flight -= 1
            if is_accepted:
                client.refusals = 0
                client.pace = client.pace.answered(now, self.headers(quota))
            else:
                client.refusals += 1
                told = self.headers(quota)
                client.pace = client.pace.limited(now, told.reset_s if told else None, client.refusals)
            start(client)(now)

        def others(now: float) -> None:
            self.store.ask(now, is_ours=False)
            assert self.others_every_s is not None
            at(now + self.others_every_s * self.random.uniform(0.5, 1.5), others)

        for client in self.clients:
            at(client.begins_at, start(client))
        if self.others_every_s is not None:
            at(0.0, others)
        steps = 0
        while events and events[0][0] < until:
            when, _, what = heapq.heappop(events)
            what(when)
            steps += 1
            assert steps < 400_000, "it spins"
