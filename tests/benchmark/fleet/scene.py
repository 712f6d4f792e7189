"""The parts: many stores in a process of their own, a database, a broker, and workers that are counted."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy import func, select, text

from bigcommerce_integration.demo.command.processes import Sandbox
from bigcommerce_integration.worker.slots import BESIDE_SLICES, SLICES_A_THREAD

from ...host_app import bearer
from ...processes import ROOT, Workers, commands
from ...shop import rabbitmq_place, redis_place
from ...waiting import wait_until
from ..measures import cpu_s, machine_cpu_s
from ..stage import URL, Stage, database, opened
from .many_stores import TOKEN
from .shared import VARIABLE, statements

LONGEST_S = 600.0
COLLECTIONS = ("products", "orders", "refunds")
PLACES = {"redis": redis_place, "rabbitmq": rabbitmq_place}
WORKER, HOST_WORKER = "tests.benchmark.fleet.worker:broker", "tests.benchmark.fleet.host_worker:broker"
Size = tuple[int, int, int]
"""So many stores of so many products and orders."""


@dataclass(frozen=True)
class Server:
    """The process of the stores: the plain address, and that over TLS with the authority to trust."""

    store: Sandbox
    hashes: Sequence[str]
    pid: int
    tls_url: str
    ca_bundle: str


@dataclass(frozen=True)
class Spent:
    """What a while has taken: seconds, CPU by who used it, statements of the workers, requests to the stores.

    ``others_s`` is the CPU of all other processes of the machine, those of the database that serve no session and the
    benchmark's own among them. ``sessions`` of the database were open at its end.
    """

    wall_s: float
    cpu_s: dict[str, float]
    statements: int
    requests: int
    others_s: float
    sessions: int

    @property
    def cores(self) -> float:
        """How many of the machine's cores others have left to all that is measured."""
        return max(0.01, (os.cpu_count() or 1) - self.others_s / self.wall_s)

    def told(self) -> str:
        """For people."""
        parts = ", ".join(f"{part} {seconds:.1f}" for part, seconds in self.cpu_s.items())
        return f"CPU s: {parts}; of other processes {self.others_s:.1f}"


