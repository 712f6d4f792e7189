"""What the README says, done as it stands there."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from flask import Flask

from bigcommerce_integration import create_blueprint
from bigcommerce_integration.config import Config

from .host_app import HostApp, bearer, new_instance
from .services import service_url

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, flags=re.DOTALL)
HOST, WORKER, SALES, TENANTS = (code for kind, code in BLOCKS if kind == "python")
DEMO, TESTS, START, CONNECT, VERBS = (code for kind, code in BLOCKS if kind == "sh")
README_BROKER = "redis://127.0.0.1:6379/0"


def test_it_is_short_enough_to_read() -> None:
    assert 30 <= len(README.splitlines()) <= 340


@pytest.mark.parametrize(("command", "end"), [(DEMO, "demo --once"), (TESTS, "pytest")])
def test_each_command_is_one_line_that_begins_in_a_fresh_clone(command: str, end: str) -> None:
    assert command.count("\n") == 1
    assert command.startswith("python3 -m venv .venv && .venv/bin/pip install ")
    assert command.rstrip().endswith(end)


def test_it_lists_every_setting_with_its_default() -> None:
    section = README.split("## Settings")[1].split("\n## ")[0]
    told: dict[str, str] = {}
    for row in re.findall(r"^\| (`[^|]*) \| ([^|]*) \|", section, flags=re.MULTILINE):
        names = re.findall(r"`(\w+)`", row[0])
        told.update(zip(names, (value.strip().strip("`") for value in row[1].split(",")), strict=True))
    defaults = {
        item.name.upper(): "required" if item.default is MISSING else f"{item.default}" for item in fields(Config)
    }
    assert told == defaults


def test_it_lists_every_route(app: Flask) -> None:
    told = {
        (method, re.sub(r"<\w+>", "<>", path))
        for method, path in re.findall(r"^\| `([A-Z]+) (\S+)`", README, re.MULTILINE)
    }
    routes = {
        (method, re.sub(r"<[\w:]+>", "<>", rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("bigcommerce.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert told == routes


def test_it_names_the_action_that_each_route_asks_for(host_app: HostApp, broker: StubBroker, sqlite_url: str) -> None:
    told = dict(re.findall(r"^\| `([A-Z]+ \S+)` \| (?:`(\w+)`|–)", README, re.MULTILINE))
    asked: list[str] = []
    is_connected = False

    def may(action: str, instance: object) -> bool:
        asked.append(action)
        return not is_connected

    app = host_app.create_app(sqlite_url, broker=broker, host=host_app.host(may=may))
    host_app.create_rows(app)
    client, headers = app.test_client(), bearer(app)
    assert client.post("/api/big-commerce", json=new_instance(), headers=headers).status_code == 201
    is_connected = True
    for route, action in told.items():
        asked.clear()
        method, path = route.split(" ")
        answer = client.open(re.sub(r"<\w+>", "1", path), method=method, headers=headers)
        assert asked == ([action] if action else []), route
        assert answer.status_code == (403 if action and route != "GET /api/big-commerce" else 200), route
    host_app.dispose(app)


def test_it_names_the_blueprint_s_arguments() -> None:
    given = set(re.findall(r"(\w+)=", HOST.split("create_blueprint(")[1].split("bigcommerce.SQLAlchemyHost")[0]))
    assert given <= set(create_blueprint.__annotations__)


def test_the_smallest_host_app_works_as_typed_in(tmp_path: Path) -> None:
    for tool in ("bash", "curl"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    broker_url = service_url("TEST_REDIS_URL")
    (tmp_path / "host.py").write_text(HOST.replace(README_BROKER, broker_url))
    (tmp_path / "worker.py").write_text(WORKER)
    port = free_port()
    store_port = free_port()
    with ExitStack() as processes:
        # Ports that nobody else has.
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "FLASK_RUN_PORT": str(port),
        }
        lines = START.replace("8090", str(store_port)).splitlines()
        begun = [line for line in lines if line.endswith(" &")]
        assert lines[-3:] == begun
        shell = "\n".join([*lines[:-3], "export TOKEN", "env -0"])
        environment = environment_after(shell, environment, tmp_path)
        settings = (tmp_path / "settings.sh").read_text()
        again = environment_after(shell, environment, tmp_path)
        assert (tmp_path / "settings.sh").read_text() == settings, "a second shell makes no other key"
        assert again["FLASK_BIGCOMMERCE_ENCRYPTION_KEYS"] == environment["FLASK_BIGCOMMERCE_ENCRYPTION_KEYS"]
        for line in begun:
            processes.enter_context(running(line.removesuffix(" &"), environment, tmp_path))
        wait_until(lambda: answers(port) and answers(store_port), "host app and store to answer", tmp_path)
        connect = CONNECT.replace("127.0.0.1:5000", f"127.0.0.1:{port}")
        connect = connect.replace("2026-01-01", "2010-01-01")
        checked, made = json_values(bash(connect, environment, tmp_path))
        assert checked["data"]["missing_scopes"] == []
        assert made["data"]["name"] == "Main shop"
        database = tmp_path / "host.db"
        wait_until(lambda: statuses(database) == {"completed"}, "both refreshes to complete", tmp_path)
        # Each of them exits with an error where the answer is one.
        api = connect[connect.index("api()") : connect.index("api /check")]
        assert len(json_values(bash(api + VERBS, environment, tmp_path))) == VERBS.count("\n")
    with closing(sqlite3.connect(database)) as connection:
        counts = [
            connection.execute(f"SELECT COUNT(*) FROM bigcommerce_{name}").fetchone()[0]
            for name in ("products", "orders")
        ]
    assert counts == [40, 60], "all of the sandbox's"


def json_values(text: str) -> list[Any]:
    """The answers that were printed one after another."""
    values, decoder = [], json.JSONDecoder()
    while text := text.strip():
        value, end = decoder.raw_decode(text)
        values.append(value)
        text = text[end:]
    return values


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def statuses(database: Path) -> set[str]:
    with closing(sqlite3.connect(database)) as connection, suppress(sqlite3.OperationalError):
        return {row[0] for row in connection.execute("SELECT status FROM bigcommerce_refreshes")}
    return set()


def bash(script: str, environment: Mapping[str, str], directory: Path) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env=environment,
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def environment_after(script: str, environment: Mapping[str, str], directory: Path) -> dict[str, str]:
    """The environment that the lines leave behind for the commands after them."""
    return dict(each.split("=", 1) for each in bash(script, environment, directory).split("\0") if "=" in each)


@contextmanager
def running(command: str, environment: Mapping[str, str], directory: Path) -> Iterator[None]:
    with (directory / f"{shlex.split(command)[0]}.log").open("w") as log:
        process = subprocess.Popen(
            shlex.split(command), env=environment, cwd=directory, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_until(condition: Any, what: str, directory: Path, timeout_s: float = 60) -> None:
    until = time.monotonic() + timeout_s
    while not condition():
        logs = {path.name: path.read_text()[-2000:] for path in directory.glob("*.log")}
        assert time.monotonic() < until, f"waited in vain for {what}: {logs}"
        time.sleep(0.1)
