"""Sockets that end at one moment in time, however slowly the other side talks.

The time-outs of ``requests`` hold between two bytes: a server that sends one byte a second is never late. So every
wait on these sockets, for connecting, the TLS handshake, headers and body, is cut to what is left until the deadline
of the request that the thread is making. (The handshake is one call, whose time-out Python applies to the whole.)
Only the look-up of a host name cannot be bounded from here: it takes what the system's resolver allows itself.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import certifi
from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from requests.utils import select_proxy
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.ssl_ import create_urllib3_context

from ...encryption import ProxyUrl


class _Current(threading.local):
    """What this thread's request may use: one request a thread at a time."""

    ends_at: float = 0.0
    note: Callable[[HTTPConnection], None] | None = None


_current = _Current()


@contextmanager
def deadline(ends_at: float, note: Callable[[HTTPConnection], None]) -> Iterator[None]:
    """Let every socket operation of this thread end at ``ends_at`` (``time.monotonic``); ``note`` new connections."""
    _current.ends_at, _current.note = ends_at, note
    try:
        yield
    finally:
        _current.note = None


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
                if _current.note is not None and isinstance(self, HTTPConnection):
                    _current.note(self)
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


def trusting(ca_bundle: str | None) -> ssl.SSLContext:
    """What TLS connections are made with: the certificates of this file are trusted, or those of ``certifi``.

    Reading them costs more than ten connections, so all of a process share it; a file that has changed is read again.
    """
    file = ca_bundle or certifi.where()
    return _trusting(file, os.stat(file).st_mtime_ns)


@lru_cache(maxsize=4)
def _trusting(file: str, changed_ns: int) -> ssl.SSLContext:  # noqa: ARG001
    context = create_urllib3_context()
    context.sslsocket_class = _TlsSocket
    context.load_verify_locations(file)
    return context


class DeadlineAdapter(HTTPAdapter):
    """A transport adapter of ``requests`` with one connection, whose sockets keep the deadline."""

    def __init__(self, context: ssl.SSLContext | None, proxy: ProxyUrl | None = None) -> None:
        """Without a ``context``, only http can be spoken."""
        self._context = context
        self._proxy = proxy
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, ssl_context=self._context, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def get_connection_with_tls_context(
        self,
        request: PreparedRequest,
        verify: Any,  # noqa: ARG002
        proxies: Any = None,
        cert: Any = None,  # noqa: ARG002
    ) -> Any:
        """A pool with our context: ``requests`` before 2.32.3 puts one of its own in its place."""
        proxy = select_proxy(request.url or "", proxies)
        manager = self.proxy_manager_for(proxy) if proxy else self.poolmanager
        return manager.connection_from_url(request.url)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:  # noqa: ARG002
        """The context has the certificates: named here, they would be read again for each connection."""
        conn.cert_reqs = "CERT_REQUIRED"

    def proxy_headers(self, proxy: str) -> dict[str, str]:  # noqa: ARG002 - there is one
        return self._proxy.headers() if self._proxy else {}
