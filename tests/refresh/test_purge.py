"""What a deleted instance leaves is removed bit by bit, whatever happens on the way."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from threading import Event
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import BigInteger, Date, Integer, LargeBinary, String, Table, event, func, insert, select, update
from sqlalchemy.orm import Session

from bigcommerce_integration.app_state import engine_of, state_of
from bigcommerce_integration.models import Tables, db_now, tables
from bigcommerce_integration.refresh.job.context import Engine
from bigcommerce_integration.refresh.job.lease import claim
from bigcommerce_integration.refresh.lifecycle.transitions import start
from bigcommerce_integration.refresh.removal import purge as purge_module
from bigcommerce_integration.refresh.removal.purge import purge
from bigcommerce_integration.refresh.run.advance import advance

from ..host_app import HostApp, bearer, new_instance
from ..processes import ROOT

URL = "/api/big-commerce"
STAMP = datetime(2026, 1, 2)
ROWS = 7


class Deleted:
    """Instance 1 is deleted, instance 2 is not; each has rows in every table."""

    def __init__(self, app: Flask, host_app: HostApp, rows: int = ROWS, before: Sequence[Any] = ()) -> None:
        self.app, self.host_app = app, host_app
        client, headers = app.test_client(), bearer(app)
        for name in ("Gone", "Kept"):
            assert client.post(URL, json=new_instance(name=name), headers=headers).status_code == 201
        with app.app_context():
            self.engine: Engine = engine_of(state_of(app), Event())
            for instance_id in (1, 2):
                fill(host_app.db.session(), self.engine.tables, instance_id, rows)
            host_app.db.session.commit()
        self.kept = self.counts(2)
        assert min(self.kept.values()) > 0, self.kept
        with app.app_context():
            for statement in before:
                host_app.db.session.execute(statement)
            host_app.db.session.commit()
        assert client.get(f"{URL}/1", headers=headers).status_code == 200
        assert client.delete(f"{URL}/1", headers=headers).status_code == 202

    def purge(self) -> int:
        with self.app.app_context():
            return purge(self.engine)

    def counts(self, instance_id: int) -> dict[str, int]:
        return counted(self.app, self.host_app, instance_id)

    def left(self) -> int:
        return sum(self.counts(1).values())

    def assert_gone(self) -> None:
        """All of instance 1, and nothing else."""
        assert {name: count for name, count in self.counts(1).items() if count} == {}
        assert self.counts(2) == self.kept


def counted(app: Flask, host_app: HostApp, instance_id: int) -> dict[str, int]:
    """How many rows of each table are the instance's."""
    found = {}
    with app.app_context(), host_app.db.engine.connect() as connection:
        for name, table in tables.named().items():
            # An alert goes once the host was told of its end.
            if name in ("workers", "alerts"):
                continue
            # What belongs to a refresh or an import does not name the instance.
            owner, key = (
                (tables.link_imports, "import_id") if "import_id" in table.c else (tables.refreshes, "refresh_id")
            )
            mine = select(owner.c.id).where(owner.c.instance_id == instance_id)
            if name == "instances":
                which = table.c.id == instance_id
            elif "instance_id" in table.c:
                which = table.c.instance_id == instance_id
            else:
                which = table.c[key].in_(mine)
            found[name] = connection.scalar(select(func.count()).select_from(table).where(which)) or 0
    return found


def fill(session: Session, tables: Tables, instance_id: int, rows: int) -> None:
    """Rows of every table, with the least that it takes."""
    refresh_ids = list(
        session.scalars(select(tables.refreshes.c.id).where(tables.refreshes.c.instance_id == instance_id))
    )
    for name, table in tables.named().items():
        if "instance_id" in table.c and name not in ("leases", "refreshes", "history", "alerts"):
            count = 1 if list(table.primary_key.columns) == [table.c.instance_id] else rows
            session.execute(insert(table), [row_of(table, number, instance_id) for number in range(1, count + 1)])
    missing = [
        {"refresh_id": refresh_id, "bigcommerce_id": number, "observed_at": STAMP, "is_confirmed": False}
        for refresh_id in refresh_ids
        for number in range(1, rows + 1)
    ]
    session.execute(insert(tables.missing_records), missing)
    imports = select(tables.link_imports.c.id).where(tables.link_imports.c.instance_id == instance_id).limit(2)
    of_imports = [
        {"import_id": import_id, "line": number, "verdict": "good"}
        for import_id in session.scalars(imports)
        for number in range(1, rows + 1)
    ]
    session.execute(insert(tables.link_import_rows), of_imports)


