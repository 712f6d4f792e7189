"""The quota, shared with another busy client and with a second instance of the store: used, not overdrawn."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from bigcommerce_integration.sandbox import SandboxStore

from ..processes import workers
from ..shop import Shop, opened_on_servers

RESERVE = 0.1
OTHERS = "/v2/time"


@contextmanager
def another_client(shop: Shop, every_s: float) -> Iterator[None]:
    """Another app of the same store, which asks so often and does not wait."""
    over = threading.Event()
    url = f"{shop.server.api_url}/stores/{shop.server.store_hash}{OTHERS}"
    token = shop.store.add_app()

    def ask() -> None:
        with requests.Session() as session:
            while not over.wait(every_s):
                session.get(url, headers={"X-Auth-Token": token}, timeout=10)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@dataclass(frozen=True)
class Window:
    """What came within one window of the quota."""

    ours: int
    others: int
    refused: int


def windows(shop: Shop, window_s: float) -> Sequence[Window]:
    """All requests so far, by the windows that the store counts in: each begins with its first request."""
    found: list[list[tuple[bool, bool]]] = []
    ends_at = -math.inf
    for seen in sorted(shop.server.requests, key=lambda each: each.when):
        if seen.when >= ends_at:
            found.append([])
            ends_at = seen.when + window_s
        found[-1].append((seen.path.endswith(OTHERS), seen.status == 429))
    return [
        Window(
            ours=sum(not is_other and not is_refused for is_other, is_refused in each),
            others=sum(is_other and not is_refused for is_other, is_refused in each),
            refused=sum(not is_other and is_refused for is_other, is_refused in each),
        )
        for each in found
    ]


def assert_used_and_not_overdrawn(steady: Sequence[Window], quota: int, *, share: float) -> None:
    """``share`` of what is not reserved was used, and at most one in a hundred of our requests was refused."""
    ours = sum(window.ours for window in steady)
    assert sum(window.refused for window in steady) <= 0.01 * ours, steady
    used = ours + sum(window.others for window in steady)
    assert used >= share * (1 - RESERVE) * quota * len(steady), steady
    assert sum(window.others for window in steady) > 0


@pytest.mark.parametrize(
    ("processes", "quota", "window_s", "count", "share"),
    [
        # In short windows a busy machine leaves more of it unused.
        (2, 150, 10.0, 4, 0.6),
        *(pytest.param(processes, 150, 30.0, 7, 0.95, marks=pytest.mark.slow) for processes in (1, 3)),
    ],
)
def test_a_shared_quota_is_used_and_not_overdrawn(
    processes: int, quota: int, window_s: float, count: int, share: float, tmp_path: Path
) -> None:
    store = SandboxStore(2000, 2000, awkward=False, quota=quota, window_s=window_s)
    settings = {"page_size": 8, "concurrency": 3, "lease_s": 60.0, "tick_s": 5.0, "quota_reserve": RESERVE}
    with opened_on_servers("postgresql", "redis", tmp_path, store=store, latency_ms=100, settings=settings) as shop:
        with workers(shop.host, tmp_path, processes=processes), another_client(shop, 1.0):
            for name in ("One", "Two"):
                shop.post(name=name, integration_settings__auto_create_products=False)
            time.sleep(window_s * count)
            assert "processing" in shop.statuses(), "all the while quota is what limits"
        assert_used_and_not_overdrawn(windows(shop, window_s)[1 : count - 1], quota, share=share)
