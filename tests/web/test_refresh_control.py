"""Cancel and retry: one transaction each, and no waiting for a frozen worker."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import insert, select, text, update

from bigcommerce_integration import SQLAlchemyHost, refresh_finished
from bigcommerce_integration.models import db_now, tables
from bigcommerce_integration.operations import refreshes as refresh_operations
from bigcommerce_integration.refresh.job.checkpoint import Checkpoint, load_checkpoint

from ..host_app import HostApp, bearer, new_instance

URL = "/api/big-commerce"
refreshes, hints = tables.refreshes, tables.hints


class Controlled:
    """An instance, and the newest refresh of its products, moved as the engine would."""

    def __init__(self, app: Flask, db: SQLAlchemy) -> None:
        self.app, self.db = app, db
        self.client, self.headers = app.test_client(), bearer(app)
        data = self.client.post(URL, json=new_instance(), headers=self.headers).json["data"]
        self.instance_id = data["id"]
        self.refresh_id = data["refreshes"][0]["id"]
        self.begin_path = f"{URL}/{self.instance_id}/products/refresh"
        self.path = f"{URL}/{self.instance_id}/refreshes/{self.refresh_id}"

    def post(self, verb: str) -> Any:
        return self.client.post(f"{self.path}/{verb}", headers=self.headers)

    def execute(self, statement: Any) -> None:
        with self.app.app_context():
            self.db.session.execute(statement)
            self.db.session.commit()

    def set(self, **values: Any) -> None:
        self.execute(update(refreshes).where(refreshes.c.id == self.refresh_id).values(**values))

    def end(self, status: str, **values: Any) -> None:
        self.set(status=status, open_key=None, started_at=db_now(-60), finished_at=db_now(-50), **values)
        self.execute(hints.delete().where(hints.c.refresh_id == self.refresh_id))

    def row(self) -> Any:
        with self.app.app_context():
            return self.db.session.execute(select(refreshes).where(refreshes.c.id == self.refresh_id)).one()

    def hints(self) -> list[Any]:
        with self.app.app_context():
            return list(self.db.session.execute(select(hints).where(hints.c.refresh_id == self.refresh_id)))


@pytest.fixture
def controlled(any_app: Flask, host_app: HostApp) -> Controlled:
    return Controlled(any_app, host_app.db)


@pytest.mark.parametrize("status", ["pending", "processing"])
def test_cancel_ends_an_open_refresh_and_keeps_its_work(controlled: Controlled, status: str) -> None:
    stored = Checkpoint(phase="walk").dump()
    controlled.set(status=status, checkpoint=stored, fetched=250, resume_at=db_now(60))
    answer = controlled.post("cancel")
    assert answer.status_code == 200
    data = answer.json["data"]
    assert (data["status"], data["results"]["fetched"]) == ("cancelled", 250)
    assert data["finished_at"] is not None
    row = controlled.row()
    assert (row.status, row.open_key, row.resume_at, row.checkpoint) == ("cancelled", None, None, stored)
    assert controlled.hints() == []
    # The way is free for another.
    assert controlled.client.post(controlled.begin_path, headers=controlled.headers).status_code == 202


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
def test_an_ended_refresh_cannot_be_cancelled(controlled: Controlled, status: str) -> None:
    controlled.end(status, message="As it was.")
    before = controlled.row()
    answer = controlled.post("cancel")
    assert (answer.status_code, answer.json["refresh_id"]) == (409, controlled.refresh_id)
    assert controlled.row() == before


def test_cancel_is_announced_after_the_commit(controlled: Controlled) -> None:
    told = []

    def receiver(sender: Flask, *, instance_id: int, refresh_id: int) -> None:
        told.append((instance_id, refresh_id, controlled.row().status))

    refresh_finished.connect(receiver)
    controlled.post("cancel")
    controlled.post("cancel")
    assert told == [(controlled.instance_id, controlled.refresh_id, "cancelled")]


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_retry_goes_on_where_it_stopped(controlled: Controlled, status: str, broker: StubBroker) -> None:
    checkpoint = Checkpoint(phase="walk", failures=4, begun_at=datetime(2026, 1, 1))
    controlled.end(status, checkpoint=checkpoint.dump(), attempts=9, fetched=250, message="Trouble.")
    broker.flush_all()
    answer = controlled.post("retry")
    assert answer.status_code == 202
    assert answer.headers["Location"] == controlled.path
    assert (answer.json["data"]["status"], answer.json["data"]["results"]["fetched"]) == ("pending", 250)
    row = controlled.row()
    assert (row.attempts, row.resume_at, row.finished_at) == (0, None, None)
    assert row.open_key == f"{controlled.instance_id}:products"
    stored = load_checkpoint(row.checkpoint)
    assert (stored.phase, stored.failures, stored.begun_at) == ("walk", 0, datetime(2026, 1, 1))
    # The pause is not work.
    assert 49 < row.waited_s < 60
    assert len(controlled.hints()) == 1
    assert broker.queues["bigcommerce"].qsize() == 1


def test_retry_takes_up_a_hint_that_was_left_behind(controlled: Controlled) -> None:
    controlled.end("cancelled")
    controlled.execute(insert(hints).values(refresh_id=controlled.refresh_id, next_hint_at=db_now(), times_sent=7))
    assert controlled.post("retry").status_code == 202
    assert [hint.times_sent for hint in controlled.hints()] == [0]


@pytest.mark.parametrize("status", ["completed", "pending", "processing"])
def test_what_has_not_stopped_cannot_be_retried(controlled: Controlled, status: str) -> None:
    controlled.set(status=status, **({"open_key": None} if status == "completed" else {}))
    before = controlled.row()
    answer = controlled.post("retry")
    assert (answer.status_code, answer.json["refresh_id"]) == (409, controlled.refresh_id)
    assert controlled.row() == before


def test_retry_beside_an_open_walk_names_that(controlled: Controlled) -> None:
    controlled.end("failed")
    begun = controlled.client.post(controlled.begin_path, headers=controlled.headers).json["data"]
    answer = controlled.post("retry")
    assert (answer.status_code, answer.json["refresh_id"]) == (409, begun["id"])
    assert controlled.row().status == "failed"


def test_a_refresh_of_ids_is_retried_beside_an_open_walk(controlled: Controlled) -> None:
    controlled.end("failed", mode="ids", parameters=json.dumps({"ids": [1]}))
    assert controlled.client.post(controlled.begin_path, headers=controlled.headers).status_code == 202
    assert controlled.post("retry").status_code == 202
    assert controlled.row().open_key is None


def test_what_the_instances_deletion_ended_begins_no_more(controlled: Controlled) -> None:
    """Also when the deletion came after the request's first look."""
    controlled.end("cancelled")
    controlled.execute(update(tables.instances).values(status="deleting"))
    for path in (controlled.begin_path, f"{controlled.path}/retry", f"{controlled.path}/cancel"):
        assert controlled.client.post(path, headers=controlled.headers).status_code == 404
    assert controlled.row().status == "cancelled"


