"""A served store, connected to a host app on its own database and broker, to be refreshed by any kind of worker."""

from __future__ import annotations

import re
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from dramatiq import Broker
from flask import Flask
from sqlalchemy import select

from bigcommerce_integration.app_state import state_of
from bigcommerce_integration.models import Tables
from bigcommerce_integration.resources.registry import REGISTRY, Registry
from bigcommerce_integration.sandbox import SandboxServer, SandboxStore

from .host_app import HostApp, bearer, new_instance
from .oracle.links import LinkRules
from .oracle.truth import Truth, truth_of
from .oracle.verify import verify
from .processes import wait_until
from .services import service_url
from .worker_host import MODEL_OPTIONS, WorkerHost

URL = "/api/big-commerce"
LONG_AGO = "2010-01-01"
ENDED = ("completed", "failed", "cancelled")


@dataclass
class Shop:
    """The parts, and what tests ask of them."""

    app: Flask
    host_app: HostApp
    server: SandboxServer
    broker: Any
    worker_host: WorkerHost | None
    instances: list[dict[str, Any]] = field(default_factory=list)

    @property
    def store(self) -> SandboxStore:
        return self.server.store

    @property
    def tables(self) -> Tables:
        return state_of(self.app).tables

    @property
    def host(self) -> WorkerHost:
        assert self.worker_host is not None
        return self.worker_host

    def body(self, **changes: Any) -> dict[str, Any]:
        """What a person who connects this store sends."""
        given = {
            "connection_settings__access_token": self.server.access_token,
            "integration_settings__store_hash": self.server.store_hash,
            "integration_settings__start_date": LONG_AGO,
            "integration_settings__auto_create_products": True,
        }
        return new_instance(**(given | changes))

    def post(self, **changes: Any) -> dict[str, Any]:
        """Connect the store; the new instance."""
        answer = self.app.test_client().post(f"{URL}?verify=false", json=self.body(**changes), headers=bearer(self.app))
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json["data"]
        self.instances.append(made)
        return made

    def refreshes(self) -> list[dict[str, Any]]:
        """What the API says of every refresh, products first."""
        client, headers = self.app.test_client(), bearer(self.app)
        return [
            client.get(f"{URL}/{instance['id']}/refreshes/{refresh['id']}", headers=headers).json["data"]
            for instance in self.instances
            for refresh in instance["refreshes"]
        ]

    def statuses(self) -> list[str]:
        return [refresh["status"] for refresh in self.refreshes()]

    def wait(self, within_s: float = 60) -> float:
        """Until no refresh is open, those that follow the orders among them; how many seconds that took."""
        return wait_until(
            lambda: set(self.statuses()) <= set(ENDED) and self.followers() <= set(ENDED),
            within_s,
            f"the end of {self.refreshes()}",
            every_s=0.1,
        )

    def followers(self) -> set[str]:
        """The statuses of the refreshes that have begun as others ended."""
        names = [each.name for each in self.tables.registry if each.begins is not None]
        return {status for name, status in self.rows("refreshes", "resource", "status") if name in names}

    def wait_fetched(self, count: int, resource: str = "products", within_s: float = 30) -> None:
        """Until so many records of the resource have come and are stored."""
        wait_until(
            lambda: any(
                each["resource"] == resource and each["results"]["fetched"] >= count for each in self.refreshes()
            ),
            within_s,
            f"{count} {resource} fetched",
        )

    def rows(self, name: str, *columns: str) -> list[Any]:
        """Rows of one of our tables."""
        table = getattr(self.tables, name)
        chosen = [table.c[each] for each in columns] or [table]
        with self.app.app_context():
            return list(self.host_app.db.session.execute(select(*chosen)))

    def execute(self, statement: Any) -> None:
        """Change something in the database."""
        with self.app.app_context():
            self.host_app.db.session.execute(statement)
            self.host_app.db.session.commit()

    def truth(self) -> Truth:
        """What the store holds now."""
        return truth_of(self.store)

    def assert_exact(self, *, but_for: str = "") -> None:
        """Both refreshes of each instance are completed; every row, column, payload and link is the store's.

        Refunds are compared once they are here. ``but_for`` is a pattern of differences that may be.
        """
        refreshes = self.refreshes()
        assert [refresh["status"] for refresh in refreshes] == ["completed"] * len(refreshes), refreshes
        assert {refresh["progress_percentage"] for refresh in refreshes} == {100}
        rules = LinkRules(auto_link=True, auto_create=True, host_products={})
        with self.app.app_context(), self.host_app.db.engine.connect() as connection:
            for instance in self.instances:
                report = verify(
                    connection,
                    self.truth(),
                    instance_id=instance["id"],
                    start_date=date.fromisoformat(LONG_AGO),
                    rules=rules,
                    with_refunds="completed" in self.followers(),
                )
                shown = [each for each in map(str, report.differences) if not re.fullmatch(but_for, each)]
                assert shown == [], shown[:3]
            assert sum(report.compared.values()) > len(self.store.product_ids) + len(self.store.order_ids)
        # A collection that follows these may have begun.
        known = {refresh["id"] for refresh in refreshes}
        assert [row for row in self.rows("hints") if row.refresh_id in known] == []

    def pages_asked(self) -> list[str]:
        """Each request for a page of a walk that was answered well, as path and query."""
        wanted = re.compile(r"id:min|id%3Amin|include=consignments")
        asked = [f"{seen.path}?{seen.query}" for seen in self.server.requests if seen.status == 200]
        return [each for each in asked if wanted.search(each) and "desc" not in each]

    def twice_asked(self) -> list[str]:
        """Those that were asked again."""
        pages = self.pages_asked()
        return sorted({page for page in pages if pages.count(page) > 1})

    def queued(self) -> int:
        """How many hints the broker holds, those in delay queues and those with workers too."""
        return queued(self.broker)


