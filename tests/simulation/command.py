"""The table: lateness by stores and machines."""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence

from bigcommerce_integration.config import Config

from .fleet import Costs, Fleet, Result

HEAD = (
    f"{'stores':>7} {'machines':>8} {'refreshes/s':>12} {'late: p50':>10} {'p95':>8} {'most':>8} {'> 7 s':>7} "
    f"{'longest gap':>12} {'workers busy':>13} {'database, cores':>16}"
)


def simulated(
    stores: int, machines: int, *, config: Config, seed: int, minutes: float, costs: Costs | None = None
) -> Result:
    """The same for the same seed; the first interval is not watched."""
    random.seed(seed)
    from_s = 1.2 * config.sync_interval_s
    return Fleet(stores, machines, config=config, costs=costs, from_s=from_s).run(from_s + 60 * minutes)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--stores", type=int, nargs="+", default=[10, 1_000, 10_000])
    parser.add_argument("--machines", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--minutes", type=float, default=15, help="that are watched")
    parser.add_argument("--interval-s", type=float, default=300, help="SYNC_INTERVAL_S")
    parser.add_argument("--processes", type=int, default=2, help="of a machine, each on a core of its own")
    parser.add_argument("--threads", type=int, default=8, help="of each: as many slices")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    config = Config(encryption_keys=("unused",), sync_interval_s=options.interval_s)
    costs = Costs(processes=options.processes, threads=options.threads)
    print(
        f"every {config.sync_interval_s:g} s, tick {config.tick_s:g} s; a machine has {costs.processes} processes of "
        f"{costs.threads} slices; a refresh that finds nothing costs {costs.refresh_s + costs.request_s:.3f} s of CPU, "
        f"and of the database {costs.database_refresh_s:.3f} s; seed {options.seed}"
    )
    print(HEAD, flush=True)
    began = time.monotonic()
    for stores in options.stores:
        for machines in options.machines:
            how = {"config": config, "seed": options.seed, "minutes": options.minutes, "costs": costs}
            result = simulated(stores, machines, **how)
            print(_line(stores, machines, result, options.minutes, config), flush=True)
    print(f"took {time.monotonic() - began:.0f} s")
    return 0


def _line(stores: int, machines: int, result: Result, minutes: float, config: Config) -> str:
    late = [result.late(share) for share in (0.5, 0.95, 1.0)]
    return (
        f"{stores:>7,} {machines:>8} {result.done / minutes / 60:>12.1f} {late[0]:>8.1f} s {late[1]:>6.0f} s "
        f"{late[2]:>6.0f} s {result.share_later_than(config.tick_s + 2):>7.1%} {result.longest_gap_s:>10.0f} s "
        f"{result.workers_busy:>13.0%} {result.database_busy_cores:>16.2f}"
    )
