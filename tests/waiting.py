"""Waiting for what a test is about. Nothing of the package is imported: a process of its own may need it too."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], object], within_s: float, what: str, *, every_s: float = 0.05) -> float:
    """Wait for the condition; how many seconds it took. Fails after ``within_s``."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > within_s:
            raise AssertionError(f"not within {within_s:g} s: {what}")
        time.sleep(every_s)
    return time.monotonic() - began
