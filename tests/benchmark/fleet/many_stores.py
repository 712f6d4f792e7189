"""Many stand-in stores behind one address, in a process of its own: each has its own hash, records and quota.

They are asked over TLS; the control API, and whoever wants none, over plain HTTP.
"""

from __future__ import annotations

import json
import re
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any, Self

from bigcommerce_integration.sandbox import SandboxServer, SandboxStore
from bigcommerce_integration.sandbox.server import gateway
from bigcommerce_integration.sandbox.server.http_server import _Listener
from bigcommerce_integration.sandbox.server.http_values import Request
from bigcommerce_integration.sandbox.server.request_log import SeenRequest

from ...certificates import Certificates, certificates

_HASH = re.compile(r"/stores/([^/]+)/")
TOKEN = "the-same-token-for-all-stores"


class ManyStores(SandboxServer):
    """The first store's server, which answers for the others too."""

    def __init__(self, stores: list[SandboxStore], latency_ms: float, files: Certificates) -> None:
        super().__init__(stores[0], latency_ms=latency_ms)
        self._by_hash = {store.store_hash: store for store in stores}
        self._files = files
        self.tls_url = ""

    def start(self) -> Self:
        """Listen on both."""
        super().start()
        self._tls = _Listener((self.host, 0), self)
        # A slow handshake waits in its connection's thread.
        self._tls.socket = self._files.server_context().wrap_socket(
            self._tls.socket, server_side=True, do_handshake_on_connect=False
        )
        self.tls_url = f"https://{self.host}:{self._tls.server_address[1]}"
        threading.Thread(target=self._tls.serve_forever, daemon=True).start()
        return self

    def stop(self) -> None:
        """Close both."""
        self._tls.shutdown()
        self._tls.close_connections()
        self._tls.server_close()
        super().stop()

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


def _stores(sizes: list[tuple[int, int, int]]) -> list[SandboxStore]:
    """So many stores of so many products and orders, size by size."""
    each = [(products, orders) for count, products, orders in sizes for _ in range(count)]
    options: dict[str, Any] = {"access_token": TOKEN, "awkward": False}
    return [SandboxStore(*records, seed, **options) for seed, records in enumerate(each, 1)]


def main() -> None:
    """Serve them, until a signal ends it; ``argv`` has the sizes as JSON, the latency and a directory."""
    sizes, latency_ms, directory = json.loads(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3])
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    files = certificates(directory)
    stores = _stores(sizes)
    with ManyStores(stores, latency_ms, files) as server:
        told = {"api_url": server.api_url, "tls_url": server.tls_url, "control_token": server.control_token}
        told |= {"ca_bundle": str(files.authority)}
        print(json.dumps(told | {"store_hashes": [store.store_hash for store in stores]}), flush=True)
        ended.wait()


if __name__ == "__main__":
    main()
