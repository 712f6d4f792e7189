"""A store that is edited at random for as long as something else goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from bigcommerce_integration.sandbox import SandboxStore


@contextmanager
def edited(store: SandboxStore, *, seed: int, a_second: float) -> Iterator[list[str]]:
    """So many random edits a second until the end of the block; what was done."""
    done: list[str] = []
    ended, dice = threading.Event(), Random(seed)

    def edit() -> None:
        while not ended.wait(1 / a_second):
            done.append(store.mutate(dice))

    thread = threading.Thread(target=edit)
    thread.start()
    try:
        yield done
    finally:
        ended.set()
        thread.join()
