"""The processes beside the demo's own: the sandbox store and, with a real broker, the workers."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import CannotStart, WentWrong
from ..host.settings import HostSettings

_SANDBOX_STARTS_IN_S = 300
_WORKERS_START_IN_S = 30
_STOPS_IN_S = 20
_WORKER_THREADS = 2


@dataclass(frozen=True)
class Sandbox:
    """Where the stand-in store answers, and its secrets."""

    api_url: str
    store_hash: str
    access_token: str = field(repr=False)
    control_token: str = field(repr=False)


@contextlib.contextmanager
def sandbox(arguments: Sequence[str], log: Path) -> Iterator[Sandbox]:
    """The stand-in store in a process of its own, so that it never is what is measured."""
    with _running(["bigcommerce_integration", "sandbox", *arguments], log, stdout=subprocess.PIPE) as process:
        watchdog = threading.Timer(_SANDBOX_STARTS_IN_S, process.kill)
        watchdog.start()
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
        finally:
            watchdog.cancel()
        if not line:
            raise CannotStart(f"The sandbox store did not start:\n{_last_lines(log)}")
        yield Sandbox(**json.loads(line))


@dataclass(frozen=True)
class Workers:
    """Real ``dramatiq`` worker processes under their master."""

    process: subprocess.Popen[str]
    log: Path

    def require_alive(self) -> None:
        """``WentWrong`` with the end of their log if they have ended."""
        if self.process.poll() is not None:
            raise WentWrong(f"The workers ended with exit code {self.process.returncode}:\n{self.log_tail()}")

    def log_tail(self) -> str:
        """The end of their log."""
        return _last_lines(self.log)


@contextlib.contextmanager
def workers(settings: HostSettings, count: int, log: Path) -> Iterator[Workers]:
    """``dramatiq`` with ``count`` processes of the host's worker module."""
    arguments = ["dramatiq", "bigcommerce_integration.demo.host.worker:broker", "--processes", str(count)]
    arguments += ["--threads", str(_WORKER_THREADS)]
    with _running(arguments, log, stdout=subprocess.DEVNULL, environment=settings.as_environment()) as process:
        started = Workers(process, log)
        _wait_until_ready(started, count)
        yield started


def _wait_until_ready(started: Workers, count: int) -> None:
    """Wait until each process is ready; one that boots more slowly finds its work later."""
    until = time.monotonic() + _WORKERS_START_IN_S
    while started.log.read_text(errors="replace").count("ready for action") < count and time.monotonic() < until:
        started.require_alive()
        time.sleep(0.1)


@contextlib.contextmanager
def _running(
    module: Sequence[str], log: Path, *, stdout: int, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "bigcommerce_integration.demo.command.child", *module],
            # Never written to: the process ends when this end of it is closed, as it is when the demo is killed.
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=stderr,
            env=environment,
            text=True,
            # Ctrl-C is for the demo alone, which then ends them in order.
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[str]) -> None:
    """Terminate it; kill it with the children of its session if it does not end in time."""
    # Its input stays open meanwhile: one request to end is enough.
    process.terminate()
    try:
        process.wait(_STOPS_IN_S)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


def _last_lines(log: Path, count: int = 15) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return "\n".join(f"  {line}" for line in lines[-count:]) or "  (it logged nothing)"
