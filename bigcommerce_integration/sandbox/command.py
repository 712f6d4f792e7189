"""`python -m bigcommerce_integration sandbox`: the store in a process of its own."""

import argparse
import json
import signal
import threading

from .server.http_server import SandboxServer
from .store import SandboxStore


def main(argv: list[str] | None = None) -> int:
    """Print one line of JSON with the address and the secrets, then serve until SIGTERM or SIGINT."""
    given = vars(_parser().parse_args(argv))
    served = [given.pop(name) for name in ("host", "port", "latency_ms", "control_token")]
    # Before the store is built: it takes a while, and a signal that comes meanwhile counts.
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    with SandboxServer(SandboxStore(awkward=not given.pop("plain"), **given), *served) as server:
        secrets = {"access_token": server.access_token, "control_token": server.control_token}
        print(json.dumps({"api_url": server.api_url, "store_hash": server.store_hash, **secrets}), flush=True)
        stopped.wait()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bigcommerce_integration sandbox",
        description="Serve a made-up BigCommerce store on a loopback address.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--products", type=int, default=40)
    parser.add_argument("--orders", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same records")
    parser.add_argument("--latency-ms", type=float, default=0, help="wait before each answer")
    parser.add_argument("--quota", type=int, default=None, help="requests a window for all apps; default unlimited")
    parser.add_argument("--window-s", type=float, default=30, help="the quota's window")
    parser.add_argument("--timezone", default="America/Chicago")
    parser.add_argument("--currency", default="USD", help="the default currency of the store")
    parser.add_argument("--store-hash", default=None)
    parser.add_argument("--access-token", default=None, help="default: a new one each time")
    parser.add_argument("--control-token", default=None, help="default: a new one each time")
    parser.add_argument("--plain", action="store_true", help="no records made to be difficult")
    return parser
