"""The stores: how fast they answer, their quota that other apps use too, and when they are down."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from ..client.quota_simulation import Store as Quota

LIMIT, WINDOW_S = 150, 30.0
"""The requests of the smallest plan, and in which time (the fact sheet, section 6)."""
MEDIAN_LATENCY_S, LATENCY_SIGMA = 0.15, 0.6
CROWDED_SHARE = 0.05
"""Stores whose other apps use up most of the quota at times."""
DOWN_EVERY_S, DOWN_S = 86400.0, 600.0
"""How often a store is down, and for how long; both by chance."""
CHANGED_SHARE = 0.2
"""Refreshes that find something new."""
ORDERS_MEDIAN, ORDERS_SIGMA = 2000, 1.5


@dataclass
class Shop:
    """One store; ``records`` of each collection."""

    number: int
    records: int = field(default_factory=lambda: int(ORDERS_MEDIAN * random.lognormvariate(0.0, ORDERS_SIGMA)))
    median_s: float = field(default_factory=lambda: MEDIAN_LATENCY_S * random.lognormvariate(0.0, LATENCY_SIGMA))
    is_crowded: bool = field(default_factory=lambda: random.random() < CROWDED_SHARE)
    quota: Quota = field(default_factory=lambda: Quota(LIMIT, WINDOW_S))
    down_at: float = field(default_factory=lambda: random.expovariate(1 / DOWN_EVERY_S))
    up_at: float = 0.0

    def latency_s(self) -> float:
        """Of one answer."""
        return self.median_s * random.lognormvariate(0.0, 0.3)

    def is_down(self, now: float) -> bool:
        """Whether it answers 503 now."""
        while now >= self.down_at:
            self.up_at = self.down_at + random.expovariate(1 / DOWN_S)
            self.down_at = self.up_at + random.expovariate(1 / DOWN_EVERY_S)
        return now < self.up_at

    def others_ask(self, now: float) -> None:
        """What other apps use of the quota before a request of ours."""
        if self.is_crowded:
            for _ in range(random.randrange(LIMIT // 10)):
                self.quota.ask(now, is_ours=False)
