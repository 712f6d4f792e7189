"""The rows of the table, chosen by name."""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ...services import DEFAULTS
from ..table import HEAD, Row
from . import connected, host, large, small

GROUPS: dict[tuple[str, ...], Callable[..., Iterator[Row]]] = {
    small.NAMES: small.rows,
    large.NAMES: large.rows,
    host.NAMES: host.rows,
    connected.NAMES: connected.rows,
}
NAMES = tuple(name for names in GROUPS for name in names)


def main(arguments: Sequence[str]) -> int:
    """Print the table; 0 whatever the figures are."""
    options = _options(arguments)
    print(
        f"{options.processes} processes of {options.threads} threads, latency {options.latency_ms:g} ms, "
        f"{options.broker}; {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    )
    print(HEAD, flush=True)
    began = time.monotonic()
    for names, rows in GROUPS.items():
        wanted = [name for name in names if name in (options.rows or NAMES)]
        if wanted:
            for row in rows(options, wanted):
                print(row.line(), flush=True)
    print(f"took {time.monotonic() - began:.0f} s")
    return 0


def _options(arguments: Sequence[str]) -> Any:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmark stores", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"which; all without any: {', '.join(NAMES)}")
    parser.add_argument("--database-url", default=DEFAULTS["TEST_POSTGRESQL_URL"])
    parser.add_argument("--broker", choices=("redis", "rabbitmq"), default="redis")
    parser.add_argument("--stores", type=int, default=150)
    parser.add_argument("--records", type=int, default=50, help="products, and as many orders, of each small store")
    parser.add_argument("--large", type=int, default=100_000, help="orders of the large store beside them")
    parser.add_argument("--alone", type=int, default=10_000, help="products, and as many orders, of the one alone")
    parser.add_argument("--connected", type=int, default=10_000, help="stores that have nothing due")
    parser.add_argument("--latency-ms", type=float, default=100)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=20, help="for which automatic sync is watched")
    parser.add_argument("--runs", type=int, default=1, help="of the row large: its medians are over so many")
    options = parser.parse_args(arguments)
    unknown = sorted({*options.rows} - {*NAMES})
    if unknown:
        parser.error(f"there is no row {', '.join(unknown)}")
    return options
