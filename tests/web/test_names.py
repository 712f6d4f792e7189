"""Names are unique, also when twenty requests want one at the same moment."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from dramatiq.brokers.stub import StubBroker
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, make_url, select
from sqlalchemy.exc import IntegrityError, OperationalError

from bigcommerce_integration.models import tables
from bigcommerce_integration.models.instances import name_key
from bigcommerce_integration.operations import transactions
from bigcommerce_integration.operations.health import Health, health_before
from bigcommerce_integration.operations.instances import connect

from ..host_app import HostApp, bearer, new_instance
from ..serving import serving

URL = "/api/big-commerce"
TAKEN = {"name": ["Another integration already has this name."]}


def test_a_name_that_reads_the_same_is_taken(any_app: Flask) -> None:
    client, headers = any_app.test_client(), bearer(any_app)
    assert client.post(URL, json=new_instance(), headers=headers).status_code == 201
    for other in ("Main shop", "MAIN SHOP", " main shop ", "Ｍａｉｎ shop", "Main\u00a0shop"):
        answer = client.post(URL, json=new_instance(name=other), headers=headers)
        assert (answer.status_code, answer.json["errors"]) == (422, TAKEN), other


def test_names_that_differ_are_free_whatever_the_collation(any_app: Flask) -> None:
    client, headers = any_app.test_client(), bearer(any_app)
    for name in ("Main shop", "Main shöp", "Main shop.", "Mainshop", "Main  shop"):
        assert client.post(URL, json=new_instance(name=name), headers=headers).status_code == 201, name


def test_name_key_folds_what_changes_its_length() -> None:
    assert name_key("Straße") == name_key("STRASSE")
    assert name_key("ﬁx") == name_key("FIX")
    assert name_key("İ") == name_key("i̇")
    assert name_key("e\u0301") == name_key("É")
    assert len(name_key("x" * 255)) == 64


def test_a_name_of_the_hosts_other_integrations_is_taken(any_app: Flask, host_app: HostApp) -> None:
    with any_app.app_context():
        host_app.db.session.add(host_app.IntegrationInstance(name="MÄIN shop "))
        host_app.db.session.commit()
    answer = any_app.test_client().post(URL, json=new_instance(name="mäin SHOP"), headers=bearer(any_app))
    assert (answer.status_code, answer.json["errors"]) == (422, TAKEN)


def test_twenty_posts_of_one_name_make_one_instance(any_app: Flask, host_app: HostApp) -> None:
    headers = bearer(any_app)
    together = threading.Barrier(20)

    def post(base: str) -> tuple[int, Any]:
        together.wait()
        answer = requests.post(f"{base}{URL}", json=new_instance(), headers=headers, timeout=60)
        return answer.status_code, answer.json().get("errors")

    with serving(any_app) as base, ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(post, [base] * 20))
    assert Counter(status for status, _ in answers) == {201: 1, 422: 19}
    assert all(errors == TAKEN for status, errors in answers if status == 422)
    ours = (tables.instances, tables.leases, tables.refreshes, tables.hints)
    assert [host_app.count(any_app, table) for table in ours] == [1, 2, 2, 2]


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_twenty_posts_where_the_host_runs_serializable(
    host_app: HostApp, broker: StubBroker, tmp_path: Path, kind: str
) -> None:
    """Where the databases end transactions with deadlocks and serialization failures, they are tried again."""
    with host_app.databases.lent(kind, tmp_path) as url:
        settings = {"SQLALCHEMY_ENGINE_OPTIONS": {"isolation_level": "SERIALIZABLE"}}
        app = host_app.create_app(url, broker=broker, settings=settings)
        host_app.create_rows(app)
        headers = bearer(app)
        names = ["Same"] * 10 + [f"Shop {number}" for number in range(10)]

        def post(name: str) -> int:
            return app.test_client().post(URL, json=new_instance(name=name), headers=headers).status_code

        with ThreadPoolExecutor(20) as pool:
            assert Counter(pool.map(post, names)) == {201: 11, 422: 9}
        assert host_app.count(app, tables.instances) == 11
        host_app.dispose(app)


@pytest.mark.ci
def test_twenty_posts_of_twenty_names_make_twenty_instances(any_app: Flask, host_app: HostApp) -> None:
    headers = bearer(any_app)
    together = threading.Barrier(20)

    def post(number: int) -> int:
        together.wait()
        return any_app.test_client().post(URL, json=new_instance(name=f"Shop {number}"), headers=headers).status_code

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(post, range(20))) == [201] * 20
    assert host_app.count(any_app, tables.refreshes) == 40


class Rival:
    """Another request that takes the name just before this one inserts it, in a transaction that has read already."""

    def __init__(self, app: Flask) -> None:
        self.app, self.headers, self.status = app, bearer(app), 0

    def health_before(self, *args: Any, **options: Any) -> Health:
        found = health_before(*args, **options)
        if not self.status:
            self.status = 1
            with ThreadPoolExecutor(1) as pool:
                self.status = pool.submit(self.post).result()
        return found

    def post(self) -> int:
        return self.app.test_client().post(URL, json=new_instance(), headers=self.headers).status_code


def test_a_taken_name_is_told_with_all_else_that_is_wrong(any_app: Flask) -> None:
    """Also where our names are known by the insert alone, which is not tried then."""
    client, headers, url = any_app.test_client(), bearer(any_app), f"{URL}?verify=false"
    assert client.post(url, json=new_instance(), headers=headers).status_code == 201
    answer = client.post(url, json=new_instance(integration_settings__store_id=999), headers=headers)
    assert (answer.status_code, answer.json["errors"].keys()) == (422, {"name", "integration_settings.store_id"})


def test_a_name_taken_between_the_check_and_the_insert_is_422(any_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    rival = Rival(any_app)
    monkeypatch.setattr(connect, "health_before", rival.health_before)
    answer = any_app.test_client().post(URL, json=new_instance(), headers=rival.headers)
    assert (rival.status, answer.status_code, answer.json["errors"]) == (201, 422, TAKEN)


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_lost_race_leaves_the_hosts_transaction_as_it_is(
    host_app: HostApp, broker: StubBroker, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the transaction reads from a snapshot older than the rival's commit, as on MariaDB."""
    with host_app.databases.lent(kind, tmp_path) as url:
        app = host_app.create_app(url, broker=broker)
        host_app.create_rows(app)
        rival = Rival(app)
        monkeypatch.setattr(connect, "health_before", rival.health_before)
        app.before_request_funcs = {None: [lambda: write_user(host_app) if not rival.status else None]}
        app.after_request_funcs = {None: [lambda response: host_app.db.session.commit() or response]}
        answer = app.test_client().post(URL, json=new_instance(), headers=rival.headers)
        assert (rival.status, answer.status_code) == (201, 422)
        assert 77 in host_app.scalars(app, select(host_app.User.id))
        host_app.dispose(app)


