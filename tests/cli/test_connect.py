"""``flask bigcommerce connect``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click
import pytest

from bigcommerce_integration.app_state import state_of
from bigcommerce_integration.cli import command
from bigcommerce_integration.cli.connect import _OPTIONS, connect_command
from bigcommerce_integration.models.instances import PATHS

from ..host_app import bearer
from ..shop import URL, Shop
from .conftest import Run, connect, connect_words, run_in


def stored(shop: Shop) -> list[Any]:
    return shop.rows("instances", "name", "store_hash", "auto_link_products", "auto_create_products", "created_by")


def test_options_connect_a_store_and_refreshes_begin(shop: Shop, run: Run) -> None:
    done = run(*connect_words(shop), input=f"{shop.server.access_token}\n")
    assert done.exit_code == 0, done.output
    assert "Connected Main shop as instance 1. Refreshes 1 (products) and 2 (orders) begin." in done.stdout
    ((name, store_hash, link, create, created_by),) = stored(shop)
    assert (name, store_hash, link, create) == ("Main shop", shop.server.store_hash, True, True)
    assert created_by.startswith("cli:")
    assert [row.status for row in shop.rows("refreshes", "status")] == ["pending", "pending"]


def test_the_history_names_the_system_user(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ada")
    connect(shop)
    answer = shop.app.test_client().get(f"{URL}/1/history", headers=bearer(shop.app))
    assert [(each["action"], each["done_by"]) for each in answer.json["data"]] == [("create", "cli:ada")]
    assert {row.requested_by for row in shop.rows("refreshes", "requested_by")} == {"cli:ada"}


def test_the_token_is_encrypted_and_never_printed(shop: Shop, run: Run) -> None:
    done = run(*connect_words(shop), "--json", input=f"{shop.server.access_token}\n")
    assert shop.server.access_token not in done.output
    (ciphertext,) = (row.access_token for row in shop.rows("instances", "access_token"))
    assert state_of(shop.app).cipher.decrypt(ciphertext).reveal() == shop.server.access_token


def test_what_is_not_given_is_asked_for(shop: Shop, run: Run) -> None:
    token = shop.server.access_token
    answers = ["Main shop", "not a hash", shop.server.store_hash, "2010-01-01", "7", "y", "n", "n", token]
    done = run("connect", input="\n".join([*answers, ""]))
    assert done.exit_code == 0, done.output
    assert "Must be 1 to 32 of the letters" in done.stderr, "asked again"
    assert "7  Main" in done.stderr, "the host's stores"
    assert token not in done.output
    assert stored(shop)[0][:4] == ("Main shop", shop.server.store_hash, True, False)


def test_without_input_all_that_is_missing_is_named(run: Run, shop: Shop) -> None:
    done = run("connect", "--no-input", "--name", "Main shop")
    assert done.exit_code == 2
    assert done.stderr == (
        "Error: Give --store-hash, --start-date, --store-id, --link, --create, --sync, --token-file.\n"
    )
    assert stored(shop) == []


def test_bad_values_are_named_by_their_options(shop: Shop, run: Run) -> None:
    words = connect_words(shop, **{"store-hash": "a/b", "start-date": "2026-02-31", "store-id": "99"})
    done = run(*words, input=f"{shop.server.access_token}\n")
    assert done.exit_code == 2
    assert "--store-hash: Must be 1 to 32" in done.stderr
    assert "--start-date: Must be a real date" in done.stderr
    assert "--store-id: There is no store with this id." in done.stderr, "in the same answer"
    assert len(done.stderr.splitlines()) == 1


def test_a_refused_token_stores_nothing_unless_unverified(shop: Shop, run: Run) -> None:
    done = run(*connect_words(shop), input="wrong-token-0000\n")
    assert done.exit_code == 2
    assert "--token-file: " in done.stderr
    assert "--no-verify" in done.stderr
    assert "verify=false" not in done.stderr
    assert "wrong-token-0000" not in done.output
    assert stored(shop) == []
    assert run(*connect_words(shop), "--no-verify", input="wrong-token-0000\n").exit_code == 0
    assert len(stored(shop)) == 1


def test_check_only_reports_and_stores_nothing(shop: Shop, run: Run) -> None:
    done = run(*connect_words(shop), "--check-only", input=f"{shop.server.access_token}\n")
    assert done.exit_code == 0
    assert "is_ready: true" in done.stdout
    assert run(*connect_words(shop), "--check-only", input="wrong-token-0000\n").exit_code == 1
    assert stored(shop) == []


def test_the_token_comes_from_a_file(shop: Shop, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{shop.server.access_token}\n")
    done = run(*connect_words(shop)[:-1], str(file))
    assert done.exit_code == 0, done.output
    assert run(*connect_words(shop)[:-1], str(tmp_path / "missing")).exit_code == 2


def test_no_option_takes_the_token_itself() -> None:
    names = {name for each in connect_command.params for name in each.opts if "token" in name}
    assert names == {"--token-file"}


def test_may_is_not_asked_for_whoever_has_the_shell(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_of(shop.app).host, "_may", lambda action, instance: False)
    connect(shop)
    assert run_in(shop.app, "show", "1").exit_code == 0


def test_a_taken_name_is_refused(shop: Shop, run: Run) -> None:
    connect(shop)
    done = run(*connect_words(shop), input=f"{shop.server.access_token}\n")
    assert (done.exit_code, "--name: Another integration already has this name." in done.stderr) == (2, True)


def test_a_nameless_system_user_is_known_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr(command.getpass, "getuser", nameless)
    assert command.system_user() == f"cli:{os.getuid()}"


def test_every_instance_option_is_a_field_of_the_api() -> None:
    assert set(_OPTIONS) <= set(PATHS)
    given = {name for each in connect_command.params for name in each.opts if isinstance(each, click.Option)}
    assert set(_OPTIONS.values()) <= given
