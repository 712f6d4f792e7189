"""Small real servers that answer as badly as a test wants."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from bigcommerce_integration.client.http.transport import Call, Transport
from bigcommerce_integration.encryption import Secret

Behaviour = Callable[[socket.socket, "TinyServer"], None]

TOKEN = "s3cr3t-t0ken&<\"'%/+=xyz"
CALL = Call("v3/catalog/products", (("limit", "250"),), "products", "store_v2_products_read_only")
ONE = Call("v2/orders/7", (), "order 7", "store_v2_orders_read_only", single=True)


@dataclass
class TinyServer:
    """What was heard: the raw head of each request, and how many connections were opened."""

    port: int
    heads: list[str] = field(default_factory=list)
    connections: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def transport(self, timeout_s: float = 5.0, token: str = TOKEN) -> Transport:
        return Transport(api_url=self.url, store_hash="abc123", access_token=Secret(token), timeout_s=timeout_s)


@contextmanager
def serving(behave: Behaviour, *, wrap: Callable[[socket.socket], socket.socket] | None = None) -> Iterator[TinyServer]:
    """Serve on a free port: ``behave`` is called once for each request, with its head already read."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = TinyServer(listener.getsockname()[1])
        threads: list[threading.Thread] = []

        def converse(connection: socket.socket) -> None:
            with suppress(OSError, ValueError), connection:
                talking = wrap(connection) if wrap else connection
                with talking:
                    talking.settimeout(10)
                    while head := _head(talking):
                        server.heads.append(head)
                        behave(talking, server)

        def listen() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                server.connections += 1
                threads.append(threading.Thread(target=converse, args=(connection,), daemon=True))
                threads[-1].start()

        listening = threading.Thread(target=listen, daemon=True)
        listening.start()
        try:
            yield server
        finally:
            server.stopped.set()
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listening.join(2)
            for thread in threads:
                thread.join(2)


def _head(connection: socket.socket) -> str:
    read = b""
    while not read.endswith(b"\r\n\r\n"):
        part = connection.recv(1)
        if not part:
            return ""
        read += part
    return read.decode()


def answer(
    status: int = 200, body: bytes = b"[]", *, headers: tuple[str, ...] = (), length: int | None = None
) -> Behaviour:
    """One complete answer; ``length`` tells another length than the true one."""

    def behave(connection: socket.socket, server: TinyServer) -> None:
        head = [f"HTTP/1.1 {status} Some Reason", *headers]
        if not any(header.lower().startswith(("content-length", "transfer-encoding")) for header in headers):
            head.append(f"Content-Length: {len(body) if length is None else length}")
        connection.sendall("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body)
        if length is not None:
            connection.shutdown(socket.SHUT_RDWR)

    return behave


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """One behaviour for each request."""
    left = list(behaviours)

    def behave(connection: socket.socket, server: TinyServer) -> None:
        left.pop(0)(connection, server)

    return behave


def drip(start: bytes, piece: bytes, every_s: float) -> Behaviour:
    """A start, then one piece at a time for ever."""

    def behave(connection: socket.socket, server: TinyServer) -> None:
        connection.sendall(start)
        while not server.stopped.wait(every_s):
            connection.sendall(piece)

    return behave


def silent(connection: socket.socket, server: TinyServer) -> None:
    """No answer at all."""
    server.stopped.wait(10)


def hang_up(connection: socket.socket, server: TinyServer) -> None:
    """Close with a reset instead of an answer."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()
