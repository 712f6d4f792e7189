"""A served store, an empty database and a host app that does not know the store yet."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from flask import Flask
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from bigcommerce_integration.app_state import state_of
from bigcommerce_integration.demo.command.processes import Sandbox
from bigcommerce_integration.models import Tables
from bigcommerce_integration.refresh.lifecycle.transitions import start
from bigcommerce_integration.worker.actors import send_hints

from ..host_app import HostApp, bearer, new_instance
from ..services import fresh_database_on
from ..worker_host import MODEL_OPTIONS, WorkerHost

URL = "/api/big-commerce"
MIRROR = {"products": ("products", "variants"), "orders": ("orders", "order_lines")}
LONGEST_S = 3600.0


@dataclass(frozen=True)
class Control:
    """The store's other entrance, by which it is edited and asked what it was asked."""

    store: Sandbox

    def call(self, method: str, path: str, **body: Any) -> Any:
        """What ``/control/…`` answers."""
        answer = requests.request(
            method,
            f"{self.store.api_url}/control{path}",
            headers={"X-Control-Token": self.store.control_token},
            json=body or None,
            timeout=300,
        )
        answer.raise_for_status()
        return answer.json()

    def ids(self, resource: str) -> list[int]:
        """The ids of all records."""
        return [record_id for record_id, _ in self._records(resource)]

    def skus(self) -> list[str]:
        """Every SKU that a variant has, once."""
        variants = [variant for _, text in self._records("products") for variant in json.loads(text)["variants"]]
        return sorted({variant["sku"] for variant in variants if variant["sku"].isprintable()} - {""})

    def _records(self, resource: str) -> list[tuple[int, str]]:
        answer = requests.get(
            f"{self.store.api_url}/control/truth/{resource}",
            headers={"X-Control-Token": self.store.control_token},
            timeout=300,
        )
        return [json.loads(line) for line in answer.content.split(b"\n") if line]

    def set_latency(self, latency_ms: float) -> None:
        """How long each answer waits."""
        self.call("PUT", "/latency", latency_ms=latency_ms)

    def seen(self) -> list[str]:
        """The paths asked for since the last time."""
        paths = [each["path"] for each in self.call("GET", "/requests")["requests"]]
        self.call("DELETE", "/requests")
        return paths


@dataclass
class Stage:
    """The parts, and the verbs of a refresh as a person and the schedule use them."""

    app: Flask
    host_app: HostApp
    host: WorkerHost
    control: Control
    instance: dict[str, Any] = field(default_factory=dict)

    @property
    def tables(self) -> Tables:
        """Ours in this app."""
        return state_of(self.app).tables

    def body(self, **changes: Any) -> dict[str, Any]:
        """What connects the store."""
        given = {
            "connection_settings__access_token": self.control.store.access_token,
            "integration_settings__store_hash": self.control.store.store_hash,
            "integration_settings__start_date": "2010-01-01",
        }
        return new_instance(**(given | changes))

    def connect(self) -> None:
        """POST, which begins both refreshes."""
        answer = self.app.test_client().post(f"{URL}?verify=false", json=self.body(), headers=bearer(self.app))
        assert answer.status_code == 201, answer.text
        self.instance = answer.json["data"]

    def stock_host(self, skus: Sequence[str]) -> None:
        """Give the host a product for each of these."""
        with self.session() as session:
            rows = [{"sku": sku, "name": sku} for sku in skus]
            session.execute(insert(self.host_app.Product), rows)
            session.commit()

    def walk_all(self) -> None:
        """Begin a walk over everything of both resources."""
        with self.session() as session:
            hints = [
                (name, start(session, self.tables, instance_id=self.instance["id"], resource=name, mode="full"))
                for name in MIRROR
            ]
            session.commit()
        send_hints(state_of(self.app), hints)

    def wait(self) -> None:
        """Until both are completed."""
        refreshes = self.tables.refreshes
        begun = time.monotonic()
        while True:
            with self.session() as session:
                rows = session.execute(select(refreshes.c.status, refreshes.c.message)).all()
            if all(row.status == "completed" for row in rows):
                return
            if any(row.status in ("failed", "cancelled") for row in rows) or time.monotonic() - begun > LONGEST_S:
                raise RuntimeError(f"The refreshes did not complete: {rows}")
            # Looking more often takes a part of the cores that is missing in what is measured.
            time.sleep(0.1)

    def change_numbers(self) -> Mapping[str, int]:
        """The last change number of each resource."""
        leases = self.tables.leases
        with self.session() as session:
            return {row.resource: row.change_number for row in session.execute(select(leases))}

    def written_since(self, numbers: Mapping[str, int]) -> dict[str, int]:
        """How many rows of each mirror table were written after these change numbers."""
        written = {}
        with self.session() as session:
            for resource, names in MIRROR.items():
                for name in names:
                    table = getattr(self.tables, name)
                    count = (
                        select(func.count()).select_from(table).where(table.c.change_number > numbers.get(resource, 0))
                    )
                    written[name] = int(session.execute(count).scalar_one())
        return written

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session of its own."""
        with self.app.app_context(), Session(self.host_app.db.engine) as session:
            yield session


@contextmanager
def database(server_url: str | None, directory: Path) -> Iterator[str]:
    """The URL of an empty database: on that server, or a file."""
    if server_url is not None and not server_url.startswith("sqlite"):
        with fresh_database_on(server_url) as url:
            yield url
        return
    path = directory / f"benchmark-{time.monotonic_ns()}.db"
    try:
        yield f"sqlite:///{path}"
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def opened(
    database_url: str, store: Sandbox, broker_place: tuple[str, str], settings: Mapping[str, Any]
) -> Iterator[Stage]:
    """A host app with its tables on that database; workers and servers are started with ``Stage.host``."""
    prefixed = {f"BIGCOMMERCE_{name.upper()}": value for name, value in settings.items()}
    host = WorkerHost(database_url, *broker_place, settings={"BIGCOMMERCE_API_URL": store.api_url} | prefixed)
    broker = host.broker()
    host_app = HostApp(model_options=MODEL_OPTIONS)
    app = host_app.create_app(database_url, broker=broker, settings=host.settings)
    host_app.create_rows(app)
    try:
        yield Stage(app, host_app, host, Control(store))
    finally:
        host_app.dispose(app)
        broker.close()