def row_of(table: Table, number: int, instance_id: int) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for column in table.columns:
        if column.name == "id" or column.nullable or column.server_default is not None:
            continue
        kind = column.type
        if isinstance(kind, String):
            row[column.name] = str(number)
        elif isinstance(kind, LargeBinary):
            row[column.name] = b"x"
        elif isinstance(kind, Date):
            row[column.name] = STAMP.date()
        elif isinstance(kind, BigInteger | Integer):
            row[column.name] = number
        else:
            row[column.name] = STAMP if column.name.endswith("_at") else False
    if "bigcommerce_id" in table.c:
        row["bigcommerce_id"] = number
    return row | {"instance_id": instance_id}


@pytest.fixture
def deleted(app: Flask, host_app: HostApp, small: None) -> Deleted:
    return Deleted(app, host_app)


@pytest.fixture
def any_deleted(any_app: Flask, host_app: HostApp, small: None) -> Deleted:
    return Deleted(any_app, host_app)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few rows a transaction that there are several, and time for them on any machine."""
    monkeypatch.setattr(purge_module, "ROWS_A_TRANSACTION", 3)
    monkeypatch.setattr(purge_module, "PURGE_S", 60)


@contextmanager
def commits(deleted: Deleted) -> Iterator[list[list[int]]]:
    """How many rows each statement of each committed transaction has deleted."""
    done: list[list[int]] = [[]]
    with deleted.app.app_context():
        engine = deleted.host_app.db.engine

    def executed(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if statement.startswith("DELETE"):
            done[-1].append(cursor.rowcount)

    def committed(connection: Any) -> None:
        done.append([])

    event.listen(engine, "after_cursor_execute", executed)
    event.listen(engine, "commit", committed)
    try:
        yield done
    finally:
        event.remove(engine, "after_cursor_execute", executed)
        event.remove(engine, "commit", committed)


def test_all_of_it_goes_in_small_transactions_and_nothing_else(any_deleted: Deleted) -> None:
    assert any_deleted.left() > 8 * ROWS
    with commits(any_deleted) as done:
        assert any_deleted.purge() == 1
    any_deleted.assert_gone()
    sizes = [sum(each) for each in done if each]
    assert len(sizes) > 20
    assert max(sizes) <= 3
    assert any_deleted.purge() == 0


@pytest.mark.ci
def test_purge_killed_after_any_transaction_goes_on_there(
    any_deleted: Deleted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Raised where a kill would strike, each time later; the leases of the dead lapse with their time."""

    class Killed(BaseException):
        pass

    real = purge_module._fenced
    left = any_deleted.left()
    for killed in range(1, 100):
        steps = 0

        def fenced(mine: Any, step: Any, session: Any, last: int = killed) -> bool:
            nonlocal steps
            done = real(mine, step, session)
            steps += 1
            if steps == last:
                raise Killed
            return done

        monkeypatch.setattr(purge_module, "_fenced", fenced)
        try:
            assert any_deleted.purge() == 1
            break
        except Killed:
            assert any_deleted.left() <= left
            left = any_deleted.left()
            assert any_deleted.counts(1)["instances"] == 1
            assert any_deleted.purge() == 0, "a lease that is alive is left to its purge"
            assert any_deleted.left() == left
            with any_deleted.app.app_context():
                any_deleted.engine.transaction(
                    lambda session: session.execute(update(tables.leases).values(expires_at=db_now(-1)))
                )
    assert killed > 5
    any_deleted.assert_gone()


