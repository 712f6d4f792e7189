"""Worker processes that are made again whenever one dies, as a supervisor does: ``python -m tests.unkillable.forked``.

Forked from a process that has imported everything, so that the next is there in a moment.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dramatiq import Worker

from ..processes import ROOT, STARTS_IN_S, STOPS_IN_S, wait_until
from ..worker_host import WorkerHost


@dataclass(frozen=True)
class Supervised:
    """The supervisor and what it says."""

    supervisor: subprocess.Popen[bytes]
    log: Path

    def text(self) -> str:
        """All that the processes have logged."""
        return self.log.read_text(errors="replace")

    @property
    def deaths(self) -> int:
        """How many worker processes were killed."""
        return self.text().count("killed by signal 9")


@contextmanager
def supervised(host: WorkerHost, directory: Path) -> Iterator[Supervised]:
    """One worker process, again and again; ended afterwards."""
    log = directory / "supervised.log"
    command = [sys.executable, "-m", __name__]
    with log.open("wb") as output:
        supervisor = subprocess.Popen(
            command, cwd=ROOT, env=host.environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    crew = Supervised(supervisor, log)
    try:
        wait_until(lambda: "begun" in crew.text() or supervisor.poll() is not None, STARTS_IN_S, "the start")
        assert supervisor.poll() is None, crew.text()
        yield crew
    finally:
        supervisor.terminate()
        try:
            supervisor.wait(STOPS_IN_S)
        except subprocess.TimeoutExpired:
            supervisor.kill()
            supervisor.wait()


def supervise() -> None:
    """Fork and wait until told to end."""
    ending: list[int] = []
    child = 0

    def end(*_: object) -> None:
        ending.append(1)
        if child:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGTERM)

    signal.signal(signal.SIGTERM, end)
    while not ending:
        child = os.fork()
        if child == 0:
            _work()
            os._exit(0)
        _say(f"begun {child}")
        if ending:
            end()
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            _say(f"{child} was killed by signal {os.WTERMSIG(status)}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _work() -> None:
    """A Dramatiq worker until SIGTERM, as one of the processes of its own command."""
    from ..worker_host import broker

    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    broker.emit_after("process_boot")
    worker = Worker(broker, worker_timeout=100, worker_threads=2)
    worker.start()
    ended.wait()
    worker.stop()


if __name__ == "__main__":
    supervise()
