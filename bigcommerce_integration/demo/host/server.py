"""The host app behind real HTTP, on loopback only."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from ..errors import CannotStart

HOST = "127.0.0.1"


class _QuietHandler(WSGIRequestHandler):
    """Logs no requests: they would tear the progress bars apart."""

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Nothing."""


def listen(port: int) -> socket.socket:
    """A listening socket on ``port``, 0 for any free one; ``CannotStart`` if it is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        raise CannotStart(f"Port {port} on {HOST} cannot be used ({error}): name another with --port.") from error
    return listener


@contextlib.contextmanager
def serving(app: Flask, listener: socket.socket) -> Iterator[str]:
    """The app served by threads on the listener; its URL."""
    port = listener.getsockname()[1]
    server = make_server(HOST, port, app, threaded=True, request_handler=_QuietHandler, fd=listener.fileno())
    server.daemon_threads = True  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, name="demo-http", kwargs={"poll_interval": 0.1})
    thread.start()
    try:
        yield f"http://{HOST}:{port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        listener.close()
