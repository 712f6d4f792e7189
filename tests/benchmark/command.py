"""The measurements in order, row by row."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url

from bigcommerce_integration.demo.command.processes import sandbox

from ..shop import rabbitmq_place, redis_place
from . import books, pages, refreshes, routes
from .fleet.command import main as main_of_stores
from .refreshes import Scene
from .stage import Control
from .table import HEAD, Row

CHANGED_SHARE = 0.01
PARTS = ("pages", "refreshes", "books", "routes", "memory")


@dataclass(frozen=True)
class Options:
    """The command's arguments."""

    database_url: str | None
    broker: str
    products: int
    orders: int
    latency_ms: float
    concurrency: int
    runs: int
    route_requests: int
    clients: int
    memory: int
    pages: int
    only: str | None

    def measures(self, part: str) -> bool:
        """Whether this part of ``PARTS`` is wanted."""
        return self.only in (None, part)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 0 whatever the figures are."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given[:1] == ["stores"]:
        return main_of_stores(given[1:])
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmark",
        description="Measure refreshes and routes, each as the ratio to a plain counterpart measured in the same run.",
        epilog="python -m tests.benchmark stores: many stores in the same workers, a row for each aim.",
    )
    parser.add_argument("--database-url", help="a server on which databases can be made; SQLite files without it")
    parser.add_argument("--broker", choices=("redis", "rabbitmq"), default="redis")
    parser.add_argument("--products", type=int, default=10_000)
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--latency-ms", type=float, default=100, help="of each answer, for the wall time")
    parser.add_argument("--concurrency", type=int, default=4, help="fetches in flight of a refresh, and of the bound")
    parser.add_argument("--runs", type=int, default=3, help="the medians are over so many")
    parser.add_argument("--route-requests", type=int, default=400, help="requests to each endpoint in a run")
    parser.add_argument("--clients", type=int, default=4, help="that send them side by side")
    parser.add_argument(
        "--memory", type=int, default=0, help="so many times the records, for the peak of memory (10; takes long)"
    )
    parser.add_argument("--pages", type=int, default=100_000, help="records of the store whose pages are measured")
    parser.add_argument("--only", choices=PARTS, help="measure this part alone")
    options = Options(**vars(parser.parse_args(given)))
    kind = "SQLite" if options.database_url is None else make_url(options.database_url).get_backend_name()
    say(
        f"{kind}, {options.broker}; {options.products:,} products, {options.orders:,} orders, concurrency "
        f"{options.concurrency}, {options.runs} runs; {os.cpu_count()} cores, {platform.machine()}, "
        f"Python {platform.python_version()}"
    )
    say(HEAD)
    for row in _rows(options):
        say(row.line())
    return 0


def say(line: str) -> None:
    """Print at once."""
    print(line, flush=True)


def _rows(options: Options) -> Iterator[Row]:
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
        if options.pages and options.measures("pages"):
            yield from pages.rows(options.database_url, directory, records=options.pages, runs=options.runs)
        if options.only == "pages":
            return
        scene = stack.enter_context(_scene(options, directory))
        if options.measures("refreshes"):
            yield from _at_no_latency(scene, options)
            yield _at_latency(scene, options)
        if options.measures("books"):
            yield from books.rows(scene, orders=options.orders, runs=options.runs, latency_ms=options.latency_ms)
        if options.measures("routes"):
            yield from routes.rows(scene, runs=options.runs, requests=options.route_requests, clients=options.clients)
        if options.memory and options.measures("memory"):
            yield _memory(scene, options)


@contextmanager
def _scene(options: Options, directory: Path, times: int = 1) -> Iterator[Scene]:
    places = {"redis": redis_place, "rabbitmq": rabbitmq_place}
    size = ["--products", str(options.products * times), "--orders", str(options.orders * times)]
    with sandbox(size, directory / f"sandbox-{times}.log") as store, places[options.broker]() as place:
        yield Scene(store, options.database_url, place, directory, options.concurrency)


def _at_no_latency(scene: Scene, options: Options) -> Iterator[Row]:
    """Refresh, the same again, and with some records changed; a bound before each."""
    bounds, ours = [], []
    for _ in range(options.runs):
        bounds.append(refreshes.bound(scene))
        ours.append(refreshes.ours(scene, CHANGED_SHARE))
    allowed = [
        refreshes.formula(options.products, options.orders, options.concurrency, each.first.line_pages) for each in ours
    ]
    requests = [(float(each.first.requests), float(most)) for each, most in zip(ours, allowed, strict=True)]
    cpu = [(each.first.cpu_s, bound.cpu_s) for each, bound in zip(ours, bounds, strict=True)]
    unchanged = [(float(sum(each.unchanged_rows.values())), 0.0) for each in ours]
    surplus = [(float(_surplus(each)), 0.0) for each in ours]
    yield Row("requests of a first refresh, against the formula", requests, 1.0, "")
    yield Row("CPU time of a first refresh at no latency", cpu, 1.5)
    yield Row(
        "CPU time of the same again, against the first", [(each.again.cpu_s, each.first.cpu_s) for each in ours], 0.5
    )
    yield Row("mirror rows written by the same again", unchanged, 0.0, "rows")
    changed = sum(ours[0].edited.values())
    yield Row(f"mirror rows written beside or instead of the {changed} changed ones", surplus, 0.0, "rows")


def _surplus(run: refreshes.Ours) -> int:
    """How far the numbers of written rows are from those of the edited records, over all mirror tables."""
    return sum(abs(run.changed_rows[table] - count) for table, count in run.edited.items())


def _at_latency(scene: Scene, options: Options) -> Row:
    Control(scene.store).set_latency(options.latency_ms)
    try:
        pairs = [(refreshes.first(scene).wall_s, refreshes.bound(scene).wall_s) for _ in range(options.runs)]
    finally:
        Control(scene.store).set_latency(0)
    return Row(f"wall time of a first refresh at {options.latency_ms:g} ms of latency", pairs, 1.3)


def _memory(scene: Scene, options: Options) -> Row:
    small = refreshes.peak(scene) / 1024
    with _scene(options, scene.directory, options.memory) as many:
        large = refreshes.peak(many) / 1024
    name = f"peak memory, {options.products * options.memory:,} + {options.orders * options.memory:,} records"
    return Row(f"{name} against a {options.memory}th", [(large, small)], 1.1, "MiB")