def write_user(host_app: HostApp) -> None:
    """What a hook of the host may leave in the session's transaction."""
    host_app.db.session.add(host_app.User(id=77, name="Bob"))
    host_app.db.session.flush()


def test_the_hosts_pending_rows_survive_a_taken_name(app: Flask, host_app: HostApp) -> None:
    """The name is known by the insert, which does not end the host's transaction."""
    headers = bearer(app)
    assert app.test_client().post(URL, json=new_instance(), headers=headers).status_code == 201
    app.before_request_funcs = {None: [lambda: write_user(host_app)]}
    app.after_request_funcs = {None: [lambda response: host_app.db.session.commit() or response]}
    assert app.test_client().post(URL, json=new_instance(), headers=headers).status_code == 422
    assert 77 in host_app.scalars(app, select(host_app.User.id))
    assert host_app.count(app, tables.instances) == 1


@pytest.mark.parametrize("broken", ["start_instance", "view_of_new"])
def test_what_fails_after_the_insert_leaves_nothing(
    app: Flask, host_app: HostApp, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """Not even for a host that commits its session whatever was answered."""

    def boom(*_: Any, **__: Any) -> None:
        raise RuntimeError("on the way")

    monkeypatch.setattr(connect, broken, boom)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.after_request_funcs = {None: [lambda response: host_app.db.session.commit() or response]}
    assert app.test_client().post(URL, json=new_instance(), headers=bearer(app)).status_code == 500
    assert host_app.count(app, tables.instances) == 0


def test_a_locked_database_is_waited_for(host_app: HostApp, broker: StubBroker, sqlite_url: str) -> None:
    impatient = {"SQLALCHEMY_ENGINE_OPTIONS": {"connect_args": {"timeout": 0}}}
    app = host_app.create_app(sqlite_url, broker=broker, settings=impatient)
    host_app.create_rows(app)
    writer = sqlite3.connect(make_url(sqlite_url).database or "", check_same_thread=False, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.5, writer.rollback)
    timer.start()
    assert app.test_client().post(URL, json=new_instance(), headers=bearer(app)).status_code == 201
    timer.join()
    writer.close()
    host_app.dispose(app)


def test_a_database_that_stays_locked_is_503_and_changes_nothing(
    app: Flask, client: FlaskClient, headers: dict[str, str], host_app: HostApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "TRY_FOR_S", 0.2)

    def locked(*args: Any, **options: Any) -> None:
        error = sqlite3.OperationalError("database is locked")
        error.sqlite_errorcode = sqlite3.SQLITE_BUSY  # type: ignore[misc]
        raise OperationalError("INSERT", {}, error)

    monkeypatch.setattr("bigcommerce_integration.operations.instances.connect.start_instance", locked)
    answer = client.post(URL, json=new_instance(), headers=headers)
    assert (answer.status_code, answer.json.keys()) == (503, {"message"})
    assert host_app.count(app, tables.instances) == 0


def test_error_of_another_constraint_is_no_422_about_the_name(
    app: Flask, host_app: HostApp, headers: dict[str, str]
) -> None:
    """Rows that somebody left behind for the next id: an error to look into, not to hide behind the name."""
    with app.app_context():
        rows = [{"instance_id": number, "resource": "orders", "epoch": 0, "change_number": 0} for number in range(1, 9)]
        host_app.db.session.execute(insert(tables.leases), rows)
        host_app.db.session.commit()
    with pytest.raises(IntegrityError):
        app.test_client().post(URL, json=new_instance(), headers=headers)
    assert host_app.count(app, tables.instances) == 0


def test_what_the_host_has_pending_fails_as_the_hosts_own(app: Flask, host_app: HostApp) -> None:
    headers = bearer(app)
    app.before_request_funcs = {None: [lambda: host_app.db.session.add(host_app.User(id=1, name="twice"))]}
    with pytest.raises(IntegrityError, match="user"):
        app.test_client().post(URL, json=new_instance(), headers=headers)
    assert host_app.count(app, tables.instances) == 0
