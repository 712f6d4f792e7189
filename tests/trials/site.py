"""A deployment with gunicorn, a worker, PostgreSQL, Redis and a store, each behind a plug that can be pulled."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from sqlalchemy import make_url

from bigcommerce_integration.sandbox import SandboxServer, SandboxStore

from ..gate import Gate
from ..host_app import bearer, new_instance
from ..processes import ROOT, wait_until
from ..services import free_port, fresh_database
from ..shop import LONG_AGO, redis_place
from .host import Deployment, make_app

PAGES, API = "/big-commerce", "/api/big-commerce"
STARTS_IN_S = 60.0


@dataclass(frozen=True)
class Said:
    """What a command or a page said: the exit code or the status, and how long it took."""

    code: int
    text: str
    errors: str
    took_s: float

    @property
    def last_line(self) -> str:
        return self.text.rstrip().splitlines()[-1]


class Process:
    """A process that is started and ended by its pid."""

    def __init__(self, command: Sequence[str], environment: dict[str, str], log: Path) -> None:
        self._command, self.environment, self.log = command, environment, log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

    def end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def text(self) -> str:
        return self.log.read_text(errors="replace")


@dataclass
class Site:
    """The parts; ``database``, ``broker`` and ``store`` are gates, ``worker`` is a process."""

    deployment: Deployment
    address: str
    database: Gate
    broker: Gate
    store: Gate
    worker: Process
    web: Process
    server: SandboxServer
    headers: dict[str, str]

    def page(self, path: str = "/") -> Said:
        """A page, as somebody who is logged in sees it."""
        token = self.headers["Authorization"].removeprefix("Bearer ")
        return self._asked(f"{PAGES}{path}", cookies={"access_token_cookie": token})

    def api(self, path: str, **options: Any) -> Said:
        """An answer of the API."""
        return self._asked(f"{API}{path}", headers=self.headers, **options)

    def health(self) -> Said:
        """What a load balancer asks, without a login."""
        return self._asked(f"{API}/health")

    def metrics(self) -> Said:
        return self._asked("/metrics")

    def _asked(self, path: str, method: str = "GET", **options: Any) -> Said:
        began = time.monotonic()
        try:
            answer = requests.request(method, self.address + path, timeout=60, allow_redirects=False, **options)
        except requests.RequestException as error:
            return Said(0, "", type(error).__name__, time.monotonic() - began)
        return Said(answer.status_code, answer.text, "", time.monotonic() - began)

    def command(self, *words: str) -> Said:
        """A command of ours, in a process of its own."""
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "flask", "--app", "tests.trials.host", "bigcommerce", *words],
            cwd=ROOT,
            env=self.deployment.environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr, time.monotonic() - began)

    def alerts(self) -> list[dict[str, Any]]:
        """Those that the host was told of, in their order."""
        with suppress(FileNotFoundError):
            return [json.loads(line) for line in Path(self.deployment.alerts_at).read_text().splitlines()]
        return []

    def restart(self, process: Process, **changes: Any) -> None:
        """The same process as a part of a deployment that is changed."""
        process.end()
        process.environment = replace(self.deployment, **changes).environment()
        process.start()

    def is_read(self) -> bool:
        """Whether every refresh has ended well."""
        said = self.api("/1/refreshes")
        found = json.loads(said.text)["data"] if said.code == 200 else []
        return bool(found) and all(each["status"] == "completed" for each in found)


@contextmanager
def opened_site(directory: Path, database: str = "postgresql", *, alert_after_s: float = 1.0) -> Iterator[Site]:
    """A site whose store is read, and kept up to date by itself. The gate of SQLite leads nowhere."""
    with ExitStack() as stack:
        url = make_url(stack.enter_context(fresh_database(database, directory)))
        redis_url, namespace = stack.enter_context(redis_place())
        server = stack.enter_context(SandboxServer(SandboxStore(8, 8, awkward=False)))
        at_store, at_redis = urlsplit(server.api_url), urlsplit(redis_url)
        gates = [
            stack.enter_context(Gate("127.0.0.1", port, "open"))
            for port in (url.port or 5432, at_redis.port or 6379, at_store.port or 80)
        ]
        deployment = Deployment(
            (url.set(port=gates[0].port) if url.port else url).render_as_string(hide_password=False),
            f"redis://127.0.0.1:{gates[1].port}{at_redis.path}",
            namespace,
            str(directory / "alerts.jsonl"),
            {
                "BIGCOMMERCE_API_URL": f"http://127.0.0.1:{gates[2].port}{at_store.path}",
                "BIGCOMMERCE_TICK_S": 1.0,
                "BIGCOMMERCE_LEASE_S": 5.0,
                "BIGCOMMERCE_TIMEOUT_S": 5.0,
                "BIGCOMMERCE_SYNC_INTERVAL_S": 5.0,
                "BIGCOMMERCE_PUBLIC_URL": "https://shop.example",
            },
            alert_after_s=alert_after_s,
            ends_after_s=alert_after_s,
        )
        yield stack.enter_context(_running(deployment, gates, server, directory))


@contextmanager
def _running(deployment: Deployment, gates: Sequence[Gate], server: SandboxServer, directory: Path) -> Iterator[Site]:
    broker: Any = deployment.broker()
    app = make_app(deployment, broker)
    code = app.extensions["trial_code"]
    code.create_rows(app)
    headers = bearer(app, "ada")
    code.dispose(app)
    port = free_port()
    python = [sys.executable, "-m"]
    bind = ["--bind", f"127.0.0.1:{port}", "--threads", "4", "--graceful-timeout", "2"]
    web = Process(
        [*python, "gunicorn", "tests.trials.host:app", *bind], deployment.environment(), directory / "web.log"
    )
    one = ["--processes", "1", "--threads", "2"]
    worker = Process(
        [*python, "dramatiq", "tests.trials.host:broker", *one], deployment.environment(), directory / "worker.log"
    )
    site = Site(deployment, f"http://127.0.0.1:{port}", *gates, worker, web, server, headers)
    try:
        web.start()
        worker.start()
        wait_until(lambda: site.api("/openapi.json").code == 200, STARTS_IN_S, f"the web server: {web.text()}")
        body = new_instance(
            connection_settings__access_token=server.access_token,
            integration_settings__store_hash=server.store_hash,
            integration_settings__start_date=LONG_AGO,
            integration_settings__auto_create_products=True,
            is_automatic_sync_enabled=True,
        )
        made = site.api("", method="POST", json=body)
        assert made.code == 201, made.text
        wait_until(site.is_read, STARTS_IN_S, f"the first import: {worker.text()}")
        yield site
    finally:
        worker.end()
        web.end()
        broker.close()
