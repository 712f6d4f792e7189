"""A store served on loopback, connected to a host app by POST, and advanced in this process slice by slice."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any, Protocol

import pytest
from dramatiq.brokers.stub import StubBroker
from flask import Flask
from sqlalchemy import Table, select, update
from sqlalchemy.orm import Session

from bigcommerce_integration.app_state import engine_of, state_of
from bigcommerce_integration.client.api import Reply
from bigcommerce_integration.client.http import rate_limit, retry
from bigcommerce_integration.client.pages import Page
from bigcommerce_integration.client.records import Record
from bigcommerce_integration.refresh.job.context import Engine
from bigcommerce_integration.refresh.job.database import T
from bigcommerce_integration.refresh.job.parameters import Mode, Parameters
from bigcommerce_integration.refresh.job.progress import Tally
from bigcommerce_integration.refresh.lifecycle import transitions
from bigcommerce_integration.refresh.lifecycle.claim import Claimed, Outcome, claim_refresh
from bigcommerce_integration.refresh.run.advance import advance
from bigcommerce_integration.refresh.write.apply import Step, commit_step
from bigcommerce_integration.refresh.write.collection import write_page
from bigcommerce_integration.refresh.write.page import Counts, MappedPage, map_page
from bigcommerce_integration.resources.orders import ORDERS
from bigcommerce_integration.resources.products import PRODUCTS
from bigcommerce_integration.resources.registry import Registry
from bigcommerce_integration.sandbox import SandboxServer, SandboxStore
from bigcommerce_integration.sandbox.pytest_plugin import bigcommerce_sandbox, bigcommerce_sandbox_factory

from ..host_app import HostApp, bearer, new_instance
from ..services import DATABASES

__all__ = ["bigcommerce_sandbox", "bigcommerce_sandbox_factory"]

RESOURCES = ("products", "orders")
PRODUCTS_AND_ORDERS = Registry((PRODUCTS, ORDERS))
"""What most of these tests are about; a collection that follows the orders would begin beside what they count."""
PAYLOADS = Path(__file__).parents[1] / "payloads"
LONG_AGO = "2010-01-01"


def payload(resource: str, index: int = 0, /, **changes: Any) -> dict[str, Any]:
    """A record as BigCommerce sends it, with ``changes``."""
    records: list[dict[str, Any]] = json.loads((PAYLOADS / f"{resource}.json").read_text())
    return {**records[index], **changes}


def record(value: Any) -> Record:
    """``value`` as the client hands it on."""
    return Record(json.dumps(value), value, value.get("id") if isinstance(value, dict) else None)


class Hasty(Event):
    """Time that passes at once: every wait for it is short."""

    def wait(self, timeout: float | None = None) -> bool:
        return super().wait(min(timeout or 0.0, 0.001))


@dataclass
class Mirror:
    """One connected store: its server, the host app and the refreshes last started, by resource."""

    app: Flask
    host_app: HostApp
    host: Any
    server: SandboxServer
    engine: Engine
    instance_id: int
    refreshes: dict[str, int] = field(default_factory=dict)

    @property
    def store(self) -> SandboxStore:
        return self.server.store

    def advance(self, resource: str) -> Outcome:
        """One slice."""
        with self.app.app_context():
            return advance(self.engine, self.refreshes[resource])

    def run(self, *resources: str, slices: int = 200) -> Mirror:
        """Slice after slice until these refreshes (or both) have ended; waits between slices are skipped."""
        for resource in resources or RESOURCES:
            for _ in range(slices):
                outcome = self.advance(resource)
                assert outcome is not Outcome.BUSY
                if outcome is Outcome.ENDED:
                    break
                if outcome is Outcome.WAITING:
                    self.let_time_pass(resource)
            else:
                raise AssertionError(f"{resource} did not end: {self.refresh(resource)}")
        return self

    def completed(self, *resources: str) -> Mirror:
        """As ``run``; all must be completed."""
        self.run(*resources)
        for resource in resources or RESOURCES:
            found = self.refresh(resource)
            assert found["status"] == "completed", found["message"]
        return self

    def start(self, resource: str, mode: Mode = "full", **parameters: Any) -> Mirror:
        """A further refresh, to be advanced."""
        self.refreshes[resource] = self.transaction(
            lambda session: transitions.start(
                session,
                self.engine.tables,
                instance_id=self.instance_id,
                resource=resource,
                mode=mode,
                parameters=Parameters(**parameters),
            )
        )
        return self

    def again(self, *resources: str, mode: Mode = "full", **parameters: Any) -> Mirror:
        """A further refresh of each, completed."""
        for resource in resources:
            self.start(resource, mode, **parameters)
        return self.completed(*resources)

    def let_time_pass(self, resource: str) -> None:
        """The wait that a slice ended with is over."""
        refreshes = self.engine.tables.refreshes
        self.execute(update(refreshes).where(refreshes.c.id == self.refreshes[resource]).values(resume_at=None))

    def let_an_hour_pass(self) -> None:
        """What the store has said of itself is asked again."""
        leases = self.table("leases")
        for row in self.rows("leases"):
            if row["watermark"] is not None:
                this = (leases.c.instance_id == row["instance_id"], leases.c.resource == row["resource"])
                earlier = row["watermark"] - timedelta(hours=1)
                self.execute(update(leases).where(*this).values(watermark=earlier))

    def let_link_interval_pass(self) -> Mirror:
        """The next refresh of products looks at all that is unlinked."""
        leases = self.table("leases")
        self.execute(update(leases).where(leases.c.instance_id == self.instance_id).values(next_link_at=None))
        return self

    def with_settings(self, **settings: Any) -> Mirror:
        """The engine with other settings."""
        self.engine = replace(self.engine, config=replace(self.engine.config, **settings))
        return self

    def transaction(self, work: Callable[[Session], T]) -> T:
        with self.app.app_context():
            return self.engine.transaction(work)

    def execute(self, statement: Any) -> None:
        self.transaction(lambda session: session.execute(statement))

    def table(self, name: str) -> Table:
        table: Table = getattr(self.engine.tables, name)
        return table

    def rows(self, name: str, **where: Any) -> list[dict[str, Any]]:
        """Rows of one of our tables, in the order of its ids."""
        table = self.table(name)
        order = table.c.get("bigcommerce_id", next(iter(table.c)))
        statement = select(table).where(*(table.c[column] == value for column, value in where.items())).order_by(order)
        return self.transaction(lambda session: [dict(row._mapping) for row in session.execute(statement)])

    def row(self, name: str, bigcommerce_id: int) -> dict[str, Any]:
        """The one row of this id."""
        (found,) = self.rows(name, bigcommerce_id=bigcommerce_id)
        return found

    def ids(self, name: str) -> list[int]:
        return [row["bigcommerce_id"] for row in self.rows(name)]

    def refresh(self, resource: str) -> dict[str, Any]:
        """The row of the refresh last started."""
        (found,) = self.rows("refreshes", id=self.refreshes[resource])
        return found

    def instance(self) -> dict[str, Any]:
        (found,) = self.rows("instances", id=self.instance_id)
        return found

    def asked(self, pattern: str = "") -> list[str]:
        """The requests that the store saw since the log was cleared, as path and query."""
        seen = [f"{each.path}?{each.query}" for each in self.server.requests]
        return [each for each in seen if re.search(pattern, each)]

    def add_host_product(self, sku: str, name: str = "Of the host") -> Any:
        """A product of the host's own; its id."""
        with self.app.app_context():
            product = self.host_app.Product(sku=sku, name=name)
            self.host_app.db.session.add(product)
            self.host_app.db.session.commit()
            return product.id

    def host_products(self) -> dict[Any, str]:
        with self.app.app_context():
            rows = self.host_app.db.session.execute(select(self.host_app.Product.id, self.host_app.Product.sku))
            return {row.id: row.sku for row in rows}

    def assert_mirrors_the_store(self) -> None:
        """Every product and order of the store is there once, with the very text that the store sends."""
        assert [
            (row["bigcommerce_id"], row["payload"]) for row in self.rows("products")
        ] == self.store.product_records()
        assert [(row["bigcommerce_id"], row["payload"]) for row in self.rows("orders")] == self.store.order_records()
        lines = [line_id for order_id in self.store.order_ids for line_id, _ in self.store.order_line_records(order_id)]
        assert self.ids("order_lines") == sorted(lines)


