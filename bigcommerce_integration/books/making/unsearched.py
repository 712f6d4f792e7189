"""Many values at once, without a search for garbage among them."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def unsearched() -> Iterator[None]:
    """Switch the garbage collector off for work that makes many values, of which none refer to each other in a circle.

    They go when nothing holds them any more, as always; the collector would search all of them again and again for
    circles. It is the whole process's, and several threads may do this at once: each switches on again what it has
    switched off itself, so it never stays off.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
