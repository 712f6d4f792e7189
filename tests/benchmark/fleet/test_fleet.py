"""The table of many stores is printed, in a small cut; never a time."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ...processes import ROOT
from ...services import service_url

SMALL = ["--stores", "3", "--records", "5", "--large", "4000", "--alone", "100", "--connected", "20"]
SHORT = ["--latency-ms", "5", "--seconds", "2", "--threads", "2"]
ROWS = (
    "first refreshes of 3 stores",
    "incrementals that find nothing: requests of a store's three",
    "incrementals that find nothing: statements of one",
    "incrementals that find nothing: CPU of one, in the workers",
    "automatic sync of 3 stores, more than can be done: a second",
    "… at 70 % of that",
    "3 small stores beside one of 4,000 orders being imported: begin − due",
    "… the large one's orders a second, against those without the small",
    "a store of 100 products and orders: CPU of its first refresh",
    "… wall at 5 ms, 4 fetches in flight",
    "a host's own actor while 3 stores are read",
    "20 stores connected, nothing due: a process's CPU",
    "… statements a second",
)


@pytest.mark.slow
def test_the_benchmark_of_many_stores_prints_its_rows() -> None:
    service_url("TEST_REDIS_URL")
    service_url("TEST_POSTGRESQL_URL")
    command = [sys.executable, "-m", "tests.benchmark", "stores", *SMALL, *SHORT]
    rows = ["first", "nothing", "demand", "late", "beside", "large", "host", "idle"]
    done = subprocess.run([*command, *rows], cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    lines = [line for row in ROWS for line in done.stdout.splitlines() if line.startswith(row)]
    assert len(lines) == len(ROWS), done.stdout
    assert all(line.endswith(("met", "not met")) for line in lines)
