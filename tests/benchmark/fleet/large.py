"""One large store: beside many small ones, and by itself against a script written by hand."""

from __future__ import annotations

import tempfile
import time
from argparse import Namespace
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from bigcommerce_integration.models import db_now

from .. import refreshes
from ..refreshes import Scene, Spent, Tls
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
        small = min(SMALL, options.stores)
        with fleet(options, (1, 10, options.large), (small, options.records, options.records)) as all_:
            yield from _beside(all_)
    if "large" in wanted:
        yield from _alone(options)


def _beside(all_: Fleet) -> Iterator[Row]:
    options = all_.options
    large, *small = all_.server.hashes
    with all_.crew(sync_interval_s=INTERVAL_S):
        all_.first_refreshes(small)
        all_.settle(len(small))
        switch_on(all_, INTERVAL_S)
        before = watched(all_, options.seconds)
        with_it = watched(
            all_,
            options.seconds,
            meanwhile=lambda: all_.connect([large]),
            until=lambda: _imported(all_).orders >= options.large / 2,
        )
        so_far = _imported(all_)
        alone = _rest_alone(all_)
    yield Row(
        f"{len(small)} small stores beside one of {options.large:,} orders being imported: begin − due",
        [(with_it.mean_late_s, before.mean_late_s)],
        1.5,
        beside=f"p95 {with_it.late(0.95):.1f} s, without it {before.late(0.95):.1f} s; {with_it.spent.told()}",
    )
    yield Row(
        "… the large one's orders a second, against those without the small",
        [(so_far.a_second, alone)],
        0.7,
        "/s",
        True,
    )


def _rest_alone(all_: Fleet) -> float:
    """Orders a second once the small ones are left alone, for half as long or to the import's end.

    RuntimeError if it has ended before.
    """
    with all_.stage.session() as session:
        session.execute(all_.stage.tables.instances.update().values(is_automatic_sync_enabled=False))
        session.commit()
    since = _imported(all_)
    if since.is_over:
        raise RuntimeError("The import ended before it was measured alone: choose a larger store (--large).")
    # What the small ones have begun ends first, unless the import is over as soon.
    time.sleep(min(2.0, all_.options.seconds / 10))
    if not (settled := _imported(all_)).is_over:
        since = settled
    while not (last := _imported(all_)).is_over and last.at_s - since.at_s < all_.options.seconds / 2:
        time.sleep(0.5)
    return (last.orders - since.orders) / (last.at_s - since.at_s)


@dataclass(frozen=True)
class _Imported:
    """How many orders have come at ``at_s``, in seconds since the import began (by the database's clock).

    Both are 0 before.
    """

    orders: int
    at_s: float
    is_over: bool

    @property
    def a_second(self) -> float:
        """From its begin on."""
        return self.orders / self.at_s if self.at_s else 0.0


def _imported(all_: Fleet) -> _Imported:
    """How far the large one's import is."""
    table = all_.stage.tables.refreshes
    which = table.c.resource == "orders", table.c.mode == "initial"
    columns = table.c.fetched, table.c.started_at, table.c.finished_at, db_now().label("now")
    with all_.stage.session() as session:
        row = session.execute(select(*columns).where(*which).order_by(table.c.id.desc()).limit(1)).one()
    if row.started_at is None:
        return _Imported(0, 0.0, False)
    at = row.finished_at or row.now
    return _Imported(row.fetched, (at - row.started_at).total_seconds(), row.finished_at is not None)


def _alone(options: Namespace) -> Iterator[Row]:
    """The first refresh of one store, over TLS, against the script; no refunds, as the script reads none."""
    count = options.alone
    with (
        tempfile.TemporaryDirectory(prefix="benchmark-") as directory,
        served([(1, count, count)], 0, Path(directory), has_refunds=False) as server,
        PLACES[options.broker]() as place,
    ):
        tls = Tls(server.tls_url, server.ca_bundle)
        scene = Scene(server.store, options.database_url, place, Path(directory), 4, tls)
        cpu = [(refreshes.first(scene).cpu_s, refreshes.bound(scene).cpu_s) for _ in range(options.runs)]
        yield Row(f"a store of {count:,} products and orders: CPU of its first refresh", cpu, 1.5)
        Control(scene.store).set_latency(options.latency_ms)
        pairs = [(refreshes.first(scene), refreshes.bound(scene)) for _ in range(options.runs)]
        cores = [f"{name} {_cores(spent)}" for name, spent in zip(("ours", "the script"), pairs[-1], strict=True)]
        yield Row(
            f"… wall at {options.latency_ms:g} ms, 4 fetches in flight",
            [(ours.wall_s, bound.wall_s) for ours, bound in pairs],
            1.3,
            beside=f"cores of the machine, with the database and the store: {', '.join(cores)}",
        )


def _cores(spent: Spent) -> str:
    """How many it has used itself, and how many all processes of the machine have used meanwhile."""
    return f"{spent.cpu_s / spent.wall_s:.1f} of {spent.machine_s / spent.wall_s:.1f}"
