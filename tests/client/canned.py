"""A transport with answers made up in advance, that remembers what it was asked."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime

from bigcommerce_integration.client.api import StoreClient
from bigcommerce_integration.client.http.rate_limit import Quota
from bigcommerce_integration.client.http.transport import Answer, Call, Transport
from bigcommerce_integration.encryption import Secret

NOW = datetime(2025, 6, 1, 12, 0, 0)
QUOTA = Quota(150, 149, 30.0, 29.0)


class CannedTransport(Transport):
    """Gives its texts one after the other (a number: an empty answer with this status)."""

    def __init__(self, *texts: object) -> None:
        super().__init__(api_url="https://localhost", store_hash="abc123", access_token=Secret("token"), timeout_s=1)
        self.texts = list(texts)
        self.calls: list[Call] = []

    def get(self, call: Call) -> Answer:
        self.calls.append(call)
        text = self.texts.pop(0) if self.texts else 204
        if isinstance(text, int):
            return Answer(text, b"", NOW, 0.25, QUOTA, 99.0)
        return Answer(200, (text if isinstance(text, str) else json.dumps(text)).encode(), NOW, 0.25, QUOTA, 99.0)


def client_of(*texts: object) -> tuple[StoreClient, list[Call]]:
    """A client on such a transport, and the list of what it will have asked."""
    transport = CannedTransport(*texts)
    return StoreClient(transport), transport.calls


def v3(ids: Iterable[int | None], total: int | None = None, **fields: object) -> dict[str, object]:
    """A V3 answer with these ids."""
    data = [{"id": each, **fields} for each in ids]
    pagination = {"total": len(data) if total is None else total, "count": len(data), "current_page": 1}
    return {"data": data, "meta": {"pagination": pagination}}


def v2(*ids: int | None, **fields: object) -> list[dict[str, object]]:
    """A V2 answer with these ids."""
    return [{"id": each, **fields} for each in ids]