NOON = datetime(2024, 1, 31, 12)


class Everything:
    """Holds whatever is asked for."""

    def __contains__(self, _: object) -> bool:
        return True


@dataclass
class Writer:
    """Writes hand-made pages of one resource as the engine does, in the transaction of a claimed refresh."""

    mirror: Mirror
    resource: str
    claimed: Claimed

    def write(self, *values: Any, at: datetime = NOON) -> dict[str, int]:
        """One page, of an answer whose request began ``at``; what it did, by the names of the refresh's results."""
        page = self.page(*values, at=at)
        results = self.claimed.results
        before = dict(results.values)
        fetched = Counts({"fetched": page.fetched})
        step = Step(
            apply=lambda tx: write_page(tx, self.claimed.job.collection, page, since=None) + fetched,
            after=self.claimed.checkpoint,
            lease=self.claimed.job.lease,
            observed_at=at,
            rejected=page.rejected,
        )
        with self.mirror.app.app_context():
            commit_step(self.claimed.job, step, results, Tally())
        return {name: results.values[name] - before[name] for name in before if results.values[name] != before[name]}

    def page(self, *values: Any, at: datetime = NOON) -> MappedPage:
        records = [value if isinstance(value, Record) else record(value) for value in values]
        reply = Reply(Page(records, is_last=True), at, None, 0.0, 0.0)
        page = map_page(reply, self.claimed.job.collection.mapper.map_record)
        # As if the store had been asked again for what these answers lack.
        return replace(page, proved=Everything(), deleted_children=Everything())


