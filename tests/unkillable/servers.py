"""Servers of a test's own, to be stopped, started and frozen at will; each ended by its pid."""

from __future__ import annotations

import getpass
import glob
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..processes import wait_until
from ..services import free_port, program

STARTS_IN_S = 30.0


@dataclass
class OwnServer:
    """One server process on a port of its own."""

    command: Sequence[str]
    ask: Callable[[], object]
    """Raises for as long as the server does not answer."""
    options: dict[str, Any] = field(default_factory=dict)
    stops_by: signal.Signals = signal.SIGTERM
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it answers."""
        assert self.process is None
        silent = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(self.command, **silent, **self.options)
        wait_until(self._answers, STARTS_IN_S, f"the start of {self.command[0]}")

    def stop(self) -> None:
        """All that it held in memory is gone; connections are cut."""
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        process.send_signal(self.stops_by)
        try:
            process.wait(STARTS_IN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def restart(self) -> None:
        """Stop and start."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """It still accepts connections, as the kernel does that for it, and never answers."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        """It answers all that was asked meanwhile."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"{self.command[0]} has ended"
        with suppress(Exception):
            self.ask()
            return True
        return False


@contextmanager
def own_redis(directory: Path) -> Iterator[tuple[OwnServer, str]]:
    """A Redis that keeps nothing over a restart, started; and its URL."""
    import redis

    port = free_port()
    url = f"redis://127.0.0.1:{port}/0"

    def ask() -> None:
        with redis.Redis.from_url(url, socket_timeout=1) as client:
            client.ping()

    command = [program("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory)]
    server = OwnServer([*command, "--save", "", "--appendonly", "no"], ask)
    server.start()
    try:
        yield server, url
    finally:
        server.stop()


@contextmanager
def own_postgresql() -> Iterator[tuple[OwnServer, str]]:
    """A PostgreSQL cluster that stops as if the machine had, started; and the URL of its database."""
    import psycopg

    places = glob.glob("/usr/lib/postgresql/*/bin")
    initdb, postgres = program("initdb", *places), program("postgres", *places)
    # Not below pytest's own directory: that is closed to the other user.
    home = Path(tempfile.mkdtemp(prefix="bigcommerce-postgresql-"))
    # PostgreSQL refuses to run as root.
    as_other: dict[str, Any] = {"user": "postgres", "cwd": home} if os.geteuid() == 0 else {"cwd": home}
    try:
        if "user" in as_other:
            shutil.chown(home, as_other["user"])
        user = getpass.getuser()
        make = [initdb, "-D", str(home / "data"), "-U", user, "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C"]
        subprocess.run(make, check=True, capture_output=True, timeout=60, **as_other)
        port = free_port()
        command = [postgres, "-D", str(home / "data"), "-p", str(port)]
        for setting in ("listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "shared_buffers=16MB"):
            command += ["-c", setting]
        place = f"{user}@127.0.0.1:{port}/postgres"

        def ask() -> None:
            psycopg.connect(f"postgresql://{place}", connect_timeout=2).close()

        server = OwnServer(command, ask, as_other, stops_by=signal.SIGQUIT)
        server.start()
        try:
            yield server, f"postgresql+psycopg://{place}"
        finally:
            server.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)
