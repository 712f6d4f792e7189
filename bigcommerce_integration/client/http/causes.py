"""Why no answer came, in words: a pure decision from what was raised."""

from __future__ import annotations

import errno
import http.client
import re
import socket
import ssl
import traceback
from collections.abc import Iterator, Sequence

import requests
import urllib3

_BROKEN = (ConnectionResetError, BrokenPipeError, ConnectionAbortedError, http.client.RemoteDisconnected)
_UNREACHABLE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN})
_TUNNEL = re.compile(r"Tunnel connection failed: ([0-9]{3})")
_PROXY_WANTS_LOGIN = 407
_DEEPEST = 20
# What a request is known to raise; anything else is a fault of the code, and told with its place.
_KNOWN = (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError)


def cause(problem: Exception, *, place: str, proxy: str | None) -> str:
    """What completes "the store …"; never the text of an exception, which could hold anything.

    ``place`` is the host and port that was connected to, ``proxy`` the proxy that it was to be reached through.
    """
    found = list(_chain(problem))
    obstacle = next((text for each in found if (text := _obstacle(each, place, proxy)) is not None), None)
    if obstacle is not None:
        return f"could not be reached: {obstacle}"
    return _broken_off(problem, found) + (f" (through the proxy {proxy})" if proxy else "")


def _obstacle(each: BaseException, place: str, proxy: str | None) -> str | None:
    """Why there is no connection; None if that is not the matter."""
    reached = proxy or place
    text = None
    match each:
        case socket.gaierror():
            text = f"the name of {reached} could not be resolved"
        case ConnectionRefusedError():
            text = f"{reached} refused the connection"
        case ssl.SSLCertVerificationError():
            text = (
                f"the TLS certificate of {place} is not trusted ({each.verify_message}). If your network opens TLS, "
                "set BIGCOMMERCE_CA_BUNDLE to the file of its certificates"
            )
        case ssl.SSLError():
            text = f"the TLS handshake with {place} failed"
        case OSError() if refused := _TUNNEL.match(str(each)):
            text = _refused_by_proxy(int(refused[1]), place, proxy)
        case OSError() if each.errno in _UNREACHABLE:
            text = f"this network has no way to {reached}"
    return text


def _broken_off(problem: Exception, found: Sequence[BaseException]) -> str:
    """Why there is no whole answer, though perhaps a connection."""
    if any(isinstance(each, TimeoutError | requests.Timeout) for each in found):
        return "did not answer in time"
    if any(isinstance(each, _BROKEN) for each in found):
        return "broke the connection off"
    if isinstance(problem, requests.ConnectionError):
        return "could not be reached, or broke the connection off"
    if not isinstance(problem, _KNOWN):
        return f"could not be asked: {_fault(problem)}. Report this"
    return "gave an answer that was cut off or cannot be read"


def _refused_by_proxy(status: int, place: str, proxy: str | None) -> str:
    if status == _PROXY_WANTS_LOGIN:
        return f"the proxy {proxy} does not accept the user name and password (407): correct BIGCOMMERCE_PROXY_URL"
    return f"the proxy {proxy} refused to connect to {place} ({status})"


def _chain(problem: BaseException) -> Iterator[BaseException]:
    """What was raised and what it was raised from, in whichever way the libraries keep that."""
    waiting: list[object] = [problem]
    seen: set[int] = set()
    while waiting and len(seen) < _DEEPEST:
        each = waiting.pop(0)
        if not isinstance(each, BaseException) or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [getattr(each, "reason", None), *each.args, each.__cause__, each.__context__]


def _fault(problem: Exception) -> str:
    """The kind of an exception that nobody foresaw, and where it was raised."""
    frames = traceback.extract_tb(problem.__traceback__)
    place = f" at {frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else ""
    return f"{type(problem).__name__}{place}"
