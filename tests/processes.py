"""Real ``dramatiq`` worker processes, each known by its pid and ended by it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .waiting import wait_until
from .worker_host import MIRRORED, WorkerHost

ROOT = Path(__file__).parents[1]
STARTS_IN_S = 60.0
STOPS_IN_S = 15.0


@dataclass(frozen=True)
class Workers:
    """A ``dramatiq`` master; its worker processes are those that do the work."""

    master: subprocess.Popen[bytes]
    log: Path

    def text(self) -> str:
        """All that the processes have logged."""
        return self.log.read_text(errors="replace")

    def pids(self) -> list[int]:
        """The worker processes that have said that they are ready."""
        return [int(pid) for pid in re.findall(r"\[PID (\d+)\].*Worker process is ready for action", self.text())]

    def is_ready(self, processes: int) -> bool:
        """Whether so many have said so, or the master has ended."""
        return len(self.pids()) == processes or self.master.poll() is not None

    @property
    def pid(self) -> int:
        """The only worker process."""
        (pid,) = self.pids()
        return pid

    def kill(self) -> None:
        """Kill the worker process as the kernel does when memory runs out; its master then ends by itself."""
        os.kill(self.pid, signal.SIGKILL)

    def freeze(self) -> None:
        """Stop the worker process where it is."""
        os.kill(self.pid, signal.SIGSTOP)

    def wake(self) -> None:
        """Let it go on as if nothing had happened."""
        os.kill(self.pid, signal.SIGCONT)

    def terminate(self) -> float:
        """Ask master and workers to end, as a deploy does; how many seconds that took."""
        began = time.monotonic()
        self.master.send_signal(signal.SIGTERM)
        self.master.wait(60)
        return time.monotonic() - began

    def ask_to_end(self) -> None:
        """Let it end in good order, frozen or not."""
        if self.master.poll() is None:
            for pid in self.pids():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
            self.master.terminate()

    def end(self) -> None:
        """Wait for the end; what still runs after a while is killed, by its pid."""
        try:
            self.master.wait(STOPS_IN_S)
        except subprocess.TimeoutExpired:
            for pid in [*self.pids(), self.master.pid]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.master.wait()


@contextmanager
def workers(host: WorkerHost, directory: Path, *, processes: int = 1, threads: int = 2) -> Iterator[Workers]:
    """One ``dramatiq`` command with its worker processes, ready; ended afterwards."""
    with commands(host, directory, 1, processes=processes, threads=threads) as (started,):
        yield started


@contextmanager
def commands(
    host: WorkerHost,
    directory: Path,
    count: int,
    *,
    processes: int = 1,
    threads: int = 2,
    code: Path = ROOT,
    mirrored: str = "",
    module: str = "tests.worker_host:broker",
    may_end: bool = False,
) -> Iterator[list[Workers]]:
    """So many ``dramatiq`` commands: where one loses a worker process it ends, and the others do not.

    ``may_end``: one may have ended already, as its work ends it.

    ``code`` is the tree whose package and tests they import, ``mirrored`` the name of what they mirror, ``module`` the
    host's worker module.
    """
    command = [sys.executable, "-m", "dramatiq", module]
    command += ["--processes", str(processes), "--threads", str(threads)]
    environment = host.environment() | {MIRRORED: mirrored}
    crew: list[Workers] = []
    try:
        for _ in range(count):
            log = directory / f"workers-{len(list(directory.glob('workers-*')))}.log"
            with log.open("wb") as output:
                master = subprocess.Popen(
                    command, cwd=code, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
                )
            crew.append(Workers(master, log))
        for each in crew:
            wait_until(
                lambda each=each: each.is_ready(processes) or each.master.poll() is not None, STARTS_IN_S, "the start"
            )
            assert may_end or each.master.poll() is None, each.text()
        yield crew
    finally:
        for each in crew:
            each.ask_to_end()
        for each in crew:
            each.end()
