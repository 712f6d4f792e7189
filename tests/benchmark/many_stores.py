"""Many stand-in stores behind one address, in a process of its own: each has its own hash, records and quota."""

from __future__ import annotations

import json
import re
import signal
import socket
import sys
import threading
import time

from bigcommerce_integration.sandbox import SandboxServer, SandboxStore
from bigcommerce_integration.sandbox.server import gateway
from bigcommerce_integration.sandbox.server.http_values import Request
from bigcommerce_integration.sandbox.server.request_log import SeenRequest

_HASH = re.compile(r"/stores/([^/]+)/")
TOKEN = "the-same-token-for-all-stores"


class ManyStores(SandboxServer):
    """The first store's server, which answers for the others too."""

    def __init__(self, stores: list[SandboxStore], latency_ms: float) -> None:
        super().__init__(stores[0], latency_ms=latency_ms)
        self._by_hash = {store.store_hash: store for store in stores}

    def serve(self, connection: socket.socket, request: Request) -> bool:
        found = _HASH.match(request.path)
        if found is None:
            return super().serve(connection, request)
        when = time.time()
        time.sleep(self.latency_ms / 1000)
        reply = gateway.answer(self._by_hash[found[1]], request)
        self.requests.add(SeenRequest(request.method, request.path, "", reply.status, when, len(reply.body)))
        return self._send(connection, request, reply)


def main() -> None:
    """Serve so many stores of so many products and orders each, until a signal ends it."""
    count, records, latency_ms = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    stores = [SandboxStore(records, records, each, access_token=TOKEN, awkward=False) for each in range(1, count + 1)]
    with ManyStores(stores, latency_ms) as server:
        told = {"api_url": server.api_url, "control_token": server.control_token}
        print(json.dumps(told | {"store_hashes": [store.store_hash for store in stores]}), flush=True)
        ended.wait()


if __name__ == "__main__":
    main()
