"""How many statements the routes take that are called most, and that what they leave out is not missed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import event

from ..host_app import HostApp, bearer, new_instance

URL = "/api/big-commerce"
UNTRIED = f"{URL}?verify=false"


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
    written = [each.split()[2] for each in statements if each.startswith("INSERT")]
    assert len(written) == len(set(written)) == 5
    # The host's ids, the host's names, and what holds before: the clock, the workers, the same store twice.
    assert len([each for each in statements if each.startswith("SELECT")]) == 3
    assert len(statements) == 8, "no savepoint"


def test_what_is_not_read_back_is_as_stored(any_app: Flask, statements: list[str]) -> None:
    client, headers = any_app.test_client(), bearer(any_app)
    posted = client.post(UNTRIED, json=new_instance(), headers=headers).json["data"]
    statements.clear()
    assert client.get(f"{URL}/{posted['id']}", headers=headers).json["data"] == posted
    assert len(statements) == 3
    statements.clear()
    for begun in posted["refreshes"]:
        got = client.get(f"{URL}/{posted['id']}/refreshes/{begun['id']}", headers=headers)
        assert got.json["data"] == begun
    assert len(statements) == 2


def test_a_database_without_returning_serves_too(
    any_app: Flask, host_app: HostApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    with any_app.app_context():
        monkeypatch.setattr(host_app.db.engine.dialect, "insert_executemany_returning", False)
    client, headers = any_app.test_client(), bearer(any_app)
    posted = client.post(UNTRIED, json=new_instance(), headers=headers).json["data"]
    assert client.get(f"{URL}/{posted['id']}", headers=headers).json["data"] == posted
