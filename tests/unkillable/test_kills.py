"""Workers that are killed for reasons of their own: nothing is left out, and few requests are made twice."""

from __future__ import annotations

import os
import re
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from random import Random

import pytest

from bigcommerce_integration.sandbox import SandboxStore

from ..services import fresh_database
from ..shop import Shop, opened_for_workers, redis_place
from ..worker_host import WorkerHost
from .forked import Supervised, supervised

CONCURRENCY = 3
# The highest id and the store's information, and how many orders there are.
NO_PAGES = 2 + 3


@dataclass(frozen=True)
class Case:
    """How large the store is, how slow, and how often its workers are killed at most so many seconds apart."""

    records: int
    page_size: int
    latency_ms: float
    kills: int
    longest_s: float
    seed: int

    @property
    def least(self) -> int:
        """The requests that nobody can do without; two records of a page of orders are its neighbours."""
        return ceil(self.records / self.page_size) + ceil(self.records / (self.page_size - 2)) + NO_PAGES


SHORT = Case(records=1500, page_size=50, latency_ms=100, kills=3, longest_s=6, seed=0)
LONG = [Case(records=20_000, page_size=250, latency_ms=300, kills=12, longest_s=8, seed=seed) for seed in (1, 2, 3)]


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(SHORT, id="short"),
        *(pytest.param(case, id=f"seed {case.seed}", marks=pytest.mark.slow) for case in LONG),
    ],
)
def test_kills_at_random_leave_nothing_out(case: Case, tmp_path: Path) -> None:
    store = SandboxStore(case.records, case.records, awkward=False)
    settings = {"page_size": case.page_size, "concurrency": CONCURRENCY, "lease_s": 3.0, "tick_s": 0.3}
    with fresh_database("postgresql", tmp_path) as url, redis_place() as (broker_url, namespace):
        host = WorkerHost(url, broker_url, namespace)
        with opened_for_workers(host, store=store, settings=settings, latency_ms=case.latency_ms) as shop:
            shop.post()
            shop.server.requests.clear()
            with supervised(shop.host, tmp_path) as crew:
                kill_at_random(shop, crew, case)
                shop.wait(600)
            assert crew.deaths == case.kills
            assert shop.rows("rejected_records", "bigcommerce_id", "reason") == []
            assert {refresh["results"]["rejected"] for refresh in shop.refreshes()} == {0}
            shop.assert_exact()
            seen = shop.server.requests.count
            assert seen <= 1.2 * case.least + (CONCURRENCY + 1) * case.kills, (seen, case.least)


def kill_at_random(shop: Shop, crew: Supervised, case: Case) -> None:
    """Kill the worker process now and then, and take from the broker all that it holds."""
    random = Random(case.seed)
    for _ in range(case.kills):
        time.sleep(random.uniform(0.1, case.longest_s))
        pid = int(re.findall(r"begun (\d+)", crew.text())[-1])
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        empty(shop)


def empty(shop: Shop) -> None:
    """All messages of the broker are gone."""
    client = shop.broker.client
    for key in client.scan_iter(f"{shop.broker.namespace}*", count=1000):
        client.delete(key)
