"""A store that is edited at random for as long as something else goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from bigcommerce_integration.sandbox import SandboxStore


@contextmanager
def edited(store: SandboxStore, *, seed: int, a_second: float) -> Iterator[list[str]]:
    """So many random edits a second until the end of the block; what was done, and whose a variant or line then was.

    One that goes from its owner again may have been read with it, though nothing of the owner tells that in the end.
    """
    done: list[str] = []
    ended, dice = threading.Event(), Random(seed)

    def edit() -> None:
        while not ended.wait(1 / a_second):
            with store.lock:
                done.append(store.mutate(dice))
                done.extend(_owner(store, done[-1]))

    thread = threading.Thread(target=edit)
    thread.start()
    try:
        yield done
    finally:
        ended.set()
        thread.join()


def _owner(store: SandboxStore, edit: str) -> Iterator[str]:
    kind, _, record_id = edit.partition(" ")
    if kind in ("create_variant", "move_variant"):
        yield f"holds_product {store.variants[int(record_id)].product_id}"
    elif kind == "add_line":
        (owner,) = (each for each, order in store.orders.items() if int(record_id) in {line.id for line in order.lines})
        yield f"holds_order {owner}"
