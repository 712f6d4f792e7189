"""A store is refreshed, edited and refreshed again, and the host's journal follows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from msgspec.structs import replace
from sqlalchemy import func, select

from bigcommerce_integration.accounting.basis.due import day_of, is_due
from bigcommerce_integration.accounting.document import MONEY
from bigcommerce_integration.accounting.documents import documents
from bigcommerce_integration.app_state import state_of
from bigcommerce_integration.books.host.methods import HostMethods
from bigcommerce_integration.books.ledger import opened as opened_ledger
from bigcommerce_integration.books.making.facts import facts_of
from bigcommerce_integration.books.making.part import settings_of
from bigcommerce_integration.books.rules import Books
from bigcommerce_integration.books.stored import document_of
from bigcommerce_integration.models.instances import IntegrationInstance
from bigcommerce_integration.models.refreshes import OPEN
from bigcommerce_integration.refresh.lifecycle.arrivals import begin_new
from bigcommerce_integration.refresh.lifecycle.transitions import start
from bigcommerce_integration.refresh.run.advance import advance
from bigcommerce_integration.sandbox import SandboxServer, SandboxStore

from ..host_app import HostApp
from ..web.mirrored import connected
from .kit import Shelf, opened

LONG_AGO = "2010-01-01"


class Served(Shelf):
    """A shelf whose rows come from a served store."""

    server: SandboxServer

    @property
    def store(self) -> SandboxStore:
        return self.server.store

    def settle(self) -> None:
        """Until no refresh is open, and none is to begin; then the books are kept."""
        refreshes = self.tables.refreshes
        wanted = select(refreshes.c.id).where(refreshes.c.status.in_(OPEN)).order_by(refreshes.c.id)
        with self.app.app_context():
            engine = self.engine
            for _ in range(300):
                begin_new(engine)
                ids = engine.transaction(lambda session: list(session.scalars(wanted)))
                if not ids:
                    break
                for refresh_id in ids:
                    advance(engine, refresh_id)
            else:
                raise AssertionError(self.rows("refreshes"))
        self.keep()

    def refresh(self, mode: Any = "incremental", resource: str = "orders") -> None:
        """One of the orders, which one of the refunds follows, or of the refunds alone."""
        self.run(
            lambda session: start(session, self.tables, instance_id=self.instance_id, resource=resource, mode=mode)
        )
        self.settle()


@pytest.fixture
def served(bookkeeper: HostApp, broker: StubBroker, sqlite_url: str) -> Iterator[Served]:
    with SandboxServer(SandboxStore(15, 40)) as server:
        yield from connected_to(server, bookkeeper, broker, sqlite_url)


def connected_to(server: SandboxServer, host_app: HostApp, broker: Any, url: str) -> Iterator[Served]:
    app, host = opened(host_app, url, broker, BIGCOMMERCE_API_URL=server.api_url)
    host.accounting_start = lambda session, instance, kind: date(2010, 1, 1)
    made = connected(
        app,
        host_app,
        connection_settings__access_token=server.access_token,
        integration_settings__store_hash=server.store_hash,
        integration_settings__start_date=LONG_AGO,
    )
    shelf = Served(made.app, made.host_app, made.client, made.instance_id, host=host)
    shelf.server = server
    shelf.settle()
    yield shelf
    host_app.dispose(app)


def sums(found: Any) -> Counter[Any]:
    """What documents book, debits less credits, by order, role, line and detail; zeros are left out."""
    total: Counter[Any] = Counter()
    for document in found:
        for line in document.lines:
            key = (document.order_id, line.role, line.order_line_id, line.detail)
            total[key] += line.amount if line.side == "debit" else -line.amount
    return Counter({key: amount for key, amount in total.items() if amount})


def compare(shelf: Served) -> int:
    """The money of every order that is due is what its documents book; of how many orders."""

    def work(session: Any) -> tuple[Counter[Any], Counter[Any], int]:
        instances, table = shelf.tables.instances, shelf.tables.accounting_documents
        row = session.execute(select(instances).where(instances.c.id == shelf.instance_id)).one()
        ledger = opened_ledger(session, shelf.tables, IntegrationInstance.from_row(row))
        host = HostMethods(session, shelf.host, ledger.instance)
        settings = settings_of(ledger, Books(state_of(shelf.app).config, shelf.tables, shelf.host), host)
        ids = list(session.scalars(select(shelf.tables.orders.c.bigcommerce_id)))
        wanted: list[Any] = []
        compared = set()
        for facts in facts_of(ledger, host, ids):
            if facts.order.is_sale and not facts.order.is_gone and is_due(facts.order):
                compared.add(facts.order.id)
                own = replace(settings, today=day_of(facts.read_at, ledger.zone))
                wanted += documents(facts.order, facts.refunds, facts.returns, own, {}, ())
        stored = [document_of(each, int) for each in session.execute(select(table))]
        money = [each for each in stored if each.kind in MONEY and each.order_id in compared]
        return sums(each for each in wanted if each.kind in MONEY), sums(money), len(compared)

    wanted, stored, compared = shelf.run(work)
    assert {key: (stored[key], wanted[key]) for key in stored | wanted if stored[key] != wanted[key]} == {}
    return int(compared)


def balance(shelf: Served) -> Decimal:
    with shelf.app.app_context():
        journal = shelf.host.journal
        return shelf.host_app.db.session.scalar(select(func.sum(journal.debits - journal.credits))) or Decimal()


def test_first_refresh_posts_the_orders_that_are_due(served):
    compared = compare(served)
    invoiced = {row["bigcommerce_order_id"] for row in served.documents(kind="sales_order_invoice")}
    assert len(invoiced) == compared > 5
    assert not {row["status"] for row in served.documents()} & {"pending", "failed"}
    assert len(served.journal()) == len(served.documents(status="posted")) > 10
    assert balance(served) == 0


def test_orders_that_are_edited_bring_adjusting_documents(served):
    order_id = next(
        row["bigcommerce_order_id"]
        for row in served.documents(kind="sales_order_invoice", status="posted")
        if not served.rows("refunds", bigcommerce_order_id=row["bigcommerce_order_id"])
    )
    before = len(served.journal())
    line = served.store.order_lines(order_id)[0]
    served.store.edit_line(order_id, line["id"], quantity=line["quantity"] + 2)
    served.refresh()
    adjusting = [row for row in served.documents(bigcommerce_order_id=order_id) if row["adjusts_number"] is not None]
    assert [row["status"] for row in adjusting] == ["posted"]
    assert len(served.journal()) > before
    compare(served)


def test_refund_is_credited_and_a_cancelled_order_held(served):
    refunded, cancelled = [
        row["bigcommerce_order_id"]
        for row in served.documents(kind="sales_order_invoice", status="posted")
        if not served.rows("refunds", bigcommerce_order_id=row["bigcommerce_order_id"])
    ][:2]
    refund_id = served.store.create_refund(refunded)
    served.store.edit_order(cancelled, status_id=5)
    served.refresh()
    (credit,) = served.documents(bigcommerce_refund_id=refund_id)
    assert credit["status"] in ("posted", "held"), credit["message"]
    reversals = served.documents(bigcommerce_order_id=cancelled, status="held")
    assert {row["reasons"] for row in reversals} == {"cancelled_without_refund"}
    assert balance(served) == 0


@pytest.mark.ci
@pytest.mark.parametrize("seed", [1, 2])
def test_money_of_every_order_follows_any_edits(served, seed):
    rng = Random(seed)
    for _ in range(3):
        for _ in range(25):
            served.store.mutate(rng)
        served.refresh()
        compare(served)
        # Only now payments are seen that were declined after their refund was read.
        served.refresh("full", "refunds")
        compare(served)
    assert balance(served) == 0
    posted = served.documents(status="posted")
    assert len(served.journal()) == len(posted) == len({row["host_reference"] for row in posted})


def test_edit_that_no_document_is_about_changes_none(served):
    for order_id in served.store.order_ids:
        served.store.edit_order(order_id, staff_notes="Call the shopper.")
    before = served.documents()
    assert "waiting" in {row["status"] for row in before if row["message"]}
    served.refresh()
    assert served.documents() == before


def test_full_refresh_of_what_is_unchanged_makes_nothing(served):
    before = served.documents()
    served.refresh("full")
    assert served.documents() == before
    assert isinstance(before[0]["created_at"], datetime)
