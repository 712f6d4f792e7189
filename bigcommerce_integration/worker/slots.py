"""How much one process does at a time: so many slices, and one of them beyond its first page.

Waiting for a store takes no CPU, working through page after page does: so small stores run side by side, and two large
refreshes run in two processes, on two cores.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from dramatiq import Broker, Worker
from dramatiq.common import q_name
from sqlalchemy import Pool, QueuePool

from .messages.sender import QUEUE

SLICES_A_THREAD = 3
"""Where a process serves our queue alone. Each waits for its store most of the time: with fewer, cores stand idle."""
BESIDE_SLICES = 5
"""Sessions of the database for the tick, for what is done beside it, and one to spare."""


class Slots:
    """``count`` places for slices, and one permit for a slice that needs more than a page."""

    def __init__(self, count: int = 1) -> None:
        self.count = count
        self._lock = threading.Lock()
        self._taken: set[Slot] = set()
        self._heavy: Slot | None = None

    @property
    def free(self) -> int:
        """How many more slices may begin."""
        return max(0, self.count - len(self._taken))

    @property
    def is_permit_free(self) -> bool:
        """Whether a slice that needs more than a page may begin."""
        return self._heavy is None

    def take(self, *, is_large: bool = False) -> Slot | None:
        """A place for one slice, with the permit if it is large; None if the process is at work with others."""
        with self._lock:
            if len(self._taken) >= self.count or (is_large and self._heavy is not None):
                return None
            slot = Slot(self)
            self._taken.add(slot)
            if is_large:
                self._heavy = slot
            return slot

    def permit(self, slot: Slot) -> bool:
        """Whether the slot's slice may go on beyond its first page: it has the permit, or has just taken it."""
        with self._lock:
            if self._heavy is None:
                self._heavy = slot
            return self._heavy is slot

    def free_again(self, slot: Slot) -> None:
        """Give the place back, and the permit."""
        with self._lock:
            self._taken.discard(slot)
            if self._heavy is slot:
                self._heavy = None


class Slot:
    """One slice's place, from its begin to its end."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self.was_refused = False

    def may_go_on(self) -> bool:
        """Whether the slice may go on beyond its first page; once it may, it may to its end."""
        is_permitted = self._slots.permit(self)
        self.was_refused = not is_permitted
        return is_permitted

    def free(self) -> None:
        """The slice has ended."""
        self._slots.free_again(self)


def places(broker: Broker, workers: Iterable[Worker], configured: int | None, sessions: int | None = None) -> int:
    """How many slices the workers of this process run at once.

    Unless that is ``configured``, half of their threads, so that the host's own actors never wait for ours. Where they
    serve no queue but ours, ``SLICES_A_THREAD`` for each thread, as slices that no message has asked for have threads
    of their own. No more than there are ``sessions`` of the database for them (None: without limit).
    """
    if configured is not None:
        return configured
    wanted = sum(_share(broker, worker) for worker in workers)
    return max(1, wanted if sessions is None else min(wanted, sessions - BESIDE_SLICES))


def most_sessions(pool: Pool) -> int | None:
    """How many sessions of the database this process may have at once; None if it has no limit."""
    if not isinstance(pool, QueuePool) or pool._max_overflow < 0:
        return None
    return pool.size() + pool._max_overflow


def _share(broker: Broker, worker: Worker) -> int:
    queues = {q_name(name) for name in broker.get_declared_queues()}
    served = {name for name in queues if not worker.consumer_whitelist or name in worker.consumer_whitelist}
    return SLICES_A_THREAD * worker.worker_threads if served <= {QUEUE} else max(1, worker.worker_threads // 2)
