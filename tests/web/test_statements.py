"""How many statements the routes take that are called most, and that what they leave out is not missed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, event, insert, select

from bigcommerce_integration.app_state import state_of

from ..host_app import HostApp, bearer, new_instance

URL = "/api/big-commerce"
UNTRIED = f"{URL}?verify=false"
LONGEST_PARSED = 4096
"""psycopg keeps the parsed form of no statement that is longer."""


@pytest.fixture
def statements(any_app: Flask, host_app: HostApp) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(*args: object) -> None:
        seen.append(str(args[2]))

    with any_app.app_context():
        engine = host_app.db.engine
    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def test_a_new_store_writes_each_table_once(any_app: Flask, statements: list[str]) -> None:
    client, headers = any_app.test_client(), bearer(any_app)
    client.post(UNTRIED, json=new_instance(), headers=headers)
    written = [table for each in statements for table in re.findall(r"INSERT INTO (\S+)", each)]
    assert len(written) == len(set(written)) == 5
    # PostgreSQL writes what belongs to a row along with it, and there is no savepoint.
    writing = [each for each in statements if "INSERT" in each]
    assert len(writing) == (2 if any_app.config["SQLALCHEMY_DATABASE_URI"].startswith("postgresql") else 5)
    # The host's ids, the host's names, and what holds before: the clock, the workers, the same store twice.
    assert len(statements) == len(writing) + 3
    assert max(map(len, statements)) <= LONGEST_PARSED


def test_what_is_not_read_back_is_as_stored(any_app: Flask, statements: list[str]) -> None:
    client, headers = any_app.test_client(), bearer(any_app)
    posted = client.post(UNTRIED, json=new_instance(), headers=headers).json["data"]
    statements.clear()
    assert client.get(f"{URL}/{posted['id']}", headers=headers).json["data"] == posted
    assert len(statements) == 2
    statements.clear()
    for begun in posted["refreshes"]:
        got = client.get(f"{URL}/{posted['id']}/refreshes/{begun['id']}", headers=headers)
        assert got.json["data"] == begun
    assert len(statements) == 2


def connected(app: Flask) -> str:
    """The path of a new store."""
    posted = app.test_client().post(UNTRIED, json=new_instance(), headers=bearer(app))
    return f"{URL}/{posted.json['data']['id']}"


def test_a_store_takes_two_statements(any_app: Flask, statements: list[str]) -> None:
    path, client, headers = connected(any_app), any_app.test_client(), bearer(any_app)
    statements.clear()
    assert client.get(path, headers=headers).status_code == 200
    with_leases, refreshes = statements
    assert "bigcommerce_leases" in with_leases
    assert "bigcommerce_instances" not in refreshes


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_psycopg_keeps_the_parsed_form_of_what_is_polled(any_app: Flask, statements: list[str]) -> None:
    path, client, headers = connected(any_app), any_app.test_client(), bearer(any_app)
    refresh = client.get(path, headers=headers).json["data"]["refreshes"][0]["id"]
    statements.clear()
    for polled in (path, f"{path}/refreshes/{refresh}"):
        client.get(polled, headers=headers)
    assert max(map(len, statements)) <= LONGEST_PARSED


def test_a_store_that_is_not_there_takes_one_statement(any_app: Flask, statements: list[str]) -> None:
    path, client, headers = connected(any_app), any_app.test_client(), bearer(any_app)
    statements.clear()
    answer = client.get(f"{path}0", headers=headers)
    assert (answer.status_code, answer.json["message"]) == (404, "There is no such BigCommerce integration instance.")
    assert len(statements) == 1


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_a_store_is_found_by_its_id_without_statistics(any_app: Flask, host_app: HostApp) -> None:
    """Many stores of one tenant in tables that PostgreSQL has not analyzed yet."""
    path, client, headers = connected(any_app), any_app.test_client(), bearer(any_app)
    refresh = client.get(path, headers=headers).json["data"]["refreshes"][0]["id"]
    asked: list[tuple[str, Any]] = []
    with any_app.app_context():
        table, engine = state_of(any_app).tables.instances, host_app.db.engine
        with engine.begin() as connection:
            row = dict(connection.execute(select(*(each for each in table.c if each.name != "id"))).mappings().one())
            connection.execute(insert(table), [row | {"name_key": f"key {number}"} for number in range(500)])
        event.listen(engine, "before_cursor_execute", lambda *each: asked.append((each[2], each[3])))
        for polled in (path, f"{path}/refreshes/{refresh}", f"{path}/history"):
            assert client.get(polled, headers=headers).status_code == 200
        of_instances = [each for each in asked if "bigcommerce_instances" in each[0]]
        assert len(of_instances) >= 3
        with engine.connect() as connection:
            for statement, parameters in of_instances:
                plan = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars()
                assert not [each for each in plan if table.name in each and "uq_" in each], statement


def test_a_store_without_leases_is_answered(any_app: Flask, host_app: HostApp) -> None:
    """As one is whose rows are being removed."""
    path, client, headers = connected(any_app), any_app.test_client(), bearer(any_app)
    before = client.get(path, headers=headers).json["data"]
    tables = state_of(any_app).tables
    with any_app.app_context():
        for table in (tables.leases, tables.refreshes):
            host_app.db.session.execute(delete(table))
        host_app.db.session.commit()
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200
    after = answer.json["data"]
    assert after["refreshes"] == []
    assert after["health"].keys() == before["health"].keys()
    assert after["health"]["products"]["open_refresh"] is None
    changed = ("refreshes", "health")
    assert [after[name] for name in after if name not in changed] == [
        before[name] for name in before if name not in changed
    ]


def test_a_database_without_returning_serves_too(
    any_app: Flask, host_app: HostApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    with any_app.app_context():
        monkeypatch.setattr(host_app.db.engine.dialect, "insert_executemany_returning", False)
    client, headers = any_app.test_client(), bearer(any_app)
    posted = client.post(UNTRIED, json=new_instance(), headers=headers).json["data"]
    assert client.get(f"{URL}/{posted['id']}", headers=headers).json["data"] == posted
