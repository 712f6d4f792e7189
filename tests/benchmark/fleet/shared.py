"""What the benchmark and its worker processes share: files in one directory."""

from __future__ import annotations

import mmap
import os
import struct
from itertools import count
from pathlib import Path
from typing import Any

VARIABLE = "BENCHMARK_DIRECTORY"
QUEUE, ACTOR, MAILS = "mail", "send_mail", "mails"
"""Of the host's own actor, and the file in which it notes how long each message was under way."""
_FILE = "statements-{}"


def statements(directory: Path, pids: list[int]) -> int:
    """How many statements these processes have executed so far."""
    files = [directory / _FILE.format(pid) for pid in pids]
    return sum(struct.unpack("Q", each.read_bytes().ljust(8, b"\0"))[0] for each in files if each.exists())


class StatementCounter:
    """Counts those of each process that comes here, a fork too."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._pid = 0

    def add(self, *_: Any) -> None:
        """One more."""
        if self._pid != os.getpid():
            self._begin()
        struct.pack_into("Q", self._shared, 0, next(self._count))

    def _begin(self) -> None:
        path = self._directory / _FILE.format(os.getpid())
        path.write_bytes(bytes(8))
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), 8)
        self._count, self._pid = count(1), os.getpid()
