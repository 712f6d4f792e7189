"""Stores that are slow, or away for a while, with real worker processes and real waits."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bigcommerce_integration.sandbox import SandboxStore

from ..processes import wait_until, workers
from ..shop import opened_on_servers

pytestmark = pytest.mark.slow

SETTINGS = {"page_size": 10, "concurrency": 3, "lease_s": 3.0, "tick_s": 0.5}
PAGES = "id%3Amin|min_id"


def test_answers_of_25_seconds_lose_neither_lease_nor_request(tmp_path: Path) -> None:
    store = SandboxStore(60, 60, awkward=False)
    for path in ("products.*id%3Amin", "orders.*min_id"):
        store.faults.add("delay", path, delay_s=25.0, after=2, times=1)
    # Free processes are there that would take a lapsed lease at once.
    with (
        opened_on_servers("postgresql", "redis", tmp_path, store=store, settings=SETTINGS) as shop,
        workers(shop.host, tmp_path, processes=4),
    ):
        shop.post()
        assert shop.wait(90) > 25
        shop.assert_exact()
        assert shop.twice_asked() == []


@pytest.mark.parametrize("kind", ["html", "429_bare", "reset"])
def test_a_store_that_is_away_is_not_hammered_and_then_read(kind: str, tmp_path: Path) -> None:
    away_s = 20.0
    store = SandboxStore(60, 60, awkward=False)
    store.faults.add(kind, status=503, times=None)
    with (
        opened_on_servers("mariadb", "redis", tmp_path, store=store, settings=SETTINGS) as shop,
        workers(shop.host, tmp_path, processes=2),
    ):
        shop.post()
        time.sleep(away_s)
        # Each refresh asks one question, after 1, 2, 4 and 8 seconds at most, half of that at least.
        asked = shop.server.requests.count
        assert 2 * 4 <= asked <= 2 * 7
        for refresh in shop.refreshes():
            assert refresh["status"] == "processing"
            assert "asked again in about" in refresh["message"], refresh
        store.faults.clear()
        wait_until(lambda: shop.server.requests.count > asked, 20, "a further question")
        shop.wait(60)
        shop.assert_exact()
