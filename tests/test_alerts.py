"""Who must be told is told: once when it begins and once when it ends, whatever dies or fails meanwhile."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from flask import Flask
from sqlalchemy import create_engine, insert, select, text, update

from bigcommerce_integration import Attention, create_pages
from bigcommerce_integration.app_state import engine_of, public_page, state_of
from bigcommerce_integration.models import db_now
from bigcommerce_integration.operations.alerts import decision
from bigcommerce_integration.operations.alerts.attend import attend
from bigcommerce_integration.operations.alerts.call import _HELP
from bigcommerce_integration.operations.alerts.decision import ENDS_S, HOLDS_S, LATE_S, Step, next_step, retry_after_s
from bigcommerce_integration.operations.findings.finding import FindingCode
from bigcommerce_integration.worker import actors, beside

from .host_app import HostApp
from .processes import ROOT, wait_until
from .services import fresh_database
from .test_end_to_end import working
from .web.mirrored import Mirrored, connected

DOCS = Path(__file__).parents[1] / "bigcommerce_integration" / "docs"
DIES_IN_THE_CALL = """
import os, signal, sys, threading
from dramatiq.brokers.stub import StubBroker
from bigcommerce_integration.app_state import engine_of, state_of
from bigcommerce_integration.operations.alerts.attend import attend
from tests.host_app import HostApp

host_app = HostApp()
host = host_app.host()
host.attention_needed = lambda session, finding: os.kill(os.getpid(), signal.SIGKILL)
app = host_app.create_app(sys.argv[1], broker=StubBroker(), host=host)
with app.app_context():
    state = state_of(app)
    attend(state, engine_of(state, threading.Event()))