def test_a_deletion_in_the_same_moment_is_seen(controlled: Controlled, monkeypatch: pytest.MonkeyPatch) -> None:
    controlled.end("cancelled")
    work = refresh_operations.start_refresh

    def deleted_meanwhile(asked: Any, *args: Any, **options: Any) -> Any:
        asked.session.execute(update(tables.instances).values(status="deleting"))
        return work(asked, *args, **options)

    monkeypatch.setattr("bigcommerce_integration.web.refreshes.views.start_refresh", deleted_meanwhile)
    assert controlled.client.post(controlled.begin_path, headers=controlled.headers).status_code == 404


def test_each_needs_the_permission_to_refresh(host_app: HostApp, broker: StubBroker, sqlite_url: str) -> None:
    asked: list[str] = []
    host: SQLAlchemyHost = host_app.host(may=lambda action, instance: asked.append(action) or action != "refresh")
    app = host_app.create_app(sqlite_url, broker=broker, host=host)
    host_app.create_rows(app)
    controlled = Controlled(app, host_app.db)
    asked.clear()
    for path in (controlled.begin_path, f"{controlled.path}/retry", f"{controlled.path}/cancel"):
        assert controlled.client.post(path, data="{", headers=controlled.headers).status_code == 403
    assert asked == ["refresh"] * 3
    assert controlled.row().status == "pending"
    host_app.dispose(app)


@contextmanager
def frozen(controlled: Controlled, statement: Any) -> Iterator[None]:
    """Another process that stays within a transaction."""
    with controlled.app.app_context(), controlled.db.engine.connect() as connection:
        connection.execute(statement)
        yield
        connection.rollback()


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_frozen_worker_makes_no_request_hang(
    host_app: HostApp, broker: StubBroker, tmp_path: Any, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refresh_operations, "LOCK_WAIT_S", 1)
    monkeypatch.setattr(refresh_operations, "QUICK_TRY_S", 1.5)
    with host_app.databases.lent(kind, tmp_path) as url:
        app = host_app.create_app(url, broker=broker)
        host_app.create_rows(app)
        controlled = Controlled(app, host_app.db)
        page = update(refreshes).where(refreshes.c.id == controlled.refresh_id).values(fetched=1)
        with frozen(controlled, page):
            began = time.monotonic()
            answer = controlled.post("cancel")
            assert (answer.status_code, answer.json.keys()) == (503, {"message"})
            assert time.monotonic() - began < 8
            # What is open is named without any waiting.
            began = time.monotonic()
            assert controlled.client.post(controlled.begin_path, headers=controlled.headers).status_code == 409
            assert time.monotonic() - began < 1
        assert controlled.post("cancel").status_code == 200
        rival = insert(refreshes).values(
            instance_id=controlled.instance_id,
            resource="products",
            mode="full",
            status="pending",
            created_at=db_now(),
            open_key=f"{controlled.instance_id}:products",
        )
        with frozen(controlled, rival):
            assert controlled.client.post(controlled.begin_path, headers=controlled.headers).status_code == 503
        assert controlled.client.post(controlled.begin_path, headers=controlled.headers).status_code == 202
        host_app.dispose(app)


@pytest.mark.parametrize(
    ("kind", "read"),
    [("postgresql", "SELECT current_setting('lock_timeout')"), ("mariadb", "SELECT @@innodb_lock_wait_timeout")],
)
def test_the_hosts_own_limit_of_waits_is_left_as_it_was(
    host_app: HostApp, broker: StubBroker, tmp_path: Any, kind: str, read: str
) -> None:
    with host_app.databases.lent(kind, tmp_path) as url:
        app = host_app.create_app(url, broker=broker)
        host_app.create_rows(app)
        controlled = Controlled(app, host_app.db)
        seen: list[Any] = []

        def look(response: Any) -> Any:
            seen.append(host_app.db.session.scalar(text(read)))
            return response

        app.before_request_funcs = {None: [lambda: look(None)]}
        app.after_request_funcs = {None: [look]}
        for verb in ("retry", "cancel", "retry"):
            controlled.post(verb)
        assert len(seen) == 6
        assert len(set(seen)) == 1
        host_app.dispose(app)
