"""What the server was asked."""

from collections import Counter, deque
from collections.abc import Iterator
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
