"""Many small stores in the same workers: their first refreshes, and automatic sync at and beyond what workers can do.

``python -m tests.benchmark stores``. Nothing is asserted: the figures are for ``docs/operations.md``.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, text, update

from bigcommerce_integration.demo.command.processes import Sandbox
from bigcommerce_integration.models import db_now

from ..host_app import bearer
from ..processes import ROOT, Workers, workers
from ..services import DEFAULTS
from ..shop import rabbitmq_place, redis_place
from .many_stores import TOKEN
from .measures import cpu_s
from .stage import URL, Stage, database, opened

LONGEST_S = 600.0
HEAD = f"{'':<58} {'measured':>10} {'against':>10} {'ratio':>6}"


@dataclass
class Fleet:
    """The stage with the process of the stores."""

    stage: Stage
    store_pid: int
    hashes: Sequence[str]
    pids: list[int] = field(default_factory=list)

    def connect(self, count: int) -> None:
        """So many stores, by POST."""
        client, headers = self.stage.app.test_client(), bearer(self.stage.app)
        for store_hash in self.hashes[:count]:
            body = self.stage.body(name=f"Shop {store_hash}", integration_settings__store_hash=store_hash)
            answer = client.post(f"{URL}?verify=false", json=body, headers=headers)
            assert answer.status_code == 201, answer.text

    def signal(self, number: int) -> None:
        """To all worker processes."""
        for pid in self.pids:
            os.kill(pid, number)

    def asked(self) -> int:
        """How many requests the stores have had since the last time."""
        return len(self.stage.control.seen())

    def cpu_s(self) -> dict[str, float]:
        """Seconds of CPU so far: of the workers, the stores, and the database's sessions that are open now."""
        backends: list[int] = []
        if self.stage.host.database_url.startswith("postgresql"):
            sessions = text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
            with self.stage.session() as session:
                backends = [pid for pid in session.scalars(sessions) if Path(f"/proc/{pid}").exists()]
        return {"workers": cpu_s(self.pids), "stores": cpu_s([self.store_pid]), "database": cpu_s(backends)}

    def left(self) -> int:
        """How many refreshes are not completed."""
        refreshes = self.stage.tables.refreshes
        with self.stage.session() as session:
            bad = session.execute(select(refreshes.c.message).where(refreshes.c.status.in_(("failed", "cancelled"))))
            if (row := bad.first()) is not None:
                raise RuntimeError(f"A refresh did not complete: {row.message}")
            open_ = select(func.count()).where(refreshes.c.status.in_(("pending", "processing")))
            return int(session.execute(open_).scalar_one())


def main(arguments: Sequence[str]) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmark stores", description=__doc__)
    parser.add_argument("--database-url", default=DEFAULTS["TEST_POSTGRESQL_URL"])
    parser.add_argument("--broker", choices=("redis", "rabbitmq"), default="redis")
    parser.add_argument("--stores", type=int, nargs="+", default=[60, 150])
    parser.add_argument("--records", type=int, default=50, help="products, and as many orders, of each store")
    parser.add_argument("--latency-ms", type=float, default=100)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=20, help="for which automatic sync is watched")
    options = parser.parse_args(arguments)
    print(f"{options.processes} processes of {options.threads} threads, latency {options.latency_ms:g} ms")
    print(HEAD, flush=True)
    for count in options.stores:
        _measure(options, count, is_last=count == options.stores[-1])
    return 0


def _measure(options: Any, count: int, *, is_last: bool) -> None:
    with _fleet(options, count) as (fleet, directory):
        with _crew(fleet, directory, options) as crew:
            fleet.pids = crew.pids()
            _first_refreshes(fleet, options, count)
        if not is_last:
            return
        # A store every few seconds is more than any machine can do.
        each_s = _automatic(fleet, directory, options, interval_s=3.0)
        interval_s = max(5.0, 2 * count * each_s / 0.6)
        _automatic(fleet, directory, options, interval_s=interval_s, seconds=max(options.seconds, 1.2 * interval_s))


def _first_refreshes(fleet: Fleet, options: Any, count: int) -> None:
    fleet.signal(signal.SIGSTOP)
    fleet.connect(count)
    fleet.asked()
    before, began = fleet.cpu_s(), time.monotonic()
    fleet.signal(signal.SIGCONT)
    while fleet.left():
        if time.monotonic() - began > LONGEST_S:
            raise RuntimeError("The refreshes did not complete.")
        time.sleep(0.2)
    wall_s = time.monotonic() - began
    spent, asked = _spent(before, fleet.cpu_s()), fleet.asked()
    by_cpu_s = sum(spent.values()) / (os.cpu_count() or 1)
    by_latency_s = asked * options.latency_ms / 1000 / (options.processes * options.threads)
    name = f"first refreshes of {count} stores, {asked} requests"
    _say(name, wall_s, max(by_cpu_s, by_latency_s), f"CPU ÷ cores {by_cpu_s:.1f}, by latency {by_latency_s:.1f}", spent)


