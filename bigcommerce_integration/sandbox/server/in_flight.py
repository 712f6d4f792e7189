"""How many requests are being answered, by endpoint."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


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
