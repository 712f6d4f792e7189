"""Queries to one store, side by side and in time for a request that waits, with no transaction open."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from queue import Empty, SimpleQueue
from typing import Any

from ..client.api import Reply, StoreClient
from ..client.http.rate_limit import Quota
from ..config import Config
from ..encryption import TokenCipher
from ..errors import BigCommerceError
from ..refresh.job.context import transport_to

ANSWERS_WITHIN_S = 5.0
LATE = f"The store did not answer within {ANSWERS_WITHIN_S:g} seconds."
Answer = Reply[Any] | BigCommerceError


@dataclass(frozen=True)
class Store:
    """Which store, with which token (ciphertext), from which day on."""

    store_hash: str
    access_token: bytes = field(repr=False)
    start_date: date


@contextmanager
def queries_to(config: Config, cipher: TokenCipher, store: Store) -> Iterator[StoreQueries]:
    """Queries to the store, ended after ``ANSWERS_WITHIN_S`` seconds; ``ConfigError`` if no key opens the token."""
    client = StoreClient(
        transport_to(config, store.store_hash, cipher.decrypt(store.access_token), timeout_s=ANSWERS_WITHIN_S)
    )
    try:
        yield StoreQueries(client, time.monotonic() + ANSWERS_WITHIN_S)
    finally:
        # Ends what is under way: nobody waits for it any more.
        client.close()


class StoreQueries:
    """Queries in threads of their own, so that not even a look-up of the host's name delays the request."""

    def __init__(self, client: StoreClient, ends_at: float) -> None:
        self._client = client
        self._ends_at = ends_at
        self._done: SimpleQueue[tuple[str, Reply[Any] | Exception]] = SimpleQueue()
        self._open = 0
        self.skews_s: list[float] = []
        self.quota: Quota | None = None

    def send(self, name: str, query: Callable[[StoreClient], Reply[Any]]) -> None:
        """Begin a query."""
        self._open += 1
        # A daemon: a request under way must not hold up the end of the process.
        threading.Thread(target=self._work, args=(name, query), name="bigcommerce-check", daemon=True).start()

    def next(self) -> tuple[str, Answer] | None:
        """The answer to one query; None when all have come, or the time is up. Raises what no store answers."""
        if self._open == 0:
            return None
        try:
            name, answer = self._done.get(timeout=max(0.0, self._ends_at - time.monotonic()))
        except Empty:
            return None
        self._open -= 1
        if isinstance(answer, Reply):
            self._note(answer)
        elif not isinstance(answer, BigCommerceError):
            raise answer
        return name, answer

    def rest(self) -> dict[str, Answer]:
        """All answers that still come in time, by the names of their queries."""
        answers: dict[str, Answer] = {}
        while (answered := self.next()) is not None:
            answers[answered[0]] = answered[1]
        return answers

    def _work(self, name: str, query: Callable[[StoreClient], Reply[Any]]) -> None:
        try:
            self._done.put((name, query(self._client)))
        except Exception as error:  # noqa: BLE001 - raised or answered by the waiting thread
            self._done.put((name, error))

    def _note(self, reply: Reply[Any]) -> None:
        """The clock skew and the quota in its headers."""
        ago_s = time.monotonic() - reply.received_at + reply.elapsed_s
        begun_at = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=ago_s)
        if reply.store_time is not None:
            self.skews_s.append((reply.store_time.replace(microsecond=0) - begun_at).total_seconds())
        # Answers overtake each other: the least that any of them has left is what is left.
        quotas = [quota for quota in (self.quota, reply.quota) if quota is not None]
        self.quota = min(quotas, key=lambda quota: math.inf if quota.left is None else quota.left, default=None)
