"""The time that the documents of a store's orders take, beside that of the refresh of these orders."""

from __future__ import annotations

import time
from collections.abc import Callable
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
from .stage import database
from .table import Row

AIM = 0.25


def row(scene: Scene, *, orders: int, runs: int) -> Row:
    """CPU time of this process for both, one after the other; handing over, which is the host's time, is left out."""
    return Row(
        f"CPU time of the documents of {orders:,} orders, against their refresh",
        [_measured(scene) for _ in range(runs)],
        AIM,
    )


def _measured(scene: Scene) -> tuple[float, float]:
    host_app = host_app_with_journal()
    with database(scene.server_url, scene.directory) as url:
        app, host = opened(host_app, url, StubBroker(), BIGCOMMERCE_API_URL=scene.store.api_url)
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
                refreshed_s = _spent_s(lambda: _refresh(shelf, "orders"))
                # Those that follow them.
                _refresh(shelf, None)
                return _spent_s(lambda: _make(shelf)), refreshed_s
        finally:
            host_app.dispose(app)


def _spent_s(work: Callable[[], Any]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


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
