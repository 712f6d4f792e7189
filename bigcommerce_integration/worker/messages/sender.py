"""Sends hints: messages that name a refresh to work on. The refresh row is the job; a message may get lost."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from typing import Any

from dramatiq import Broker

log = logging.getLogger(__name__)

Hint = tuple[str, int]
"""A resource and the id of one of its refreshes."""
_Sending = tuple[Callable[[], None], Future[bool]]

QUEUE = "bigcommerce"
SEND_S = 1.0
"""How long a request waits for the broker, in all; a silent broker costs ten seconds and more by default."""


def actor_name(resource: str) -> str:
    """Of the actor that advances the refreshes of a collection."""
    return f"bigcommerce_refresh_{resource}"


class Sender:
    """Sends hints from a thread of its own, so that nobody waits for a broker longer than ``SEND_S``."""

    def __init__(self) -> None:
        self._lane: _Lane | None = None

    def send(self, broker: Broker, hints: Sequence[Hint], *, delay_s: float = 0.0) -> bool:
        """Whether these hints were sent in time; never raises. What was not sent is left to the tick."""
        # Made when first needed, and anew after a fork, which leaves the thread behind.
        lane = self._lane
        if lane is None or lane.pid != os.getpid():
            lane = self._lane = _Lane()
        return lane.run(partial(_enqueue, broker, hints, delay_s))


def _enqueue(broker: Broker, hints: Sequence[Hint], delay_s: float) -> None:
    for resource, refresh_id in hints:
        message: Any = broker.get_actor(actor_name(resource)).message(refresh_id)
        broker.enqueue(message, delay=round(delay_s * 1000) or None)


class _Lane:
    """One process's sending thread; one for all, as the RabbitMQ broker keeps a connection for each thread."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        # Held by the sending thread for as long as the broker keeps it waiting.
        self._is_free = threading.Lock()
        self._jobs: SimpleQueue[_Sending | None] = SimpleQueue()
        # A daemon, as a silent broker must not hold up the end of the process.
        threading.Thread(
            target=_send_all, args=(self._jobs, self._is_free), name="bigcommerce-hints", daemon=True
        ).start()
        weakref.finalize(self, self._jobs.put, None)

    def run(self, send: Callable[[], None]) -> bool:
        """Whether ``send`` came to a good end within ``SEND_S``; what it raises is logged."""
        ends_at = time.monotonic() + SEND_S
        if self._is_free.acquire(timeout=SEND_S):
            sent: Future[bool] = Future()
            self._jobs.put((send, sent))
            try:
                return sent.result(max(0.0, ends_at - time.monotonic()))
            except TimeoutError:
                pass
        log.warning(
            "The broker does not answer. A worker finds the refresh by itself within seconds.",
            extra={"action": "hint_late"},
        )
        return False


def _send_all(jobs: SimpleQueue[_Sending | None], is_free: threading.Lock) -> None:
    while (sending := jobs.get()) is not None:
        send, sent = sending
        is_sent = False
        try:
            send()
            is_sent = True
        except Exception as error:  # noqa: BLE001 - any broker's any error
            # The kind only: a broker's own text may hold its URL with a password.
            log.warning(
                "The broker did not take the message (%s). A worker finds the refresh by itself within seconds.",
                type(error).__name__,
                extra={"action": "hint_failed"},
            )
        finally:
            is_free.release()
            sent.set_result(is_sent)
        # While it waits this thread keeps nothing: the broker leads to the sender, whose end is the thread's own.
        del sending, send, sent
