"""What a process has used, by its pid, as Linux counts it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def cpu_s(pids: Iterable[int]) -> float:
    """Seconds of CPU time, user and system, that these processes have used so far."""
    ticks = 0
    for pid in pids:
        # After the name in parentheses, which may hold anything: utime is field 14 of all, stime 15.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS_A_SECOND


def machine_cpu_s() -> float:
    """Seconds of CPU time that all processes of this machine have used so far, on all cores."""
    # user, nice, system, idle, iowait, irq, softirq (proc(5)).
    ticks = [int(each) for each in Path("/proc/stat").read_text().splitlines()[0].split()[1:8]]
    return (sum(ticks) - ticks[3] - ticks[4]) / _TICKS_A_SECOND


def peak_kib(pids: Iterable[int]) -> int:
    """The most memory that any of these processes has held at once."""
    return max(_status(pid, "VmHWM") for pid in pids)


def _status(pid: int, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])
