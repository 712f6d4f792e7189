"""What the README says, done as it stands there."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bigcommerce_integration import create_blueprint

from .stranger import (
    CONNECT,
    DEMO,
    FUNCTIONS,
    HOST,
    ROOT,
    TESTS,
    VERBS,
    WATCH,
    bash,
    json_values,
    statuses,
    stranger_in,
    wait_until,
)

README = (ROOT / "README.md").read_text()


def test_it_is_short_enough_to_read() -> None:
    assert 30 <= len(README.splitlines()) <= 120


def test_its_first_screen_ends_with_a_watched_store() -> None:
    lines = README[: README.index(WATCH) + len(WATCH)].splitlines()
    assert len(lines) <= 40
    assert "--watch" in lines[-1]


@pytest.mark.parametrize(("command", "end"), [(DEMO, "demo --once"), (TESTS, "pytest")])
def test_each_command_is_one_line_that_begins_in_a_fresh_clone(command: str, end: str) -> None:
    assert command.count("\n") == 1
    assert command.startswith("python3 -m venv .venv && .venv/bin/pip install ")
    assert command.rstrip().endswith(end)


def test_it_names_the_blueprint_s_arguments() -> None:
    given = set(re.findall(r"(\w+)=", HOST.split("create_blueprint(")[1].split(")")[0]))
    assert given == set(create_blueprint.__annotations__) - {"url_prefix", "registry", "return"}


def test_the_handbook_s_lines_use_the_same_function() -> None:
    assert FUNCTIONS.startswith(CONNECT[CONNECT.index("api() {") : CONNECT.index("api /check")])


def test_the_smallest_host_app_works_as_typed_in(tmp_path: Path) -> None:
    for tool in ("bash", "curl"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    stranger = stranger_in(tmp_path)
    stranger.type_in(HOST)
    ready = stranger.set_up()
    settings = (tmp_path / "settings.sh").read_text()
    again = ready.set_up()
    assert (tmp_path / "settings.sh").read_text() == settings, "a second shell makes no other key"
    key = "FLASK_BIGCOMMERCE_ENCRYPTION_KEYS"
    assert again.environment[key] == ready.environment[key]
    with ready.processes():
        checked, made = json_values(bash(ready.connect, ready.environment, tmp_path))
        assert checked["data"]["missing_scopes"] == []
        assert made["data"]["name"] == "Main shop"
        database = tmp_path / "host.db"
        wait_until(lambda: statuses(database) == {"completed"}, "both refreshes to complete", tmp_path)
        # Each of them exits with an error where the answer is one.
        shop, _, variants, orders, explained = json_values(ready.run(VERBS))
    assert shop["data"]["health"]["orders"]["last_failure"] is None
    assert [each["host_product_id"] for each in variants["data"]] == [1]
    assert len(orders["data"]) == 5
    assert explained["data"]["reasons"]
    with closing(sqlite3.connect(database)) as connection:
        counts = [
            connection.execute(f"SELECT COUNT(*) FROM bigcommerce_{name}").fetchone()[0]
            for name in ("products", "orders")
        ]
    assert counts == [40, 60], "all of the sandbox's"
