"""Memory stays flat however many records a refresh has."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bigcommerce_integration.sandbox import SandboxStore

from ..processes import Workers, wait_until, workers
from ..shop import Shop, opened_on_servers

MOST = 1.1


def peak_kb(crew: Workers) -> int:
    """The most memory that the worker process has had so far."""
    for line in Path(f"/proc/{crew.pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "VmHWM":
            return int(value.split()[0])
    raise AssertionError("the kernel does not tell")


def orders_fetched(shop: Shop) -> int:
    return int(shop.refreshes()[1]["results"]["fetched"])


@pytest.mark.parametrize(
    "records", [pytest.param(20_000, marks=pytest.mark.ci), pytest.param(200_000, marks=pytest.mark.slow)]
)
def test_a_refresh_takes_no_more_memory_than_its_first_tenth(records: int, tmp_path: Path) -> None:
    store = SandboxStore(10, records, awkward=False)
    # Short slices, so that each thread has had one within the first tenth: what it allocated once, it may keep.
    settings = {"slice_s": 1.0, "lease_s": 60.0}
    with opened_on_servers("postgresql", "redis", tmp_path, store=store, settings=settings) as shop:
        with workers(shop.host, tmp_path) as crew:
            shop.post()
            wait_until(lambda: orders_fetched(shop) >= records // 10, 600, "the first tenth", every_s=0.1)
            after_a_tenth = peak_kb(crew)
            wait_until(lambda: orders_fetched(shop) >= records // 2, 1200, "the first half", every_s=0.1)
            peaks = [peak_kb(crew)]
        with workers(shop.host, tmp_path) as crew:
            while set(shop.statuses()) & {"pending", "processing"}:
                peaks.append(peak_kb(crew))
                time.sleep(1)
        assert shop.statuses() == ["completed", "completed"]
        assert orders_fetched(shop) == records
        assert max(peaks) <= MOST * after_a_tenth, (after_a_tenth, peaks)
