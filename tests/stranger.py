"""The README and the handbook as blocks of code, and somebody who types them in.

A block says behind its language how it is run: ``python host.py`` is typed into the host app, ``sh`` into a shell
beside the running host app, ``sh clone`` into a clone of the repository.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .services import free_port, service_url

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "bigcommerce_integration" / "docs"
PAGES = (ROOT / "README.md", *sorted(DOCS.glob("*.md")))
_BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A block of code in a page; ``place`` is the word behind its language, ``section`` the heading above it."""

    page: str
    line: int
    section: str
    language: str
    place: str
    code: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(path: Path) -> Iterator[Block]:
    """Those of one page, in order."""
    text = path.read_text()
    for found in _BLOCK.finditer(text):
        before = text[: found.start()]
        headings = re.findall(r"^## (.*)$", _BLOCK.sub("", before), flags=re.MULTILINE)
        section = headings[-1] if headings else ""
        yield Block(path.name, before.count("\n") + 1, section, found[1], found[2] or "", found[3])


BLOCKS = [block for path in PAGES for block in blocks(path)]


def code_of(page: str, language: str, place: str = "") -> list[str]:
    """The code of all such blocks of a page."""
    return [each.code for each in BLOCKS if (each.page, each.language, each.place) == (page, language, place)]


(HOST,) = code_of("README.md", "python", "host.py")
DEMO, TESTS = code_of("README.md", "sh", "clone")
_SCREEN, WATCH, CONNECT, VERBS = code_of("README.md", "sh")
START = _SCREEN.partition(" > host.py\n")[2]
"""Without the lines that take the host app out of the README: tests type it in."""
FUNCTIONS = code_of("http.md", "sh")[0]
"""``api`` and ``pick``, which the handbook's lines use."""
README_BROKER = "redis://127.0.0.1:6379/0"
README_DATABASE = "sqlite:///$PWD/host.db"


def changed(code: str, old: str, new: str) -> str:
    """The code with one of its parts replaced, which must be there."""
    assert old in code, f"the README no longer has {old!r}"
    return code.replace(old, new)


@dataclass(frozen=True)
class Stranger:
    """Somebody in an empty directory with the README; ``port`` is the host app's, ``store_port`` the sandbox's."""

    directory: Path
    environment: dict[str, str]
    port: int
    store_port: int
    database_url: str = README_DATABASE

    def type_in(self, host: str) -> None:
        """The host app, on a Redis namespace of its own."""
        broker = f'url="{service_url("TEST_REDIS_URL")}", namespace="newcomer-{uuid.uuid4().hex[:8]}"'
        (self.directory / "host.py").write_text(changed(host, f'url="{README_BROKER}"', broker))

    @property
    def start(self) -> list[str]:
        """The README's lines that set up everything and, the last three, start it."""
        lines = changed(START, README_DATABASE, self.database_url)
        return changed(lines, "8090", str(self.store_port)).splitlines()

    @property
    def connect(self) -> str:
        """The README's lines that connect the store."""
        return changed(CONNECT, "127.0.0.1:5000", f"127.0.0.1:{self.port}")

    def api(self, words: str) -> str:
        """What ``api`` of the README prints."""
        return self.run(f"api {words}")

    def run(self, script: str) -> str:
        """What the lines print in a second shell, which has read the settings and knows the handbook's functions."""
        functions = changed(FUNCTIONS, "127.0.0.1:5000", f"127.0.0.1:{self.port}")
        return bash(f". ./settings.sh\n{functions}{script}", self.environment, self.directory)

    def set_up(self) -> Stranger:
        """The lines before the processes: settings, tables and rows, the JWT, the worker's module."""
        shell = "\n".join([*self.start[:-3], "export TOKEN", "env -0"])
        return replace(self, environment=environment_after(shell, self.environment, self.directory))

    @contextmanager
    def processes(self, *, has_worker: bool = True) -> Iterator[None]:
        """The sandbox, the app and, if wanted, the worker."""
        with ExitStack() as stack:
            for line in self.start[-3:]:
                if has_worker or not line.startswith("dramatiq "):
                    command = line.removesuffix(" &").partition(" > ")[0]
                    stack.enter_context(running(command, self.environment, self.directory))
            ports = (self.port, self.store_port)
            wait_until(lambda: all(map(answers, ports)), "the host app and the store to answer", self.directory)
            yield

    def wait(self) -> None:
        """Until no refresh in the README's own database is open."""
        ended = {"completed", "failed", "cancelled"}
        database = self.directory / "host.db"
        wait_until(lambda: bool(statuses(database)) and statuses(database) <= ended, "the refreshes", self.directory)


def stranger_in(directory: Path) -> Stranger:
    """One with free ports."""
    port = free_port()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "FLASK_RUN_PORT": str(port)}
    return Stranger(directory, environment, port, free_port())


def json_values(text: str) -> list[Any]:
    """The answers that were printed one after another."""
    values, decoder = [], json.JSONDecoder()
    while text := text.strip():
        value, end = decoder.raw_decode(text)
        values.append(value)
        text = text[end:]
    return values


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def statuses(database: Path) -> set[str]:
    """Those of the refreshes in an SQLite file."""
    with closing(sqlite3.connect(database)) as connection, suppress(sqlite3.OperationalError):
        return {row[0] for row in connection.execute("SELECT status FROM bigcommerce_refreshes")}
    return set()


def bash(script: str, environment: Mapping[str, str], directory: Path) -> str:
    """What the lines print; each of them must succeed."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env=environment,
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def environment_after(script: str, environment: Mapping[str, str], directory: Path) -> dict[str, str]:
    """The environment that the lines leave behind for the commands after them."""
    return dict(each.split("=", 1) for each in bash(script, environment, directory).split("\0") if "=" in each)


@contextmanager
def running(command: str, environment: Mapping[str, str], directory: Path) -> Iterator[None]:
    """The command in the background, ended afterwards."""
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


def wait_until(condition: Callable[[], bool], what: str, directory: Path, timeout_s: float = 60) -> None:
    """Wait for it; what the processes have logged is in the message if it does not come."""
    until = time.monotonic() + timeout_s
    while not condition():
        logs = {path.name: path.read_text()[-2000:] for path in directory.glob("*.log")}
        assert time.monotonic() < until, f"waited in vain for {what}: {logs}"
        time.sleep(0.1)