def writer(mirror: Mirror, resource: str) -> Writer:
    """The refresh of this resource claimed, for pages made by hand."""
    with mirror.app.app_context():
        claimed = claim_refresh(mirror.engine, mirror.refreshes[resource])
    assert isinstance(claimed, Claimed)
    return Writer(mirror, resource, claimed)


class Connect(Protocol):
    """Serves a store and connects it: ``settings`` are those of the app, ``body`` changes what is POSTed."""

    def __call__(
        self,
        store: SandboxStore | None = None,
        *,
        settings: dict[str, Any] | None = None,
        latency_ms: float = 0,
        registry: Registry = PRODUCTS_AND_ORDERS,
        **body: Any,
    ) -> Mirror: ...


@pytest.fixture
def connect(host_app: HostApp, broker: StubBroker, sqlite_url: str) -> Iterator[Connect]:
    """Connects a store to a host app on SQLite."""
    with ExitStack() as stack:
        yield _connect(stack, host_app, broker, sqlite_url)


@pytest.fixture
def connect_any(host_app: HostApp, broker: StubBroker, database_kind: str, tmp_path: Path) -> Iterator[Connect]:
    """The same on each database."""
    with host_app.databases.lent(database_kind, tmp_path) as url, ExitStack() as stack:
        yield _connect(stack, host_app, broker, url)


@pytest.fixture(params=[kind for kind in DATABASES if kind != "sqlite"])
def connect_server(
    host_app: HostApp, broker: StubBroker, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Connect]:
    """The same on databases that have row locks."""
    with host_app.databases.lent(request.param, tmp_path) as url, ExitStack() as stack:
        yield _connect(stack, host_app, broker, url)


def _connect(stack: ExitStack, host_app: HostApp, broker: StubBroker, url: str) -> Connect:
    def connect(
        store: SandboxStore | None = None,
        *,
        settings: dict[str, Any] | None = None,
        latency_ms: float = 0,
        registry: Registry = PRODUCTS_AND_ORDERS,
        **body: Any,
    ) -> Mirror:
        server = stack.enter_context(SandboxServer(store or SandboxStore(0, 0), latency_ms=latency_ms))
        given = {f"BIGCOMMERCE_{name.upper()}": value for name, value in (settings or {}).items()}
        host = host_app.host()
        app = host_app.create_app(
            url,
            broker=broker,
            host=host,
            settings={"BIGCOMMERCE_API_URL": server.api_url, **given},
            registry=registry,
        )
        host_app.create_rows(app)
        stack.callback(host_app.dispose, app)
        return connected(app, host_app, host, broker, server, **body)

    return connect


def connected(
    app: Flask, host_app: HostApp, host: Any, broker: StubBroker, server: SandboxServer, **body: Any
) -> Mirror:
    """The instance made by POST."""
    settings = {"integration_settings__store_hash": server.store_hash, "integration_settings__start_date": LONG_AGO}
    token = {"connection_settings__access_token": server.access_token}
    asked = new_instance(**{**settings, **token, **body})
    # Untried, so that what tests count are the requests of refreshes alone.
    answer = app.test_client().post("/api/big-commerce?verify=false", json=asked, headers=bearer(app))
    assert answer.status_code == 201, answer.json
    made = answer.json["data"]
    with app.app_context():
        engine = engine_of(state_of(app), threading.Event())
    refreshes = {each["resource"]: each["id"] for each in made["refreshes"]}
    return Mirror(app, host_app, host, server, engine, made["id"], refreshes)


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Backing off takes no time."""
    monkeypatch.setattr(retry, "_backoff_s", lambda attempt, random: 0.005)
    monkeypatch.setattr(rate_limit, "_LONGEST_BACKOFF_S", 0.02)