def _automatic(
    fleet: Fleet, directory: Path, options: Any, *, interval_s: float, seconds: float | None = None
) -> float:
    """Watch automatic sync for a while; the seconds between two completed incrementals."""
    stage, seconds = fleet.stage, seconds or options.seconds
    object.__setattr__(stage.host, "settings", {**stage.host.settings, "BIGCOMMERCE_SYNC_INTERVAL_S": interval_s})
    with _crew(fleet, directory, options) as crew:
        fleet.pids = crew.pids()
        _switch_on(fleet, interval_s)
        # Up to speed first.
        due = _watched(fleet, 4.0, defaultdict(set))
        fleet.asked()
        with stage.session() as session:
            since = session.execute(select(db_now())).scalar_one()
        before, began = fleet.cpu_s(), time.monotonic()
        due = _watched(fleet, seconds, due)
        took_s, spent, asked = time.monotonic() - began, _spent(before, fleet.cpu_s()), fleet.asked()
        done, late = _completed(fleet, since, due)
    one_s = spent["workers"] / max(1, done)
    most = ((os.cpu_count() or 1) - (spent["stores"] + spent["database"]) / took_s) / one_s
    name = f"automatic sync of {len(fleet.hashes)} stores every {interval_s:.0f} s: done a second"
    _say(name, done / took_s, most, f"{asked / max(1, done):.1f} requests and {one_s * 1000:.0f} ms each", spent)
    if late:
        p95 = late[math.ceil(0.95 * len(late)) - 1]
        print(f"{'  begin − due, s: p50, p95, most':<58} {late[len(late) // 2]:>10.2f} {p95:>10.2f} {late[-1]:>6.1f}")
    _switch_off(fleet)
    return took_s / max(1, done)


def _watched(fleet: Fleet, seconds: float, due: dict[Any, set[datetime]]) -> dict[Any, set[datetime]]:
    """All due times of each lease that there were meanwhile."""
    leases, ends_at = fleet.stage.tables.leases, time.monotonic() + seconds
    while time.monotonic() < ends_at:
        with fleet.stage.session() as session:
            for row in session.execute(select(leases.c.instance_id, leases.c.resource, leases.c.next_sync_at)):
                if row.next_sync_at is not None:
                    due[row.instance_id, row.resource].add(row.next_sync_at)
        time.sleep(0.5)
    return due


def _completed(fleet: Fleet, since: datetime, due: dict[Any, set[datetime]]) -> tuple[int, list[float]]:
    """How many incrementals have ended since then, and how late those began that have begun since, in order."""
    refreshes = fleet.stage.tables.refreshes
    rows = select(refreshes.c.instance_id, refreshes.c.resource, refreshes.c.started_at, refreshes.c.finished_at).where(
        refreshes.c.mode == "incremental", refreshes.c.started_at.is_not(None)
    )
    done, late = 0, []
    with fleet.stage.session() as session:
        for row in session.execute(rows):
            done += row.finished_at is not None and row.finished_at >= since
            before = [each for each in due[row.instance_id, row.resource] if each <= row.started_at]
            if row.started_at >= since and before:
                late.append((row.started_at - max(before)).total_seconds())
    return done, sorted(late)


def _switch_on(fleet: Fleet, interval_s: float) -> None:
    """Have all stores kept in sync from now on, the first due times spread over the interval."""
    instances, leases = fleet.stage.tables.instances, fleet.stage.tables.leases
    with fleet.stage.session() as session:
        rows = session.execute(select(leases.c.instance_id, leases.c.resource, db_now().label("now"))).all()
        for number, row in enumerate(rows):
            first = row.now + timedelta(seconds=interval_s * number / len(rows))
            which = (leases.c.instance_id == row.instance_id, leases.c.resource == row.resource)
            session.execute(update(leases).where(*which).values(next_sync_at=first))
        session.commit()
        session.execute(update(instances).values(is_automatic_sync_enabled=True))
        session.commit()


def _switch_off(fleet: Fleet) -> None:
    with fleet.stage.session() as session:
        session.execute(update(fleet.stage.tables.instances).values(is_automatic_sync_enabled=False))
        session.commit()


def _spent(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """A session of the database that has ended meanwhile took its count along."""
    return {name: max(0.0, after[name] - before[name]) for name in after}


def _say(name: str, measured: float, against: float, why: str, spent: dict[str, float]) -> None:
    cpu = ", ".join(f"{part} {seconds:.1f}" for part, seconds in spent.items())
    print(f"{name:<58} {measured:>10.2f} {against:>10.2f} {measured / against:>6.2f}  {why}; CPU s: {cpu}", flush=True)


@contextmanager
def _crew(fleet: Fleet, directory: Path, options: Any) -> Iterator[Workers]:
    with workers(fleet.stage.host, directory, processes=options.processes, threads=options.threads) as crew:
        yield crew


@contextmanager
def _fleet(options: Any, count: int) -> Iterator[tuple[Fleet, Path]]:
    places = {"redis": redis_place, "rabbitmq": rabbitmq_place}
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
        arguments = [str(count), str(options.records), str(options.latency_ms)]
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmark.many_stores", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        stack.callback(server.wait)
        stack.callback(server.terminate)
        assert server.stdout is not None
        told = json.loads(server.stdout.readline())
        hashes = told["store_hashes"]
        store = Sandbox(told["api_url"], hashes[0], TOKEN, told["control_token"])
        settings = {"SQLALCHEMY_ENGINE_OPTIONS": {"pool_size": options.threads + 4}}
        url = stack.enter_context(database(options.database_url, directory))
        place = stack.enter_context(places[options.broker]())
        stage = stack.enter_context(opened(url, store, place, {}))
        object.__setattr__(stage.host, "settings", {**stage.host.settings, **settings})
        yield Fleet(stage, server.pid, hashes), directory
