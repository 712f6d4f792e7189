"""Whether the broker answers: asked now and then, in a thread of its own, for people to be told."""

from __future__ import annotations

import threading
import time
from typing import Any

from dramatiq import Broker

ASK_EVERY_S = 15.0
ANSWERS_WITHIN_S = 5.0
MOST_HANGING = 4
"""Threads whose broker is silent; each ends when the connection does, which may take it minutes."""


def ask(broker: Any) -> bool:
    """Whether a question is known that this kind of broker answers; raises what it raises."""
    if hasattr(getattr(broker, "client", None), "ping"):
        broker.client.ping()
        return True
    if isinstance(getattr(type(broker), "connection", None), property):
        # RabbitMQ: a connection for this thread alone.
        broker.connection.process_data_events(0)
        del broker.connection
        return True
    return False


class BrokerWatch:
    """One process's; it never waits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ask_at = 0.0
        self._began: dict[threading.Thread, float] = {}
        self._down_since: float | None = None
        self._answered_at = 0.0

    def down_s(self, broker: Broker) -> float | None:
        """For how many seconds the broker has not answered; None while it does, or before it was asked."""
        now = time.monotonic()
        with self._lock:
            self._began = {thread: began for thread, began in self._began.items() if thread.is_alive()}
            if now >= self._ask_at and len(self._began) < MOST_HANGING:
                self._ask_at = now + ASK_EVERY_S
                # A daemon, as a silent broker must not hold up the end of the process.
                thread = threading.Thread(target=self._ask, args=(broker, now), name="bigcommerce-broker", daemon=True)
                self._began[thread] = now
                thread.start()
            late = [began for began in self._began.values() if now - began > ANSWERS_WITHIN_S]
            if late and self._down_since is None:
                self._down_since = min(late)
            return None if self._down_since is None else now - self._down_since

    def _ask(self, broker: Broker, began: float) -> None:
        try:
            ask(broker)
            is_up = True
        except Exception:  # noqa: BLE001 - any broker's any error
            is_up = False
        with self._lock:
            if began < self._answered_at:
                # A later question was quicker: this one hung in a connection that is gone.
                return
            self._answered_at = began
            if is_up:
                self._began = {thread: each for thread, each in self._began.items() if each > began}
            self._down_since = None if is_up else self._down_since or began