@pytest.mark.ci
def test_a_tick_does_it_for_a_moment_only(any_deleted: Deleted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge_module, "PURGE_S", 0.0001)
    rounds = 0
    while any_deleted.left():
        before = any_deleted.left()
        with commits(any_deleted) as done:
            any_deleted.purge()
        assert sum(sum(each) for each in done) <= 3 * 12, "what was begun is ended, no more"
        rounds += any_deleted.left() < before
    assert rounds > 1
    any_deleted.assert_gone()


def test_purge_takes_a_slice_s_lease_and_no_other_purge_s(any_deleted: Deleted) -> None:
    with any_deleted.app.app_context():
        engine = any_deleted.engine

        def claimed(session: Session) -> Any:
            which = {"instance_id": 1, "resource": "products", "owner": "a slice", "length_s": 60}
            return claim(session, engine.tables, **which)  # type: ignore[arg-type]

        lease = engine.transaction(claimed)
        assert lease is not None
        owner = {"owner": "purge:another", "expires_at": db_now(60)}
        engine.transaction(lambda session: session.execute(update(tables.leases).values(**owner)))
        before = any_deleted.left()
        assert (any_deleted.purge(), any_deleted.left()) == (0, before)
        engine.transaction(lambda session: session.execute(update(tables.leases).values(owner="a slice")))
        assert any_deleted.purge() == 1
    any_deleted.assert_gone()


@pytest.mark.parametrize("change", ["one is missing", "all are missing", "one more"])
def test_an_instance_with_other_leases_is_deleted_and_purged(
    any_app: Flask, host_app: HostApp, small: None, change: str
) -> None:
    """It was connected by a version that knows fewer collections, or more."""
    gone = [tables.leases.delete().where(tables.leases.c.instance_id == 1)]
    if change == "one is missing":
        gone = [gone[0].where(tables.leases.c.resource == "orders")]
    elif change == "one more":
        more = {"instance_id": 1, "resource": "refunds", "epoch": 3, "change_number": 0}
        gone = [insert(tables.leases).values(**more, owner="a slice", expires_at=db_now(60))]
    deleted = Deleted(any_app, host_app, before=gone)
    assert deleted.purge() == 1
    deleted.assert_gone()