"""
NOON = datetime(2026, 1, 31, 12)


@dataclass
class Watched:
    """Stores that are well, a worker, and what the host was told."""

    app: Flask
    host: Any
    stores: list[Mirrored]
    told: list[Attention] = field(default_factory=list)
    fails_for: set[int | None] = field(default_factory=set)

    def attention_needed(self, session: Any, finding: Attention) -> None:
        self.told.append(finding)
        if finding.instance_id in self.fails_for:
            raise ConnectionError("no mail server")

    def attend(self) -> None:
        with self.app.app_context():
            state = state_of(self.app)
            attend(state, engine_of(state, threading.Event()))

    def pass_time(self, seconds: float) -> None:
        """As if all that is noted had been noted so much earlier."""
        table = self.stores[0].tables.alerts
        with self.app.app_context():
            db = self.stores[0].host_app.db
            for row in db.session.execute(select(table)).all():
                moved = {
                    name: getattr(row, name) and getattr(row, name) - timedelta(seconds=seconds)
                    for name in ("noticed_at", "gone_at", "told_at", "next_try_at")
                }
                db.session.execute(update(table).where(table.c.id == row.id).values(moved))
            db.session.commit()

    def later(self, seconds: float) -> None:
        """Notice, let time pass, and look again."""
        self.attend()
        self.pass_time(seconds)
        self.attend()

    def break_store(self, number: int = 0) -> None:
        store = self.stores[number]
        _set(store, status="needs_attention", status_message="Act.")
        refreshes = store.tables.refreshes
        failed = {"status": "failed", "message": "Act.", "error_code": "token_rejected", "finished_at": db_now(-5)}
        common = {"instance_id": store.instance_id, "resource": "products", "mode": "full", "created_at": NOON}
        store.execute(insert(refreshes).values(**common, **failed))

    def mend_store(self, number: int = 0) -> None:
        store = self.stores[number]
        refreshes = store.tables.refreshes
        _set(store, status="active", status_message=None)
        mine = (refreshes.c.instance_id == store.instance_id, refreshes.c.status == "failed")
        store.execute(refreshes.delete().where(*mine))

    def rows(self) -> list[dict[str, Any]]:
        return self.stores[0].rows("alerts")

    def summary(self) -> list[tuple[str, bool]]:
        return [(each.code, each.is_over) for each in self.told]


def _set(store: Mirrored, **columns: Any) -> None:
    table = store.tables.instances
    store.execute(update(table).where(table.c.id == store.instance_id).values(**columns))


def _watched(host_app: HostApp, broker: StubBroker, url: str) -> Iterator[Watched]:
    host = host_app.host()
    app = host_app.create_app(
        url, broker=broker, host=host, settings={"BIGCOMMERCE_PUBLIC_URL": "https://shop.example/app"}
    )
    app.register_blueprint(create_pages(login_url="/login"))
    host_app.create_rows(app)
    stores = [connected(app, host_app, integration_settings__store_hash=f"store{each}") for each in range(2)]
    watched = Watched(app, host, stores)
    host.attention_needed = watched.attention_needed  # type: ignore[attr-defined]
    tables = stores[0].tables
    stores[0].execute(
        insert(tables.workers).values(id="w", started_at=NOON, last_tick_at=db_now()),
        update(tables.instances).values(is_automatic_sync_enabled=True, status_message=None),
        update(tables.refreshes).values(status="completed", open_key=None, finished_at=db_now(-60)),
    )
    yield watched
    host_app.dispose(app)


@pytest.fixture
def watched(host_app: HostApp, broker: StubBroker, database_kind: str, tmp_path: Path) -> Iterator[Watched]:
    with host_app.databases.lent(database_kind, tmp_path) as url:
        yield from _watched(host_app, broker, url)


@pytest.fixture
def on_sqlite(host_app: HostApp, broker: StubBroker, sqlite_url: str) -> Iterator[Watched]:
    yield from _watched(host_app, broker, sqlite_url)


def test_the_host_is_told_of_the_begin_and_of_the_end_once(watched: Watched) -> None:
    watched.break_store()
    watched.attend()
    assert watched.told == [], "it may pass"
    for _ in range(3):
        watched.later(HOLDS_S)
    (begun,) = watched.told
    store = watched.stores[0]
    assert (begun.code, begun.severity, begun.is_over) == ("token_refused", "person", False)
    assert (begun.verdict, begun.instance_id, begun.resource) == ("A person is needed.", store.instance_id, None)
    assert begun.store == store.client.get(f"/api/big-commerce/{store.instance_id}").json["data"]["name"]
    assert begun.url == f"https://shop.example/app/big-commerce/{store.instance_id}/settings"
    assert begun.last_success_at is not None
    assert begun.since > begun.last_success_at
    watched.mend_store()
    for _ in range(3):
        watched.later(ENDS_S)
    assert watched.summary() == [("token_refused", False), ("token_refused", True)]
    assert watched.told[1].id == begun.id
    assert watched.rows() == []


def test_a_store_that_is_well_leaves_no_row(watched: Watched) -> None:
    watched.later(LATE_S)
    assert (watched.told, watched.rows()) == ([], [])


def test_one_that_comes_and_goes_is_told_once(watched: Watched) -> None:
    for _ in range(4):
        watched.break_store()
        watched.later(HOLDS_S / 2)
        watched.mend_store()
        watched.later(HOLDS_S / 2)
    assert len(watched.rows()) == 1
    watched.break_store()
    watched.attend()
    assert watched.summary() == [("token_refused", False)]


def test_one_that_passes_quickly_is_told_never(watched: Watched) -> None:
    watched.break_store()
    watched.attend()
    watched.mend_store()
    watched.later(ENDS_S)
    assert (watched.told, watched.rows()) == ([], [])


def test_a_failing_host_stops_no_other_alert(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    first, second = (each.instance_id for each in watched.stores)
    watched.fails_for = {first}
    watched.break_store(0)
    watched.break_store(1)
    watched.later(HOLDS_S)
    watched.attend()
    assert [each.instance_id for each in watched.told] == [first, second], "no second try at once"
    assert "attention_needed of the host failed for token_refused" in caplog.text
    watched.pass_time(retry_after_s(0))
    watched.attend()
    watched.pass_time(retry_after_s(0))
    watched.attend()
    assert [each.instance_id for each in watched.told] == [first, second, first], "the pause has doubled"
    watched.fails_for = set()
    watched.pass_time(retry_after_s(1))
    watched.attend()
    assert [each["told_at"] is not None for each in watched.rows()] == [True, True]


def test_whoever_may_have_heard_of_it_hears_of_its_end(watched: Watched) -> None:
    watched.fails_for = {watched.stores[0].instance_id}
    watched.break_store()
    watched.later(HOLDS_S)
    watched.mend_store()
    watched.fails_for = set()
    watched.later(ENDS_S)
    watched.attend()
    assert [is_over for _, is_over in watched.summary()] == [False, False, True]


@pytest.mark.ci
def test_a_worker_that_dies_in_the_call_has_another_one_call(watched: Watched) -> None:
    watched.break_store()
    watched.attend()
    watched.pass_time(HOLDS_S)
    with watched.app.app_context():
        url = watched.stores[0].host_app.db.engine.url.render_as_string(hide_password=False)
    died = subprocess.run([sys.executable, "-c", DIES_IN_THE_CALL, url], cwd=ROOT, timeout=120, check=False)
    assert died.returncode == -signal.SIGKILL
    assert [(each["told_at"], each["tries"]) for each in watched.rows()] == [(None, 1)]
    watched.pass_time(retry_after_s(0))
    wait_until(lambda: watched.attend() or watched.told, 30, "the database lets the dead worker's lock go")
    assert watched.summary() == [("token_refused", False)]


def test_two_workers_at_once_tell_once(watched: Watched) -> None:
    watched.break_store()
    watched.attend()
    watched.pass_time(HOLDS_S)
    together = threading.Barrier(3)

    def work() -> None:
        together.wait()
        watched.attend()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert watched.summary() == [("token_refused", False)]


def test_what_the_host_writes_is_committed_with_the_note(watched: Watched) -> None:
    product = watched.stores[0].host_app.Product

    def attention_needed(session: Any, finding: Attention) -> None:
        session.add(product(sku=f"alert {finding.id}", name="In the host's own table"))
        if not watched.told:
            watched.told.append(finding)
            raise ConnectionError("the first call fails")

    watched.host.attention_needed = attention_needed
    watched.break_store()
    watched.later(HOLDS_S)
    watched.pass_time(retry_after_s(0))
    watched.attend()
    with watched.app.app_context():
        found = watched.stores[0].host_app.db.session.scalars(select(product.sku)).all()
    assert [each for each in found if each.startswith("alert")] == [f"alert {watched.told[0].id}"]


def test_a_row_that_a_frozen_worker_holds_stops_nobody(host_app: HostApp, broker: StubBroker, tmp_path: Path) -> None:
    with fresh_database("postgresql", tmp_path) as url:
        for watched in _watched(host_app, broker, url):
            watched.break_store(0)
            watched.break_store(1)
            watched.attend()
            watched.pass_time(HOLDS_S)
            alerts = watched.stores[0].tables.alerts
            held = update(alerts).where(alerts.c.instance_id == watched.stores[0].instance_id).values(tries=5)
            frozen = create_engine(url)
            with frozen.connect() as connection:
                connection.execute(held)
                watched.attend()
                connection.rollback()
            frozen.dispose()
            assert [each.instance_id for each in watched.told] == [watched.stores[1].instance_id]


def test_what_mends_itself_is_told_when_it_is_late(on_sqlite: Watched) -> None:
    store = on_sqlite.stores[0]
    refreshes = store.tables.refreshes
    opened = {"status": "processing", "open_key": f"{store.instance_id}:orders", "message": "Working.", "shortages": 1}
    common = {"instance_id": store.instance_id, "resource": "orders", "mode": "incremental", "created_at": NOON}
    store.execute(insert(refreshes).values(**common, **opened, trouble="The disk is full.", started_at=db_now()))
    on_sqlite.later(HOLDS_S)
    assert on_sqlite.told == []
    on_sqlite.later(LATE_S)
    assert [(each.code, each.verdict, each.resource) for each in on_sqlite.told] == [
        ("retrying", "Nothing is lost.", "orders")
    ]


def test_what_a_person_has_chosen_is_not_told(on_sqlite: Watched) -> None:
    for store in on_sqlite.stores:
        _set(store, is_automatic_sync_enabled=False, store_hash="same")
    on_sqlite.later(LATE_S)
    assert (on_sqlite.told, on_sqlite.rows()) == ([], [])


def test_a_host_without_the_method_has_no_rows(on_sqlite: Watched) -> None:
    del on_sqlite.host.attention_needed
    on_sqlite.break_store()
    on_sqlite.later(HOLDS_S)
    assert on_sqlite.rows() == []


def test_workers_tell_by_themselves(on_sqlite: Watched, broker: StubBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "EVERY_S", 0.2)
    monkeypatch.setattr(decision, "HOLDS_S", 0.2)
    monkeypatch.setattr(actors.random, "uniform", lambda *_: 0.05)
    on_sqlite.break_store()
    with working(broker):
        wait_until(lambda: bool(on_sqlite.told), 30, "the call")
    assert on_sqlite.summary()[0] == ("token_refused", False)


def test_a_call_that_hangs_holds_up_no_tick(
    on_sqlite: Watched, broker: StubBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_called, may_return = threading.Event(), threading.Event()

    def hang(session: Any, finding: Attention) -> None:
        session.rollback()
        is_called.set()
        may_return.wait(60)

    on_sqlite.host.attention_needed = hang
    monkeypatch.setattr(beside, "EVERY_S", 0.2)
    monkeypatch.setattr(decision, "HOLDS_S", 0.2)
    monkeypatch.setattr(actors.random, "uniform", lambda *_: 0.05)
    on_sqlite.break_store()
    tables = on_sqlite.stores[0].tables
    with working(broker):
        assert is_called.wait(30)
        on_sqlite.stores[0].execute(tables.workers.delete())
        wait_until(lambda: len(on_sqlite.stores[0].rows("workers")) == 1, 30, "a tick beside the call")
        may_return.set()


def test_a_missing_table_is_named_in_the_log(
    on_sqlite: Watched, broker: StubBroker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(beside, "EVERY_S", 0.2)
    on_sqlite.stores[0].execute(text("DROP TABLE bigcommerce_alerts"))
    with working(broker):
        wait_until(lambda: "no such table: bigcommerce_alerts" in caplog.text, 30, "the log")
    assert "flask db upgrade" in caplog.text


@dataclass(frozen=True)
class Row:
    severity: str = "person"
    noticed_s: float = 0.0
    gone_s: float | None = None
    is_told: bool = False
    tries: int = 0

    @property
    def noticed_at(self) -> datetime:
        return NOON - timedelta(seconds=self.noticed_s)

    @property
    def gone_at(self) -> datetime | None:
        return None if self.gone_s is None else NOON - timedelta(seconds=self.gone_s)

    @property
    def told_at(self) -> datetime | None:
        return NOON if self.is_told else None


@pytest.mark.parametrize(
    ("row", "step"),
    [
        (Row(noticed_s=HOLDS_S - 1), None),
        (Row(noticed_s=HOLDS_S), Step.BEGIN),
        (Row("wait", LATE_S - 1), None),
        (Row("wait", LATE_S), Step.BEGIN),
        (Row(noticed_s=HOLDS_S, gone_s=0), None),
        (Row(noticed_s=HOLDS_S, gone_s=ENDS_S), Step.FORGET),
        (Row(noticed_s=HOLDS_S, gone_s=ENDS_S, tries=1), Step.BEGIN),
        (Row(noticed_s=LATE_S, is_told=True), None),
        (Row(noticed_s=LATE_S, gone_s=ENDS_S - 1, is_told=True), None),
        (Row(noticed_s=LATE_S, gone_s=ENDS_S, is_told=True), Step.END),
        # The database's clock was a day ahead.
        (Row(noticed_s=-86400), Step.BEGIN),
    ],
)
def test_what_is_due(row: Row, step: Step | None) -> None:
    assert next_step(row, NOON) is step


def test_pauses_between_calls_grow_up_to_an_hour() -> None:
    assert [retry_after_s(tries) for tries in (0, 1, 2, 3, 9, 5000)] == [60, 120, 240, 480, 3600, 3600]


def test_each_code_leads_to_a_chapter_of_the_handbook() -> None:
    headings = re.findall(r"^#+ (.*)$", (DOCS / "operations.md").read_text(), re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}
    assert set(_HELP) <= set(FindingCode)
    assert {*_HELP.values(), "a-refresh-failed"} <= anchors


def test_pages_have_an_address_without_a_request(on_sqlite: Watched) -> None:
    page = partial(public_page, "https://shop.example")
    with on_sqlite.app.app_context():
        assert page(None, None) == "https://shop.example/big-commerce/"
        assert page(7, None) == "https://shop.example/big-commerce/7"
        assert page(7, "variants?conflict=true") == "https://shop.example/big-commerce/7/variants?conflict=true"
        assert public_page(None, 7, None) is None
    with Flask("other").app_context():
        assert page(7, None) is None, "an app without the pages"
