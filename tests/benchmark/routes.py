"""POST, and GET of a store and of progress, behind gunicorn, against the bare endpoints behind another one."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from ..host_app import bearer
from ..processes import ROOT, wait_until
from . import bare
from .refreshes import Scene
from .stage import URL, Stage, database
from .table import Row

STARTS_IN_S = 60.0
GUNICORN = ("--workers", "1", "--worker-class", "gthread", "--threads", "4")
Ask = Callable[[int], tuple[str, str, Any]]


@dataclass(frozen=True)
class Load:
    """What one load came to."""

    p50_s: float
    seconds_a_request: float


def rows(scene: Scene, *, runs: int, requests: int, clients: int) -> Iterator[Row]:
    """These routes; the two servers are asked in turn, never at once."""
    with ExitStack() as stack:
        stage = stack.enter_context(scene.stage())
        stage.connect()
        bare_url = stack.enter_context(database(scene.server_url, scene.directory))
        bare_app = bare.create_app(bare_url)
        with bare_app.app_context():
            bare.db.create_all()
            bare.db.session.add(bare.Row(name="first"))
            bare.db.session.commit()
            bare.db.engine.dispose()
        ours = stack.enter_context(_gunicorn("tests.worker_host:app", stage.host.environment(), scene.directory))
        plain = stack.enter_context(
            _gunicorn("tests.benchmark.bare:app", os.environ | {bare.VARIABLE: bare_url}, scene.directory)
        )
        headers = bearer(stage.app) | {"Content-Type": "application/json"}

        def load(port: int, ask: Ask, first: int) -> Load:
            return _load(port, ask, headers, requests=requests, clients=clients, first=first)

        posts, gets, stores = [], [], []
        for run in range(-1, runs):
            first = 1_000_000 + run * requests
            post = load(plain, _bare_post, first), load(ours, _post_of(stage), first)
            get = load(plain, _bare_get, first), load(ours, _progress_of(stage), first)
            # The first round warms both up.
            if run >= 0:
                posts.append(post)
                gets.append(get)
                stores.append((get[0], load(ours, _store_of(stage), first)))
    ms = 1000
    yield Row("POST, p50", [(ours.p50_s * ms, plain.p50_s * ms) for plain, ours in posts], 2.5, "ms")
    yield Row(
        "POST, time a request (1 / throughput)",
        [(ours.seconds_a_request * ms, plain.seconds_a_request * ms) for plain, ours in posts],
        2.5,
        "ms",
    )
    yield Row("GET of a store, p50", [(ours.p50_s * ms, plain.p50_s * ms) for plain, ours in stores], 2.0, "ms")
    yield Row("GET of progress, p50", [(ours.p50_s * ms, plain.p50_s * ms) for plain, ours in gets], 1.3, "ms")


def _bare_post(number: int) -> tuple[str, str, Any]:
    return "POST", "/rows", {"name": f"Shop {number}"}


def _bare_get(number: int) -> tuple[str, str, Any]:
    return "GET", "/rows/1", None


def _post_of(stage: Stage) -> Ask:
    def post(number: int) -> tuple[str, str, Any]:
        # Stores of their own: more instances than one of a store are rare, and each is named in the others' answers.
        body = stage.body(name=f"Shop {number}", integration_settings__store_hash=f"shop{number}")
        return "POST", f"{URL}?verify=false", body

    return post


def _progress_of(stage: Stage) -> Ask:
    path = f"{URL}/{stage.instance['id']}/refreshes/{stage.instance['refreshes'][0]['id']}"
    return lambda number: ("GET", path, None)


def _store_of(stage: Stage) -> Ask:
    return lambda number: ("GET", f"{URL}/{stage.instance['id']}", None)


def _load(port: int, ask: Ask, headers: Mapping[str, str], *, requests: int, clients: int, first: int) -> Load:
    """So many requests by so many clients side by side, each on a connection that it keeps."""
    took: list[float] = []
    failures: list[str] = []

    def client(numbers: range) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for number in numbers:
            method, path, body = ask(number)
            data = None if body is None else json.dumps(body)
            began = time.perf_counter()
            connection.request(method, path, data, dict(headers))
            answer = connection.getresponse()
            text = answer.read()
            took.append(time.perf_counter() - began)
            if answer.status not in (200, 201):
                failures.append(f"{answer.status}: {text[:300]!r}")
                break
        connection.close()

    share = max(1, requests // clients)
    threads = [
        threading.Thread(target=client, args=(range(first + each * share, first + (each + 1) * share),))
        for each in range(clients)
    ]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall_s = time.perf_counter() - began
    if failures or len(took) != share * clients:
        raise RuntimeError(f"{len(took)} of {share * clients} requests were answered: {failures[:1]}")
    return Load(median(took), wall_s / len(took))


@contextmanager
def _gunicorn(module: str, environment: Mapping[str, str], directory: Path) -> Iterator[int]:
    """The app served on a port of the loopback interface; the port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    log = directory / f"gunicorn-{port}.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *GUNICORN, "--bind", f"127.0.0.1:{port}", module],
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        wait_until(lambda: server.poll() is not None or _answers(port), STARTS_IN_S, f"gunicorn: {log.read_text()}")
        if server.poll() is not None:
            raise RuntimeError(f"gunicorn did not start: {log.read_text()}")
        yield port
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