def test_new_lease_stops_the_purge_until_the_purge_holds_it(
    any_deleted: Deleted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slice could hold it: what it writes must not be committed behind the purge's back."""
    real = purge_module._fenced
    more = {"instance_id": 1, "resource": "refunds", "epoch": 0, "change_number": 0, "owner": "a slice"}

    def fenced(mine: Any, step: Any, session: Session) -> bool:
        done = real(mine, step, session)
        session.execute(insert(tables.leases).values(**more, expires_at=db_now(60)))
        monkeypatch.setattr(purge_module, "_fenced", real)
        return done

    monkeypatch.setattr(purge_module, "_fenced", fenced)
    assert any_deleted.purge() == 0
    assert any_deleted.counts(1)["instances"] == 1
    assert any_deleted.purge() == 0, "the purge that stopped has the other leases still"
    with any_deleted.app.app_context():
        owners = any_deleted.engine.transaction(
            lambda session: list(session.scalars(select(tables.leases.c.owner).where(tables.leases.c.instance_id == 1)))
        )
        assert "a slice" in owners, "all of them change hands, or none"
        any_deleted.engine.transaction(
            lambda session: session.execute(update(tables.leases).values(expires_at=db_now(-1)))
        )
    assert any_deleted.purge() == 1
    any_deleted.assert_gone()


def test_what_is_locked_is_passed_over(any_deleted: Deleted) -> None:
    """A worker frozen inside its transaction: nobody waits for it."""
    with any_deleted.app.app_context(), any_deleted.host_app.db.engine.connect() as frozen:
        if frozen.dialect.name != "sqlite":
            for table in (tables.leases, tables.instances):
                frozen.execute(select(table).with_for_update())
                began = time.monotonic()
                assert any_deleted.purge() == 0
                assert time.monotonic() - began < 10
                assert any_deleted.counts(1)["instances"] == 1
                frozen.rollback()
    with any_deleted.app.app_context():
        any_deleted.engine.transaction(
            lambda session: session.execute(update(tables.leases).values(expires_at=db_now(-1)))
        )
    assert any_deleted.purge() == 1
    any_deleted.assert_gone()


def test_hint_locked_by_a_frozen_tick_keeps_its_refresh(any_deleted: Deleted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge_module, "PURGE_S", 600.0)
    refresh_id = min(
        each["id"]
        for each in any_deleted.app.test_client()
        .get(f"{URL}/1", headers=bearer(any_deleted.app))
        .json["data"]["refreshes"]
    )
    with any_deleted.app.app_context(), any_deleted.host_app.db.engine.connect() as frozen:
        hint = {"refresh_id": refresh_id, "next_hint_at": STAMP, "times_sent": 0}
        any_deleted.engine.transaction(lambda session: session.execute(insert(tables.hints).values(hint)))
        if frozen.dialect.name != "sqlite":
            frozen.execute(select(tables.hints).where(tables.hints.c.refresh_id == refresh_id).with_for_update())
            began = time.monotonic()
            assert any_deleted.purge() == 0
            assert time.monotonic() - began < 60, "it is left to the next tick"
            assert any_deleted.counts(1)["refreshes"] == 2
            assert any_deleted.counts(1)["orders"] == 0
            frozen.rollback()
    assert any_deleted.purge() == 1
    any_deleted.assert_gone()


def test_message_for_a_deleted_instance_does_nothing(deleted: Deleted) -> None:
    refresh_ids = [row for row in deleted.host_app.scalars(deleted.app, select(tables.refreshes.c.id)) if row <= 2]
    with deleted.app.app_context():
        assert {advance(deleted.engine, each).name for each in refresh_ids} == {"NOTHING"}
        deleted.purge()
        assert {advance(deleted.engine, each).name for each in refresh_ids} == {"NOTHING"}


def test_a_refresh_that_a_late_request_has_begun_is_removed_too(
    any_deleted: Deleted, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = purge_module._finish

    def late(mine: Any, session: Session) -> bool:
        monkeypatch.setattr(purge_module, "_finish", real)
        start(session, mine.tables, instance_id=1, resource="orders", mode="incremental")
        return real(mine, session)

    monkeypatch.setattr(purge_module, "_finish", late)
    assert any_deleted.purge() == 0
    assert any_deleted.counts(1)["refreshes"] == any_deleted.counts(1)["hints"] == 1
    assert any_deleted.purge() == 1
    any_deleted.assert_gone()


PURGE_COMMAND = """
import sys, threading
from dramatiq.brokers.stub import StubBroker
from tests.host_app import HostApp
from bigcommerce_integration.app_state import engine_of, state_of
from bigcommerce_integration.refresh.removal import purge as module
module.ROWS_A_TRANSACTION = 100
app = HostApp().create_app(sys.argv[1], broker=StubBroker(), settings={"BIGCOMMERCE_LEASE_S": 3})
with app.app_context():
    engine = engine_of(state_of(app), threading.Event())
    print("ready", flush=True)
    while True:
        module.purge(engine)
"""


@pytest.mark.slow
def test_killed_for_real_again_and_again(any_app: Flask, host_app: HostApp) -> None:
    database_url = any_app.config["SQLALCHEMY_DATABASE_URI"]
    deleted = Deleted(any_app, host_app, rows=1_500)
    kills = 0
    ends_at = time.monotonic() + 900
    while deleted.left():
        assert time.monotonic() < ends_at, deleted.counts(1)
        before = deleted.left()
        process = subprocess.Popen(
            [sys.executable, "-c", PURGE_COMMAND, database_url], cwd=ROOT, env=os.environ, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"ready\n"
            while deleted.left() == before and time.monotonic() < ends_at:
                time.sleep(0.005)
            # The first ones at once, or a quick machine is done before it was killed often enough.
            time.sleep(random.uniform(0, 0.3) if kills > 2 else 0)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stdout.close()
        kills += 1
        assert deleted.counts(2) == deleted.kept
    assert kills > 2
    deleted.assert_gone()
