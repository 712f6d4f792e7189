"""The benchmark runs, in a small cut: that every row is printed, never a time."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ..processes import ROOT
from ..services import service_url
from .pages import PATHS

ROWS = (
    *(f"page {path or '(overview)'}, against a store of a hundredth" for path in PATHS),
    "requests of a first refresh, against the formula",
    "CPU time of a first refresh at no latency",
    "CPU time of the same again, against the first",
    "mirror rows written by the same again",
    "mirror rows written beside or instead of the 4 changed ones",
    "wall time of a first refresh at 5 ms of latency",
    "CPU time of the documents of 200 orders, against their refresh",
    "wall time of the documents of 200 orders, against their refresh, at 5 ms of latency",
    "POST, p50",
    "POST, time a request (1 / throughput)",
    "GET of a store, p50",
    "GET of progress, p50",
    "peak memory, 400 + 400 records against a 2th",
)


@pytest.mark.slow
def test_the_benchmark_prints_every_row() -> None:
    service_url("TEST_REDIS_URL")
    size = [
        "--products",
        "200",
        "--orders",
        "200",
        "--latency-ms",
        "5",
        "--runs",
        "1",
        "--memory",
        "2",
        "--pages",
        "2000",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmark", *size, "--route-requests", "8"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [line for row in ROWS for line in done.stdout.splitlines() if line.startswith(row)]
    assert len(lines) == len(ROWS), done.stdout
    assert all(line.endswith(("met", "not met")) for line in lines)
