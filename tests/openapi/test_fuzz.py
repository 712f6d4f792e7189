"""Whatever is asked, no answer departs from the document and none is a server's error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from sqlalchemy import insert
from sqlalchemy.orm import Session

from bigcommerce_integration import SQLAlchemyHost
from bigcommerce_integration.host.port import Missing
from bigcommerce_integration.models import db_now
from bigcommerce_integration.operations.context import RequestContext
from bigcommerce_integration.operations.queries import RefreshView
from bigcommerce_integration.operations.refreshes import refresh_order
from bigcommerce_integration.sandbox import SandboxServer, SandboxStore

from ..host_app import HostApp, bearer
from ..refresh.conftest import connected
from ..serving import serving
from .fuzzing import CHAINS, Report, fuzz

URL = "/api/big-commerce"


class Generous(SQLAlchemyHost):
    """Has every id, so that made-up bodies get beyond the host's checks."""

    # As of a host that does not say which of its products there are.
    products_missing = None  # type: ignore[assignment]

    def missing(self, session: Session, **ids: Any) -> Missing:
        return Missing()


class Target:
    """A served app with a connected store whose records are mirrored."""

    def __init__(self, stack: ExitStack, host_app: HostApp, broker: StubBroker, url: str) -> None:
        store = stack.enter_context(SandboxServer(SandboxStore(12, 12)))
        host = host_app.host(Generous)
        # A worker that ticks once an hour has ticked just now: /health is 503 without one.
        settings = {"BIGCOMMERCE_API_URL": store.api_url, "BIGCOMMERCE_TICK_S": 3600}
        app = host_app.create_app(url, broker=broker, host=host, settings=settings)
        # What a host answers to a JWT that cannot be read is its own affair; this one takes no 422 for it.
        app.extensions["flask-jwt-extended"].invalid_token_loader(lambda reason: ({"msg": reason}, 401))
        host_app.create_rows(app)
        stack.callback(host_app.dispose, app)
        mirror = connected(app, host_app, host, broker, store, name="Prepared").completed()
        note = insert(mirror.engine.tables.workers).values(id="w", started_at=db_now(), last_tick_at=db_now())
        with app.app_context():
            mirror.engine.transaction(lambda session: session.execute(note))
        self.headers = bearer(app, expires_delta=False)
        self.url = f"{stack.enter_context(serving(app))}{URL}/openapi.json"

    def fuzz(self, *, examples: int, chained: int) -> Report:
        return fuzz(self.url, self.headers, examples=examples, chained=chained)


def refresh_order_soon(context: RequestContext, order_id: int, *, wait_s: float) -> RefreshView:
    """No worker is there, and the answers are many: nobody waits for ten seconds."""
    return refresh_order(context, order_id, wait_s=wait_s / 100)


@pytest.fixture
def target(host_app: HostApp, broker: StubBroker, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    monkeypatch.setattr("bigcommerce_integration.web.mirror.orders.refresh_order", refresh_order_soon)
    with ExitStack() as stack:
        yield Target(stack, host_app, broker, sqlite_url)


def assert_clean(report: Report, *, least: int, chained: int, accepted: int) -> None:
    assert not report.problems, "\n\n".join(report.problems[:20])
    assert report.cases >= least, report.phases
    assert report.phases[CHAINS] >= chained, report.phases
    # A run that is refused everywhere proves little.
    assert len({label for label, status in report.statuses if status < 300}) >= accepted, report.statuses


@pytest.mark.ci
def test_no_answer_departs_from_the_document(target: Target) -> None:
    assert_clean(target.fuzz(examples=2, chained=100), least=500, chained=100, accepted=18)


@pytest.mark.slow
def test_no_answer_of_ten_thousand_departs_from_the_document(target: Target) -> None:
    assert_clean(target.fuzz(examples=300, chained=1500), least=10_000, chained=1500, accepted=22)
