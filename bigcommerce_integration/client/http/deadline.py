"""Sockets that end at one moment in time, however slowly the other side talks.

The time-outs of ``requests`` hold between two bytes: a server that sends one byte a second is never late. So every
wait on these sockets, for connecting, the TLS handshake, headers and body, is cut to what is left until the deadline
of the request that the thread is making. (The handshake is one call, whose time-out Python applies to the whole.)
Only the look-up of a host name cannot be bounded from here: it takes what the system's resolver allows itself.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from weakref import WeakSet

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.ssl_ import create_urllib3_context

from ...encryption import ProxyUrl


class Connections:
    """The open connections of one transport, so that any thread can end what another waits for."""

    def __init__(self) -> None:
        self._known: WeakSet[HTTPConnection] = WeakSet()
        self._lock = threading.Lock()
        self._is_cut = False

    def add(self, connection: HTTPConnection) -> None:
        """Note a new one; ``OSError`` once ``cut`` has been called."""
        with self._lock:
            if self._is_cut:
                raise OSError("the client was closed meanwhile")
            self._known.add(connection)

    def cut(self) -> None:
        """Let every wait on these connections see the end of its stream, now and for good."""
        with self._lock:
            self._is_cut = True
            known = list(self._known)
        for connection in known:
            sock = getattr(connection, "sock", None)
            if sock is not None:
                # Not SSLSocket.shutdown, which takes the TLS object from under the thread that reads.
                with suppress(OSError):  # closed meanwhile, which is what was wanted
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)


class _Current(threading.local):
    """What this thread's request may use: one request a thread at a time."""

    ends_at: float = 0.0
    connections: Connections | None = None


_current = _Current()


@contextmanager
def deadline(ends_at: float, connections: Connections) -> Iterator[None]:
    """Let every socket operation of this thread end at ``ends_at`` (``time.monotonic``); note new connections."""
    _current.ends_at, _current.connections = ends_at, connections
    try:
        yield
    finally:
        _current.connections = None


def remaining_s() -> float:
    """Seconds until this thread's deadline, above 0; ``TimeoutError`` when it has passed."""
    seconds = _current.ends_at - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("the deadline of the whole answer has passed")
    return seconds


class _Socket(socket.socket):
    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(remaining_s())
        return super().recv_into(*args, **kwargs)


class _TlsSocket(ssl.SSLSocket):
    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(remaining_s())
        return super().recv_into(*args, **kwargs)


class _Connects:
    """How urllib3's connections open their socket; its own way gives each address of a host the full time."""

    host: str
    port: int
    socket_options: Any

    def _new_conn(self) -> socket.socket:
        problem = OSError("the host name has no address")
        addresses = socket.getaddrinfo(self.host.strip("[]"), self.port, type=socket.SOCK_STREAM)
        for left, (family, kind, protocol, _, address) in zip(range(len(addresses), 0, -1), addresses, strict=True):
            sock = _Socket(family, kind, protocol)
            try:
                for option in self.socket_options or ():
                    sock.setsockopt(*option)
                sock.settimeout(remaining_s() / left)
                sock.connect(address)
                if _current.connections is not None and isinstance(self, HTTPConnection):
                    _current.connections.add(self)
                sock.settimeout(remaining_s())  # the TLS handshake may take all that is left
            except OSError as error:
                sock.close()
                problem = error
            else:
                return sock
        raise problem


class _HttpConnection(_Connects, HTTPConnection):
    pass


class _HttpsConnection(_Connects, HTTPSConnection):
    pass


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


_POOLS = {"http": _HttpPool, "https": _HttpsPool}


def _context() -> ssl.SSLContext:
    context = create_urllib3_context()
    context.sslsocket_class = _TlsSocket
    return context


class DeadlineAdapter(HTTPAdapter):
    """A transport adapter of ``requests`` with one connection, whose sockets keep the deadline."""

    def __init__(self, proxy: ProxyUrl | None = None) -> None:
        self._proxy = proxy
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=_context(), **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, ssl_context=_context(), **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def proxy_headers(self, proxy: str) -> dict[str, str]:  # noqa: ARG002 - there is one
        return self._proxy.headers() if self._proxy else {}
