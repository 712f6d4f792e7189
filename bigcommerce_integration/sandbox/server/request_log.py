"""The requests that the server got, and how many it is answering."""

from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """One request to the API; `status` is 0 when it got no answer, `when` unix seconds of its arrival."""

    method: str
    path: str
    query: str
    status: int
    when: float
    bytes_sent: int


class RequestLog:
    """The newest requests in the order of their answers, and counts of all since the last `clear`."""

    def __init__(self, keep: int = 10_000) -> None:
        self._lock = Lock()
        self._seen: deque[SeenRequest] = deque(maxlen=keep)
        self.count = 0
        self.statuses: Counter[int] = Counter()

    def add(self, seen: SeenRequest) -> None:
        """Note one request."""
        with self._lock:
            self._seen.append(seen)
            self.count += 1
            self.statuses[seen.status] += 1

    def clear(self) -> None:
        """Begin anew."""
        with self._lock:
            self._seen.clear()
            self.statuses.clear()
            self.count = 0

    def paths(self) -> list[str]:
        """The paths in order."""
        return [seen.path for seen in self]

    def __iter__(self) -> Iterator[SeenRequest]:
        with self._lock:
            return iter(list(self._seen))


class InFlight:
    """Counts, for a cap that BigCommerce once published: three a store and endpoint (I:bigcommerce/dev-docs#1857)."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Counter[str] = Counter()
        self.most = 0

    @contextmanager
    def entered(self, endpoint: str, cap: int | None) -> Iterator[bool]:
        """While a request is answered; gives whether it is within the cap."""
        with self._lock:
            self._counts[endpoint] += 1
            self.most = max(self.most, self._counts[endpoint])
            allowed = cap is None or self._counts[endpoint] <= cap
        try:
            yield allowed
        finally:
            with self._lock:
                self._counts[endpoint] -= 1
