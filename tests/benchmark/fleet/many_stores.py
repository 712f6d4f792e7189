"""Many stand-in stores in a process of their own.

They are asked over TLS; the control API, and whoever wants none, over plain HTTP.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path
from typing import Any, Self

from bigcommerce_integration.sandbox import SandboxStore
from bigcommerce_integration.sandbox.server.http_server import _Listener

from ...certificates import Certificates, certificates
from ...many_stores import ManyStores

TOKEN = "the-same-token-for-all-stores"


class StoresOverTls(ManyStores):
    """They listen on a second port, too."""

    def __init__(self, stores: list[SandboxStore], latency_ms: float, files: Certificates) -> None:
        super().__init__(stores, latency_ms)
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


def _stores(sizes: list[tuple[int, int, int]]) -> list[SandboxStore]:
    """So many stores of so many products and orders, size by size."""
    each = [(products, orders) for count, products, orders in sizes for _ in range(count)]
    options: dict[str, Any] = {"access_token": TOKEN, "awkward": False}
    return [SandboxStore(*records, seed, **options) for seed, records in enumerate(each, 1)]


def main() -> None:
    """Serve them, until a signal ends it; ``argv`` has the sizes as JSON, the latency and a directory.

    Then ``no-refunds``, if there shall be none.
    """
    sizes, latency_ms, directory = json.loads(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3])
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    files = certificates(directory)
    stores = _stores(sizes)
    if "no-refunds" in sys.argv:
        for store in stores:
            for refund_id in list(store.refund_ids):
                del store.refunds[refund_id]
    with StoresOverTls(stores, latency_ms, files) as server:
        told = {"api_url": server.api_url, "tls_url": server.tls_url, "control_token": server.control_token}
        told |= {"ca_bundle": str(files.authority)}
        print(json.dumps(told | {"store_hashes": [store.store_hash for store in stores]}), flush=True)
        ended.wait()


if __name__ == "__main__":
    main()