@dataclass
class Fleet:
    """The stage with the stores; ``crew`` are the workers that run now."""

    stage: Stage
    server: Server
    directory: Path
    options: Namespace
    pids: list[int] = field(default_factory=list)

    def connect(self, hashes: Sequence[str]) -> None:
        """By POST."""
        client, headers = self.stage.app.test_client(), bearer(self.stage.app)
        for store_hash in hashes:
            body = self.stage.body(name=f"Shop {store_hash}", integration_settings__store_hash=store_hash)
            answer = client.post(f"{URL}?verify=false", json=body, headers=headers)
            assert answer.status_code == 201, answer.text

    def first_refreshes(self, hashes: Sequence[str]) -> Spent:
        """All of these stores, connected while the workers stand still."""
        self.signal(signal.SIGSTOP)
        self.connect(hashes)
        with self.measured() as spent:
            self.signal(signal.SIGCONT)
            self.wait()
        return spent()

    def wait(self) -> None:
        """Until all refreshes are completed."""
        wait_until(lambda: not self.left(), LONGEST_S, "all refreshes", every_s=0.2)

    def settle(self, stores: int) -> None:
        """Until each collection of so many stores was read once: refunds begin some seconds after the others."""
        refreshes = self.stage.tables.refreshes
        read = select(func.count()).where(refreshes.c.mode == "initial", refreshes.c.status == "completed")

        def is_settled() -> bool:
            with self.stage.session() as session:
                return int(session.execute(read).scalar_one()) >= len(COLLECTIONS) * stores

        wait_until(is_settled, LONGEST_S, "all first refreshes", every_s=0.2)
        self.wait()

    def signal(self, number: int) -> None:
        """To all worker processes."""
        for pid in self.pids:
            os.kill(pid, number)

    @contextmanager
    def crew(self, module: str = WORKER, **settings: Any) -> Iterator[Workers]:
        """Workers; ``settings`` without their prefix, in lower case, for this crew alone."""
        host = self.stage.host
        given = {f"BIGCOMMERCE_{name.upper()}": value for name, value in settings.items()}
        object.__setattr__(host, "settings", {**host.settings, **given})
        size = {"processes": self.options.processes, "threads": self.options.threads, "module": module}
        # The workers' environment is this process's.
        with (
            patch.dict(os.environ, {VARIABLE: str(self.directory)}),
            commands(host, self.directory, 1, **size) as (crew,),
        ):
            self.pids = crew.pids()
            yield crew

    @contextmanager
    def measured(self) -> Iterator[Callable[[], Spent]]:
        """What the time within takes; ask afterwards."""
        self.asked()
        before, count, began = self._cpu_s(), statements(self.directory, self.pids), time.monotonic()
        machine_s = machine_cpu_s()
        done: list[Spent] = []
        yield lambda: done[0]
        wall_s, after = time.monotonic() - began, self._cpu_s()
        # A session of the database that has ended meanwhile took its count along.
        spent = {name: max(0.0, after[name] - before[name]) for name in after}
        executed = statements(self.directory, self.pids) - count
        others_s = machine_cpu_s() - machine_s - sum(spent.values())
        done.append(Spent(wall_s, spent, executed, sum(self.asked().values()), others_s, len(self._sessions())))

    def asked(self) -> Counter[str]:
        """How many requests the stores have had since the last time, by path without the store."""
        return Counter(re.sub(r"^/stores/[^/]+", "", path) for path in self.stage.control.seen())

    def _cpu_s(self) -> dict[str, float]:
        """Seconds so far: of the workers, the stores, the broker, and the database's sessions that are open now."""
        return {
            "workers": cpu_s(self.pids),
            "stores": cpu_s([self.server.pid]),
            "database": cpu_s(pid for pid in self._sessions() if Path(f"/proc/{pid}").exists()),
            "broker": cpu_s(_broker_pids(self.stage.host.broker_url)),
        }

    def _sessions(self) -> list[int]:
        """The processes of the database that serve us, where they are known."""
        if not self.stage.host.database_url.startswith("postgresql"):
            return []
        with self.stage.session() as session:
            pids = text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
            return list(session.scalars(pids))

    def left(self) -> int:
        """How many refreshes are not completed."""
        refreshes = self.stage.tables.refreshes
        with self.stage.session() as session:
            bad = session.execute(select(refreshes.c.message).where(refreshes.c.status.in_(("failed", "cancelled"))))
            if (row := bad.first()) is not None:
                raise RuntimeError(f"A refresh did not complete: {row.message}")
            open_ = select(func.count()).where(refreshes.c.status.in_(("pending", "processing")))
            return int(session.execute(open_).scalar_one())


def _broker_pids(url: str) -> list[int]:
    if not url.startswith("redis"):
        return []
    import redis

    with redis.Redis.from_url(url) as client:
        pid = int(client.info("server")["process_id"])
    return [pid] if Path(f"/proc/{pid}").exists() else []


@contextmanager
def served(sizes: Sequence[Size], latency_ms: float, directory: Path, *, has_refunds: bool = True) -> Iterator[Server]:
    """The stores in their process."""
    arguments = [json.dumps(sizes), str(latency_ms), str(directory), *([] if has_refunds else ["no-refunds"])]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmark.fleet.many_stores", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        hashes = told["store_hashes"]
        store = Sandbox(told["api_url"], hashes[0], TOKEN, told["control_token"])
        yield Server(store, hashes, process.pid, told["tls_url"], told["ca_bundle"])
    finally:
        process.terminate()
        process.wait()


@contextmanager
def fleet(options: Namespace, *sizes: Size) -> Iterator[Fleet]:
    """The stores, not yet connected, and a host app that asks them over TLS."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
        server = stack.enter_context(served(sizes, options.latency_ms, directory))
        url = stack.enter_context(database(options.database_url, directory))
        place = stack.enter_context(PLACES[options.broker]())
        tls = {"api_url": server.tls_url, "ca_bundle": server.ca_bundle}
        stage = stack.enter_context(opened(url, server.store, place, tls))
        pool = {"SQLALCHEMY_ENGINE_OPTIONS": {"pool_size": SLICES_A_THREAD * options.threads + BESIDE_SLICES}}
        object.__setattr__(stage.host, "settings", {**stage.host.settings, **pool})
        yield Fleet(stage, server, directory, options)
