"""A session of ``requests`` as quiet as can be: no settings from outside, no cookies, no redirects, no token.

Connecting costs more than a request, so sessions, with the one connection that each has, outlive the slice that made
them.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.cookiejar import DefaultCookiePolicy
from socket import SHUT_RDWR, socket
from ssl import SSLContext
from typing import NamedTuple

import requests
from requests.auth import AuthBase
from urllib3.connection import HTTPConnection

from ...encryption import ProxyUrl, Secret
from ...version import __version__
from .deadline import DeadlineAdapter

USER_AGENT = f"bigcommerce_integration/{__version__}"
IDLE_S = 60.0
"""How long a session is kept that nobody uses."""
MOST_KEPT = 256
"""How many of them, over all stores: each is an open file."""


class Token(AuthBase):
    """Puts the token on one request, so that no session keeps it."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        # As the object that it is: it becomes text only when http.client writes it.
        request.headers["X-Auth-Token"] = self._token  # type: ignore[assignment]
        return request


class Way(NamedTuple):
    """What a session can be used for: one store, through this proxy, with these certificates trusted."""

    base: str
    proxy: ProxyUrl | None
    context: SSLContext | None


class StoreSession(requests.Session):
    """A session for one request at a time, with one connection that any thread can ``cut``.

    It does not even look where a redirect leads (``requests`` would read its body without bound).
    """

    def __init__(self, way: Way) -> None:
        super().__init__()
        self.way = way
        self.connection: HTTPConnection | None = None
        self.is_cut = False
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.headers.clear()
        self.headers.update({"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": USER_AGENT})
        if way.proxy is not None:
            self.proxies["https"] = way.proxy.shown
        adapter = DeadlineAdapter(way.context, way.proxy)
        for scheme in ("http://", "https://"):
            self.mount(scheme, adapter)

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002
        return None

    def note(self, connection: HTTPConnection) -> None:
        """Know its new connection; ``OSError`` once ``cut`` has been called."""
        self.connection = connection
        if self.is_cut:
            raise OSError("the client was closed meanwhile")

    def cut(self) -> None:
        """Let every wait on its connection see the end of its stream, now and for good."""
        self.is_cut = True
        sock = getattr(self.connection, "sock", None)
        if sock is not None:
            # Not SSLSocket.shutdown, which takes the TLS object from under the thread that reads.
            with suppress(OSError):  # closed meanwhile, which is what was wanted
                socket.shutdown(sock, SHUT_RDWR)


class KeptSessions:
    """The idle sessions of one process; a process that was forked off begins with none."""

    def __init__(self, *, most: int = MOST_KEPT, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._monotonic = monotonic
        self._begin()

    def take(self, way: Way) -> StoreSession | None:
        """The one that went this way last and is still fresh, for the caller alone; None without any."""
        self.close_old()
        with self._lock:
            at = next((at for at, (_, each) in reversed([*enumerate(self._idle)]) if each.way == way), None)
            return None if at is None else self._idle.pop(at)[1]

    def keep(self, session: StoreSession) -> None:
        """Keep it for whoever goes the same way; the oldest makes room."""
        self._check_process()
        with self._lock:
            self._idle.append((self._monotonic(), session))
        self.close_old()

    def close_old(self) -> None:
        """Close those that nobody has used for ``IDLE_S`` seconds, and the oldest of too many."""
        self._close(self._monotonic() - IDLE_S)

    def close(self) -> None:
        """Close all."""
        self._close(math.inf)

    def _close(self, until: float) -> None:
        """Those that were given back until then, and the oldest of too many."""
        self._check_process()
        with self._lock:
            surplus = len(self._idle) - self._most
            old = [each for at, (since, each) in enumerate(self._idle) if at < surplus or since <= until]
            del self._idle[: len(old)]
        for session in old:
            session.close()

    def _check_process(self) -> None:
        if self._process != os.getpid():
            # Forked: the connections are the parent's, and the lock may be held by a thread that is not here.
            self._begin()

    def _begin(self) -> None:
        self._process, self._lock = os.getpid(), threading.Lock()
        self._idle: list[tuple[float, StoreSession]] = []