def queued(broker: Any) -> int:
    """All messages of our queue in a Redis or stub broker."""
    if hasattr(broker, "client"):
        names = ("bigcommerce", "bigcommerce.DQ")
        return sum(broker.client.hlen(f"{broker.namespace}:{name}.msgs") for name in names)
    return sum(broker.queues[name].qsize() for name in ("bigcommerce", "bigcommerce.DQ"))


@cache
def code_base() -> HostApp:
    """The one of all shops."""
    return HostApp(model_options=MODEL_OPTIONS)


@contextmanager
def opened(
    database_url: str,
    broker: Broker,
    *,
    store: SandboxStore | None = None,
    latency_ms: float = 0,
    settings: Mapping[str, Any] | None = None,
    host: WorkerHost | None = None,
    options: Mapping[str, Any] | None = None,
    registry: Registry = REGISTRY,
    server: SandboxServer | None = None,
) -> Iterator[Shop]:
    """A shop in this process, its tables made; ``settings`` without their prefix, in lower case.

    ``server`` is another than one of this ``store``, not started yet.
    """
    host_app = code_base()
    with server or SandboxServer(store or SandboxStore(12, 12), latency_ms=latency_ms) as server:
        given = {"tick_s": 0.5, "lease_s": 3, "api_url": server.api_url, **(settings or {})}
        prefixed = {f"BIGCOMMERCE_{name.upper()}": value for name, value in given.items()} | dict(options or {})
        app = host_app.create_app(database_url, broker=broker, settings=prefixed, registry=registry)
        host_app.create_rows(app)
        if host is not None:
            host = replace(host, settings=prefixed)
        try:
            yield Shop(app, host_app, server, broker, host)
        finally:
            host_app.dispose(app)


@contextmanager
def opened_on_servers(database: str, broker: str, directory: Path, **options: Any) -> Iterator[Shop]:
    """A shop whose workers can be processes: ``database`` and ``broker`` name the kinds."""
    places = {"redis": redis_place, "rabbitmq": rabbitmq_place}
    with (
        code_base().databases.lent(database, directory) as database_url,
        places[broker]() as (broker_url, namespace),
        opened_for_workers(WorkerHost(database_url, broker_url, namespace), **options) as shop,
    ):
        yield shop


@contextmanager
def opened_for_workers(host: WorkerHost, **options: Any) -> Iterator[Shop]:
    """A shop whose workers can be processes of this ``host``."""
    made: Any = host.broker()
    try:
        with opened(host.database_url, made, host=host, **options) as shop:
            yield shop
    finally:
        made.close()


@contextmanager
def redis_place() -> Iterator[tuple[str, str]]:
    """A Redis URL with a namespace of its own."""
    import redis

    url, namespace = service_url("TEST_REDIS_URL"), f"bigcommerce-test-{uuid.uuid4().hex[:12]}"
    try:
        yield url, namespace
    finally:
        with redis.Redis.from_url(url) as client:
            for key in client.scan_iter(f"{namespace}*", count=1000):
                client.delete(key)


@contextmanager
def rabbitmq_place() -> Iterator[tuple[str, str]]:
    """A RabbitMQ URL with a virtual host of its own; without the means to make one, the server's default, emptied."""
    url = service_url("TEST_RABBITMQ_URL").rstrip("/")
    name = f"bigcommerce-test-{uuid.uuid4().hex[:12]}"
    has_own = _rabbitmqctl(
        f'rabbit_vhost:add(<<"{name}">>, <<"tests">>), '
        f'rabbit_auth_backend_internal:set_permissions(<<"guest">>, <<"{name}">>, '
        '<<".*">>, <<".*">>, <<".*">>, <<"tests">>).'
    )
    try:
        if not has_own:
            empty_rabbitmq(url)
        yield (f"{url}/{name}" if has_own else url), ""
    finally:
        if has_own:
            _rabbitmqctl(f'rabbit_vhost:delete(<<"{name}">>, <<"tests">>).')
        else:
            empty_rabbitmq(url)


def empty_rabbitmq(url: str) -> None:
    """Delete our queues with all that is in them."""
    import pika

    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        for queue in ("bigcommerce", "bigcommerce.DQ", "bigcommerce.XQ"):
            connection.channel().queue_delete(queue)


def _rabbitmqctl(expression: str) -> bool:
    try:
        done = subprocess.run(["rabbitmqctl", "eval", expression], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and b"error" not in done.stdout
