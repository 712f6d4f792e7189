"""Many stand-in stores behind one address: each has its own hash, records and quota."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Sequence

from bigcommerce_integration.sandbox import SandboxServer, SandboxStore
from bigcommerce_integration.sandbox.server import gateway
from bigcommerce_integration.sandbox.server.http_values import Request
from bigcommerce_integration.sandbox.server.request_log import SeenRequest

_HASH = re.compile(r"/stores/([^/]+)/")


class ManyStores(SandboxServer):
    """The first store's server, which answers for the others too."""

    def __init__(self, stores: Sequence[SandboxStore], latency_ms: float = 0) -> None:
        super().__init__(stores[0], latency_ms=latency_ms)
        self._by_hash = {store.store_hash: store for store in stores}

    def serve(self, connection: socket.socket, request: Request) -> bool:
        found = _HASH.match(request.path)
        if found is None:
            return super().serve(connection, request)
        when = time.time()
        time.sleep(self.latency_ms / 1000)
        reply = gateway.answer(self._by_hash[found[1]], request)
        seen = SeenRequest(request.method, request.path, request.raw_query, reply.status, when, len(reply.body))
        self.requests.add(seen)
        return self._send(connection, request, reply)
