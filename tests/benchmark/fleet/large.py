"""One large store: beside many small ones, and by itself against a script written by hand."""

from __future__ import annotations

import tempfile
import time
from argparse import Namespace
from collections.abc import Collection, Iterator
from pathlib import Path

from sqlalchemy import select

from .. import refreshes
from ..refreshes import Scene, Tls
from ..stage import Control
from ..table import Row
from .scene import PLACES, Fleet, fleet, served
from .watching import switch_on, watched

NAMES = ("beside", "large")
SMALL = 100
INTERVAL_S = 60.0
"""How often the small ones are due: about a third of what two cores can do."""


def rows(options: Namespace, wanted: Collection[str]) -> Iterator[Row]:
    """Each by itself."""
    if "beside" in wanted:
        with fleet(options, (1, 10, options.large), (SMALL, options.records, options.records)) as all_:
            yield from _beside(all_)
    if "large" in wanted:
        yield from _alone(options)


def _beside(all_: Fleet) -> Iterator[Row]:
    options = all_.options
    large, *small = all_.server.hashes
    with all_.crew(sync_interval_s=INTERVAL_S):
        all_.first_refreshes(small)
        all_.settle(SMALL)
        switch_on(all_, INTERVAL_S)
        before = watched(all_, options.seconds)
        # Up to speed before it is measured.
        with_it = watched(all_, options.seconds, meanwhile=lambda: all_.connect([large]))
        together = _orders_a_s(all_, options.seconds / 2)
        with all_.stage.session() as session:
            instances = all_.stage.tables.instances
            session.execute(instances.update().values(is_automatic_sync_enabled=False))
            session.commit()
        time.sleep(2.0)
        alone = _orders_a_s(all_, options.seconds / 2)
    yield Row(
        f"{SMALL} small stores beside one of {options.large:,} orders being imported: begin − due",
        [(with_it.mean_late_s, before.mean_late_s)],
        1.5,
        beside=f"p95 {with_it.late(0.95):.1f} s, without it {before.late(0.95):.1f} s; {with_it.spent.told()}",
    )
    yield Row(
        "… the large one's orders a second, against those without the small", [(together, alone)], 0.7, "/s", True
    )


def _orders_a_s(all_: Fleet, seconds: float) -> float:
    """At which rate the one import goes on."""
    table = all_.stage.tables.refreshes
    fetched = select(table.c.fetched).where(table.c.status.in_(("pending", "processing")), table.c.mode == "initial")

    def look() -> int:
        with all_.stage.session() as session:
            found = session.scalars(fetched.where(table.c.resource == "orders")).first()
        if found is None:
            raise RuntimeError("The import ended before it was measured: choose a larger store (--large).")
        return int(found)

    before, began = look(), time.monotonic()
    time.sleep(seconds)
    return (look() - before) / (time.monotonic() - began)


def _alone(options: Namespace) -> Iterator[Row]:
    """The first refresh of one store, over TLS, against the script."""
    count = options.alone
    with (
        tempfile.TemporaryDirectory(prefix="benchmark-") as directory,
        served([(1, count, count)], 0, Path(directory)) as server,
        PLACES[options.broker]() as place,
    ):
        tls = Tls(server.tls_url, server.ca_bundle)
        scene = Scene(server.store, options.database_url, place, Path(directory), 4, tls)
        cpu = [(refreshes.first(scene).cpu_s, refreshes.bound(scene).cpu_s) for _ in range(options.runs)]
        yield Row(f"a store of {count:,} products and orders: CPU of its first refresh", cpu, 1.5)
        Control(scene.store).set_latency(options.latency_ms)
        ours = [refreshes.first(scene) for _ in range(options.runs)]
        wall = [(each.wall_s, refreshes.bound(scene).wall_s) for each in ours]
        cores = max(each.cpu_s / each.wall_s for each in ours)
        name = f"… wall at {options.latency_ms:g} ms, 4 fetches in flight"
        yield Row(name, wall, 1.3, beside=f"on {cores:.1f} cores")
