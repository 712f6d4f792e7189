"""A host without ``post_accounting`` keeps no books: its refreshes ask and write as if there were none."""

from __future__ import annotations

from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from sqlalchemy import select

from bigcommerce_integration import SQLAlchemyHost
from bigcommerce_integration.app_state import state_of
from bigcommerce_integration.models.refreshes import OPEN
from bigcommerce_integration.refresh.run.advance import advance
from bigcommerce_integration.sandbox import SandboxServer, SandboxStore
from bigcommerce_integration.worker import actors

from ..host_app import HostApp
from ..web.mirrored import Mirrored, connected
from .kit import JournalHost, Shelf, host_app_with_journal

OURS = ("bigcommerce_accounting", "bigcommerce_returns")


def refreshed(shelf: Mirrored) -> None:
    """The first refreshes of products and orders, slice by slice."""
    refreshes = shelf.tables.refreshes
    wanted = select(refreshes.c.id).where(refreshes.c.status.in_(OPEN)).order_by(refreshes.c.id)
    with shelf.app.app_context():
        engine = Shelf(shelf.app, shelf.host_app, shelf.client, shelf.instance_id).engine
        while ids := engine.transaction(lambda session: list(session.scalars(wanted))):
            for refresh_id in ids:
                advance(engine, refresh_id)


def counted(
    host_app: HostApp, url: str, kind: Any, statements: list[str], **options: Any
) -> tuple[list[str], list[str]]:
    """The statements of the first refreshes, and the requests."""
    with SandboxServer(SandboxStore(12, 12, store_hash="abc123", access_token="t" * 30)) as server:
        settings = {"BIGCOMMERCE_API_URL": server.api_url, "BIGCOMMERCE_CONCURRENCY": 1}
        app = host_app.create_app(url, broker=StubBroker(), host=host_app.host(kind, **options), settings=settings)
        host_app.create_rows(app)
        shelf = connected(
            app,
            host_app,
            connection_settings__access_token=server.access_token,
            integration_settings__store_hash=server.store_hash,
            integration_settings__start_date="2010-01-01",
        )
        statements.clear()
        refreshed(shelf)
        found = list(statements)
        statements.clear()
        with app.app_context():
            actors.tick_once(state_of(app))
        asked = [f"{seen.path}?{seen.query}" for seen in server.requests]
        host_app.dispose(app)
        return found, asked


@pytest.mark.ci
def test_refreshes_ask_and_write_the_same_without_books(tmp_path, host_app, statements):
    bare = counted(host_app, f"sqlite:///{tmp_path / 'bare.db'}", SQLAlchemyHost, statements)
    of_tick = list(statements)
    keeping_app = host_app_with_journal()
    keeping = counted(
        keeping_app, f"sqlite:///{tmp_path / 'keeping.db'}", JournalHost, statements, journal=keeping_app.Journal
    )
    assert bare == keeping
    assert len(bare[0]) > 50
    assert not [each for each in (*bare[0], *of_tick) if any(name in each for name in OURS)]
    assert [each for each in statements if "bigcommerce_accounting" in each]
