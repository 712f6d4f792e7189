"""The time that the documents of a store's orders take, beside that of the refresh of these orders."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from typing import Any

from dramatiq.brokers.stub import StubBroker
from sqlalchemy import select

from bigcommerce_integration.app_state import state_of
from bigcommerce_integration.books.keeping import keep
from bigcommerce_integration.books.ledger import create
from bigcommerce_integration.books.rules import Books
from bigcommerce_integration.models.instances import IntegrationInstance
from bigcommerce_integration.models.refreshes import OPEN
from bigcommerce_integration.refresh.lifecycle.arrivals import begin_new
from bigcommerce_integration.refresh.run.advance import advance

from ..books.kit import Shelf, host_app_with_journal, opened
from ..web.mirrored import connected
from .refreshes import Scene
from .stage import Control, database
from .table import Row

AIM = 0.25


def rows(scene: Scene, *, orders: int, runs: int, latency_ms: float) -> Iterator[Row]:
    """Both one after the other in this process: its CPU time, and the wall time when the store answers as stores do.

    Handing over, which is the host's time, is left out.
    """
    what = f"of the documents of {orders:,} orders, against their refresh"
    yield Row(f"CPU time {what}", [_measured(scene, time.process_time) for _ in range(runs)], AIM)
    Control(scene.store).set_latency(latency_ms)
    try:
        pairs = [_measured(scene, time.monotonic) for _ in range(runs)]
    finally:
        Control(scene.store).set_latency(0)
    yield Row(f"wall time {what}, at {latency_ms:g} ms of latency", pairs, AIM)


def _measured(scene: Scene, clock: Callable[[], float]) -> tuple[float, float]:
    host_app = host_app_with_journal()
    with database(scene.server_url, scene.directory) as url:
        settings = {"BIGCOMMERCE_API_URL": scene.store.api_url, "BIGCOMMERCE_CONCURRENCY": scene.concurrency}
        app, host = opened(host_app, url, StubBroker(), **settings)
        host.accounting_start = lambda session, instance, kind: date(2000, 1, 1)
        made = connected(
            app,
            host_app,
            connection_settings__access_token=scene.store.access_token,
            integration_settings__store_hash=scene.store.store_hash,
            integration_settings__start_date="2010-01-01",
        )
        shelf = Shelf(made.app, made.host_app, made.client, made.instance_id, host=host)
        try:
            with app.app_context():
                _refresh(shelf, "products")
                refreshed_s = _spent_s(clock, lambda: _refresh(shelf, "orders"))
                # Those that follow them.
                _refresh(shelf, None)
                return _spent_s(clock, lambda: _make(shelf)), refreshed_s
        finally:
            host_app.dispose(app)


def _spent_s(clock: Callable[[], float], work: Callable[[], Any]) -> float:
    began = clock()
    work()
    return clock() - began


def _refresh(shelf: Shelf, resource: str | None) -> None:
    """Until none of these is open; None is of all."""
    engine, refreshes = shelf.engine, shelf.tables.refreshes
    which = [refreshes.c.status.in_(OPEN), *([] if resource is None else [refreshes.c.resource == resource])]
    wanted = select(refreshes.c.id).where(*which)
    begin_new(engine)
    while ids := engine.transaction(lambda session: list(session.scalars(wanted))):
        for refresh_id in ids:
            advance(engine, refresh_id)


def _make(shelf: Shelf) -> None:
    engine, instances = shelf.engine, shelf.tables.instances
    found = engine.transaction(
        lambda session: session.execute(select(instances).where(instances.c.id == shelf.instance_id)).one()
    )
    instance = IntegrationInstance.from_row(found)
    engine.transaction(lambda session: create(session, shelf.tables, instance))
    books = Books(state_of(shelf.app).config, shelf.tables, shelf.host)
    while engine.transaction(partial(keep, books=books, instance_id=shelf.instance_id)):
        pass
