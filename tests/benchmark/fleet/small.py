"""Many small stores: their first refreshes, and automatic sync, as much as workers can do and more."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Collection, Iterator

from sqlalchemy import func, select

from bigcommerce_integration.config import Config
from bigcommerce_integration.worker.slots import SLICES_A_THREAD

from ...waiting import wait_until
from ..measures import peak_kib
from ..table import Row
from .scene import LONGEST_S, Fleet, Spent, fleet
from .watching import switch_off, switch_on, watched

NAMES = ("first", "nothing", "demand", "late")
SHORTEST_S = 1.0
"""The shortest interval that ``BIGCOMMERCE_SYNC_INTERVAL_S`` may have."""
REQUESTS, STATEMENTS, CPU_S = 4, 12, 0.025
"""Aims: of the three incrementals of a store, and of one incremental."""
LONG_S = 3600.0


def rows(options: Namespace, wanted: Collection[str]) -> Iterator[Row]:
    """In order, as one goes on from where the last one has stopped."""
    count = options.stores
    with fleet(options, (count, options.records, options.records)) as all_:
        with all_.crew():
            began_with = peak_kib(all_.pids)
            spent = all_.first_refreshes(all_.server.hashes)
            if "first" in wanted:
                yield _first(options, spent, began_with, peak_kib(all_.pids))
            all_.settle(count)
        if "nothing" in wanted:
            yield from _nothing(all_)
        if {"demand", "late"} & {*wanted}:
            each_s, row = _demand(all_)
            if "demand" in wanted:
                yield row
            if "late" in wanted:
                yield _late(all_, each_s)


def _first(options: Namespace, spent: Spent, began_with: int, peak: int) -> Row:
    """By the cores that other processes have left, so that it holds on a machine that is not all ours, too."""
    by_cpu_s = sum(spent.cpu_s.values()) / spent.cores
    # The workers serve no queue but ours.
    slices = options.processes * SLICES_A_THREAD * options.threads
    by_latency_s = spent.requests * options.latency_ms / 1000 / slices
    return Row(
        f"first refreshes of {options.stores} stores, {spent.requests:,} requests",
        [(spent.wall_s, max(by_cpu_s, by_latency_s))],
        1.5,
        beside=f"CPU ÷ cores of ours {by_cpu_s:.1f} s, by latency {by_latency_s:.1f} s; {spent.told()}; "
        f"most memory of a process {peak / 1024:.0f} MiB, {(peak - began_with) / 1024:.0f} more than at its start; "
        f"{spent.sessions} sessions of the database",
    )


def _nothing(all_: Fleet) -> Iterator[Row]:
    """All due at once, once, and nothing new: from due to done."""
    stores, refreshes = len(all_.server.hashes), all_.stage.tables.refreshes
    done = 3 * stores
    with all_.stage.session() as session:
        first = session.scalar(select(func.max(refreshes.c.id)))
    newer = select(func.count()).where(refreshes.c.id > first, refreshes.c.status == "completed")

    def is_done() -> bool:
        with all_.stage.session() as session:
            return int(session.execute(newer).scalar_one()) >= done

    with all_.crew(sync_interval_s=LONG_S):
        with all_.measured() as spent:
            switch_on(all_, 0.0)
            wait_until(is_done, LONGEST_S, "all incrementals", every_s=0.2)
        switch_off(all_)
    used, name = spent(), "incrementals that find nothing"
    yield Row(f"{name}: requests of a store's three", [(used.requests / stores, REQUESTS)], 1.0, "")
    yield Row(f"{name}: statements of one", [(used.statements / done, STATEMENTS)], 1.0, "")
    yield Row(
        f"{name}: CPU of one, in the workers",
        [(used.cpu_s["workers"] / done * 1000, CPU_S * 1000)],
        1.0,
        "ms",
        beside=f"{done} in {used.wall_s:.1f} s; {used.told()}",
    )


def _demand(all_: Fleet) -> tuple[float, Row]:
    """Due more often than any machine can do; the seconds between two that are done, too.

    The bound is by the cores that stores, database, broker and other processes have left to the workers. So what it
    finds is cores that stand idle; where other work lets none do so, it finds nothing.
    """
    options = all_.options
    with all_.crew(sync_interval_s=SHORTEST_S):
        switch_on(all_, SHORTEST_S)
        seen = watched(all_, options.seconds)
        switch_off(all_)
    done_a_s, spent = seen.done / seen.spent.wall_s, seen.spent
    one_s = spent.cpu_s["workers"] / max(1, seen.done)
    most = (spent.cores - seen.cores) / one_s
    each = f"{spent.requests / max(1, seen.done):.1f} requests, {spent.statements / max(1, seen.done):.0f} statements"
    row = Row(
        f"automatic sync of {options.stores} stores, more than can be done: a second",
        [(done_a_s, most)],
        0.8,
        "/s",
        is_least=True,
        beside=f"{each} and {one_s * 1000:.0f} ms of CPU each; {spent.told()}",
    )
    return 1 / max(done_a_s, 0.01), row


def _late(all_: Fleet, each_s: float) -> Row:
    """At 70 % of what was done where there was more to do."""
    options = all_.options
    # Products, orders and the refunds after them.
    interval_s = max(5.0, 3 * options.stores * each_s / 0.7)
    with all_.crew(sync_interval_s=interval_s):
        switch_on(all_, interval_s)
        seen = watched(all_, min(max(options.seconds, 1.2 * interval_s), 90.0))
        switch_off(all_)
    tick_s = Config(encryption_keys=("unused",)).tick_s
    return Row(
        f"… at 70 % of that, each every {interval_s:.0f} s: p95 of begin − due",
        [(seen.late(0.95), tick_s + 2)],
        1.0,
        beside=f"p50 {seen.late(0.5):.1f} s, most {seen.late(1.0):.1f} s, of {len(seen.late_s)}; {seen.spent.told()}",
    )
