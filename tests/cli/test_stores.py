"""``list``, ``show``, ``check`` and ``explain``."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from flask import Flask
from sqlalchemy import update

from bigcommerce_integration.cli.output import harmless

from ..host_app import HostApp, bearer
from ..services import free_port
from ..shop import URL, Shop
from .conftest import Run, connect, run_in


def test_list_says_how_fresh_each_store_is(read: Shop, run: Run) -> None:
    heads, row = run("list").stdout.splitlines()[:2]
    assert heads.split() == ["ID", "NAME", "STORE", "STATUS", "SYNC", "PRODUCTS", "ORDERS", "REFUNDS"]
    assert row.split()[:6] == ["1", "Main", "shop", read.server.store_hash, "active", "off"]
    assert row.count(" ago") == 3


def test_list_without_a_store_says_how_to_connect_one(shop: Shop, run: Run) -> None:
    done = run("list")
    assert (done.exit_code, "flask bigcommerce connect" in done.stdout) == (0, True)
    assert json.loads(run("list", "--json").stdout) == {"data": []}


def test_json_is_what_the_api_answers(read: Shop, run: Run) -> None:
    client, headers = read.app.test_client(), bearer(read.app)

    def timeless(data: dict[str, Any]) -> dict[str, Any]:
        for each in ("products", "orders", "refunds"):
            data["health"][each].pop("age_s")
        return data

    answer = timeless(client.get(f"{URL}/1", headers=headers).json["data"])
    assert timeless(json.loads(run("show", "1", "--json").stdout)["data"]) == answer
    (listed,) = json.loads(run("list", "--json").stdout)["data"]
    assert listed.pop("tenant") == ""
    assert timeless(listed) == answer
    path, words = "/1/explain?order=999", ("explain", "1", "--order", "999", "--json")
    assert json.loads(run(*words).stdout) == client.get(f"{URL}{path}", headers=headers).json


def test_show_has_settings_and_the_newest_refreshes(read: Shop, run: Run) -> None:
    shown = run("show", "1").stdout
    assert shown.startswith("Main shop (instance 1)\n")
    assert f"store hash        {read.server.store_hash}" in shown
    assert len(re.findall(r"initial +completed +100", shown)) == 3
    assert read.server.access_token not in shown


def test_check_ends_with_1_for_a_store_that_cannot_be_read(shop: Shop, run: Run) -> None:
    connect(shop)
    for words in (("check",), ("check", "1"), ("check", "--instance", "1"), ("check", "1", "--json")):
        assert run(*words).exit_code == 0, words
    assert json.loads(run("check", "1", "--json").stdout)["data"][0]["is_ready"] is True
    assert run("check", "7").exit_code == 1
    shop.execute(update(shop.tables.instances).values(store_hash="another1"))
    assert run("check").exit_code == 1
    assert run("check", "1", "--instance", "1").exit_code == 2


def test_explain_takes_exactly_one_subject(read: Shop, run: Run) -> None:
    assert "There is no variant here with the SKU nothing." in run("explain", "1", "--sku", "nothing").stdout
    assert run("explain", "1").exit_code == 2
    assert run("explain", "1", "--sku", "a", "--order", "1").exit_code == 2
    order_id = read.store.order_ids[0]
    asked = run("explain", "1", "--order", str(order_id), "--ask-store")
    assert (asked.exit_code, asked.stdout.startswith("The order is here.")) == (0, True)


@pytest.mark.parametrize("words", [("show", "9"), ("explain", "9", "--sku", "a"), ("watch", "9"), ("cancel", "9")])
def test_what_is_not_there_is_one_line_and_1(app: Flask, words: tuple[str, ...]) -> None:
    done = run_in(app, *words)
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: There is no ")
    assert len(done.stderr.splitlines()) == 1


def test_missing_tables_and_a_database_that_is_down(host_app: HostApp, broker: StubBroker, sqlite_url: str) -> None:
    down = f"postgresql+psycopg://root@127.0.0.1:{free_port()}/none"
    for url, said in ((sqlite_url, "run `flask db migrate`"), (down, "Look whether the database server runs")):
        app = host_app.create_app(url, broker=broker)
        for words in (("list",), ("show", "1"), ("check",), ("retry", "1"), ("tick",), ("erase", "--email", "a@b.c")):
            done = run_in(app, *words)
            assert (done.exit_code, said in done.stderr) == (1, True), (words, done.output)
            assert len(done.stderr.splitlines()) == 1
        host_app.dispose(app)


def test_debug_shows_the_traceback(app: Flask) -> None:
    assert "Traceback" not in run_in(app, "show", "9").stderr
    assert "Traceback" in run_in(app, "show", "9", "--debug").stderr


def test_an_unknown_error_is_not_quoted(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ValueError("the secret t0ken")

    monkeypatch.setattr("bigcommerce_integration.cli.stores.connected", broken)
    done = run_in(app, "list")
    assert (done.exit_code, done.stderr) == (1, "Error: ValueError. --debug shows where.\n")


def test_colours_are_for_terminals_without_no_color(shop: Shop, run: Run) -> None:
    connect(shop)
    green = "\x1b[32mactive"
    assert green not in run("list").stdout
    assert green in run("list", color=True).stdout
    assert "\x1b[" not in run("list", color=True, env={"NO_COLOR": "1"}).stdout


def test_names_cannot_move_the_cursor() -> None:
    assert harmless("\x1b[2J\u202e\x00\ud800x\n") == "·[2J···x·"
