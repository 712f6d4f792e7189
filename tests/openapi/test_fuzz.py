"""Whatever is asked, no answer departs from the document and none is a server's error."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import date
from decimal import Decimal
from typing import Any, Literal

import pytest
from dramatiq.brokers.stub import StubBroker
from sqlalchemy import insert
from sqlalchemy.orm import Session

from bigcommerce_integration import SQLAlchemyHost
from bigcommerce_integration.books.working import keep_books
from bigcommerce_integration.host.port import Missing
from bigcommerce_integration.models import db_now
from bigcommerce_integration.operations.context import RequestContext
from bigcommerce_integration.operations.queries import RefreshView
from bigcommerce_integration.operations.refreshes import refresh_order
from bigcommerce_integration.sandbox import SandboxServer, SandboxStore

from ..host_app import HostApp, bearer
from ..refresh.conftest import connected
from ..refresh.test_refunds import begun
from ..serving import serving
from .fuzzing import CHAINS, Known, Report, fuzz

URL = "/api/big-commerce"


class Generous(SQLAlchemyHost):
    """Has every id, so that made-up bodies get beyond the host's checks; its books take two postings of three."""

    # As of a host that does not say which of its products there are.
    products_missing = None  # type: ignore[assignment]

    def missing(self, session: Session, **ids: Any) -> Missing:
        return Missing()

    def post_accounting(self, session: Session, instance: Any, posting: Any) -> str:
        if posting.number % 3 == 0:
            raise RuntimeError("The period is closed.")
        return f"J-{posting.number}"

    def accounting_start(self, session: Session, instance: Any, kind: str) -> date:
        return date(2010, 1, 1)

    def hold(self, session: Session, instance: Any, order: Mapping[str, Any]) -> str | None:
        return "It is odd." if order["bigcommerce_id"] % 2 else None

    def default_batch_period(self, kind: str) -> Literal["daily"]:
        return "daily"


class Target:
    """A served app with a connected store whose records are mirrored, and whose books are kept."""

    def __init__(self, stack: ExitStack, host_app: HostApp, broker: StubBroker, url: str) -> None:
        store = stack.enter_context(SandboxServer(SandboxStore(12, 24)))
        host = host_app.host(Generous)
        # A worker that ticks once an hour has ticked just now: /health is 503 without one.
        settings = {"BIGCOMMERCE_API_URL": store.api_url, "BIGCOMMERCE_TICK_S": 3600}
        app = host_app.create_app(url, broker=broker, host=host, settings=settings)
        # What a host answers to a JWT that cannot be read is its own affair; this one takes no 422 for it.
        app.extensions["flask-jwt-extended"].invalid_token_loader(lambda reason: ({"msg": reason}, 401))
        host_app.create_rows(app)
        stack.callback(host_app.dispose, app)
        self.mirror = begun(connected(app, host_app, host, broker, store, name="Prepared").completed())
        self.mirror.completed("refunds")
        self.keep_books()
        note = insert(self.mirror.engine.tables.workers).values(id="w", started_at=db_now(), last_tick_at=db_now())
        self.mirror.execute(note)
        self.headers = bearer(app, expires_delta=False)
        self.url = f"{stack.enter_context(serving(app))}{URL}/openapi.json"

    def fuzz(self, *, examples: int, chained: int) -> Report:
        return fuzz(self.url, self.headers, examples=examples, chained=chained, known=self.known())

    def keep_books(self) -> None:
        """As a worker does beside its tick."""
        with self.mirror.app.app_context():
            keep_books(self.mirror.engine)

    def known(self) -> Known:
        """What of the books requests can be about."""
        rows = self.mirror.rows("accounting_documents")
        batches = [{"number": row["number"]} for row in self.mirror.rows("accounting_batches")]
        return {
            "getAccountingDocument": [{"number": row["number"]} for row in rows],
            "getAccountingBatch": batches,
            "releaseAccountingDocument": [self._released(row["number"]) for row in rows if row["status"] == "held"],
            "retryAccountingDocument": [{"number": row["number"]} for row in rows if row["tries"]],
            "retryAccountingBatch": batches,
            "recordReturn": [self._returned(row["number"]) for row in rows if row["kind"] == "sales_order_fulfillment"],
        }

    def _released(self, number: int) -> Mapping[str, Any]:
        return {"number": number, "If-Match": self._document(number).headers["ETag"]}

    def _returned(self, number: int) -> Mapping[str, Any]:
        """One piece of the first line that has left."""
        document = self._document(number).json["data"]
        line = {"line_id": document["lines"][0]["bigcommerce_order_line_id"], "quantity": 1}
        return {"bigcommerce_id": document["bigcommerce_order_id"], "lines": [line]}

    def _document(self, number: int) -> Any:
        path = f"{URL}/{self.mirror.instance_id}/accounting-documents/{number}"
        return self.mirror.app.test_client().get(path, headers=self.headers)


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
    done = {label.partition("accounting-")[2] for label, status in report.statuses if status == 200}
    assert done >= {"documents/{number}/release", "documents/{number}/retry", "batches/{number}/retry"}
    assert any(label.endswith("/returns") and status == 201 for label, status in report.statuses)


def assert_books_are_kept(target: Target) -> None:
    """After whatever people have asked for, documents are made of it, and each balances."""
    assert target.mirror.instance()["status"] != "deleting"
    returns = target.mirror.rows("returns")
    target.keep_books()
    (ledger,) = target.mirror.rows("accounting", instance_id=target.mirror.instance_id)
    assert (ledger["message"], ledger["returns_read"]) == (None, max(row["id"] for row in returns))
    for row in target.mirror.rows("accounting_documents"):
        found = Counter[str]()
        for line in json.loads(row["lines"]):
            found[line["side"]] += Decimal(line["amount"] or 0)
        assert found["debit"] == found["credit"], row


@pytest.mark.ci
def test_no_answer_departs_from_the_document(target: Target) -> None:
    assert_clean(target.fuzz(examples=2, chained=100), least=500, chained=100, accepted=24)
    assert_books_are_kept(target)


@pytest.mark.slow
def test_no_answer_of_ten_thousand_departs_from_the_document(target: Target) -> None:
    assert_clean(target.fuzz(examples=300, chained=1500), least=10_000, chained=1500, accepted=28)
    assert_books_are_kept(target)
