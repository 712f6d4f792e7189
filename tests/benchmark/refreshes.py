"""The measured refreshes: ours by real workers, and the bound's scripts beside them."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from bigcommerce_integration.demo.command.processes import Sandbox

from ..processes import ROOT, workers
from . import bound_tables
from .measures import cpu_s, machine_cpu_s, peak_kib
from .stage import Stage, database, opened

_LINES = re.compile(r"/orders/\d+/products$")


@dataclass(frozen=True)
class Tls:
    """Where the store is asked over TLS, and the authority to trust."""

    api_url: str
    ca_bundle: str


@dataclass(frozen=True)
class Scene:
    """Where and how everything is measured; without ``tls`` the store is asked over plain HTTP."""

    store: Sandbox
    server_url: str | None
    broker_place: tuple[str, str]
    directory: Path
    concurrency: int
    tls: Tls | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """Those of the host app."""
        return {"concurrency": self.concurrency} | (asdict(self.tls) if self.tls else {})

    @contextmanager
    def stage(self) -> Iterator[Stage]:
        """A host app on a database of its own."""
        with (
            database(self.server_url, self.directory) as url,
            opened(url, self.store, self.broker_place, self.settings) as stage,
        ):
            # A host that sells half of what the store sells, so that there is something to link.
            stage.stock_host(stage.control.skus()[::2])
            yield stage


@dataclass(frozen=True)
class Spent:
    """What a refresh of both resources took; ``machine_s`` is the CPU of all processes of the machine meanwhile."""

    wall_s: float
    cpu_s: float
    machine_s: float = 0.0
    requests: int = 0
    line_pages: int = 0


@dataclass(frozen=True)
class Ours:
    """A first refresh, the same again, and one with some records changed."""

    first: Spent
    again: Spent
    unchanged_rows: Mapping[str, int]
    changed_rows: Mapping[str, int]
    edited: Mapping[str, int]


def first(scene: Scene) -> Spent:
    """The first refresh alone."""
    with scene.stage() as stage, workers(stage.host, scene.directory, processes=2) as crew:
        return _spent(stage, crew.pids(), stage.connect)


def ours(scene: Scene, changed_share: float) -> Ours:
    """Refresh after refresh on one database."""
    with scene.stage() as stage, workers(stage.host, scene.directory, processes=2) as crew:
        pids = crew.pids()
        first = _spent(stage, pids, stage.connect)
        numbers = stage.change_numbers()
        again = _spent(stage, pids, stage.walk_all)
        unchanged_rows = stage.written_since(numbers)
        edited = _edit(stage, changed_share)
        numbers = stage.change_numbers()
        _spent(stage, pids, stage.walk_all)
        return Ours(first, again, unchanged_rows, stage.written_since(numbers), edited)


def peak(scene: Scene) -> int:
    """The most memory in KiB that a worker process holds in a first refresh."""
    with scene.stage() as stage, workers(stage.host, scene.directory, processes=2) as crew:
        stage.connect()
        stage.wait()
        return peak_kib(crew.pids())


def bound(scene: Scene) -> Spent:
    """The same by the hand-written script, a process for each resource."""
    with database(scene.server_url, scene.directory) as url:
        engine = create_engine(url, poolclass=NullPool)
        bound_tables.create(engine)
        scripts = [_script(scene, url, resource) for resource in ("products", "orders")]
        try:
            for script in scripts:
                assert script.stdout is not None
                if script.stdout.readline() != "ready\n":
                    raise RuntimeError("The bound did not start.")
            machine_before, began = machine_cpu_s(), time.monotonic()
            for script in scripts:
                _tell(script, "go")
            told = [json.loads(script.stdout.readline()) for script in scripts if script.stdout is not None]
            wall_s, machine_s = time.monotonic() - began, machine_cpu_s() - machine_before
        finally:
            for script in scripts:
                script.kill()
                script.communicate()
    used_s, asked = (sum(each[name] for each in told) for name in ("cpu_s", "requests"))
    return Spent(wall_s, used_s, machine_s, asked)


def formula(products: int, orders: int, concurrency: int, line_pages: int) -> int:
    """The most requests that both refreshes may make."""
    return sum(math.ceil(count / 248) + concurrency + 4 for count in (products, orders)) + line_pages


def _spent(stage: Stage, pids: list[int], begin: Any) -> Spent:
    stage.control.seen()
    cpu_before, machine_before, began = cpu_s(pids), machine_cpu_s(), time.monotonic()
    begin()
    stage.wait()
    wall_s = time.monotonic() - began
    used_s, machine_s = cpu_s(pids) - cpu_before, machine_cpu_s() - machine_before
    paths = stage.control.seen()
    return Spent(wall_s, used_s, machine_s, len(paths), sum(bool(_LINES.search(path)) for path in paths))


def _edit(stage: Stage, share: float) -> dict[str, int]:
    """Change this share of the products and orders; how many rows of each mirror table must be written for it."""
    edited = {"products": 0, "variants": 0, "orders": 0, "order_lines": 0}
    # Spread over the whole store, and none that was edited before.
    fields = {"products": ("search_keywords",), "orders": ("staff_notes",)}
    for resource, (field,) in fields.items():
        ids = stage.control.ids(resource)
        chosen = ids[:: max(1, round(1 / share))]
        for each in chosen:
            stage.control.call("PATCH", f"/{resource}/{each}", **{field: f"edited {time.monotonic_ns()}"})
        edited[resource] = len(chosen)
    return edited


def _script(scene: Scene, database_url: str, resource: str) -> subprocess.Popen[str]:
    script = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmark.bound"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    given = {
        "resource": resource,
        **asdict(scene.tls or Tls(scene.store.api_url, "")),
        "store_hash": scene.store.store_hash,
        "access_token": scene.store.access_token,
        "database_url": database_url,
        "concurrency": scene.concurrency,
    }
    _tell(script, json.dumps(given))
    return script


def _tell(script: subprocess.Popen[str], line: str) -> None:
    assert script.stdin is not None
    script.stdin.write(f"{line}\n")
    script.stdin.flush()
