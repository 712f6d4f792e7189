"""HTTP/1.1 on a socket: reading requests, writing answers, and writing them wrongly on demand.

Not `http.server`: its header parsing alone costs more than making a page of 250 records, and it hides
the socket that a fault has to break.
"""

import socket
import struct
from collections.abc import Callable
from io import BufferedIOBase

from .answers import reason
from .http_values import Answer, Request

MAX_LINE = 65536
MAX_HEADERS = 100
MAX_BODY = 16 * 1024 * 1024
_PIECES = 20


class BadRequest(Exception):
    """What came is not HTTP that we speak; the connection is closed."""


def read_request(stream: BufferedIOBase) -> Request | None:
    """The next request of a connection, None at its end; raises BadRequest."""
    line = stream.readline(MAX_LINE)
    if not line:
        return None
    parts = line.decode("latin-1").split()
    if len(parts) != 3 or not parts[2].startswith("HTTP/1.") or not parts[1].startswith("/"):
        raise BadRequest("request line")
    headers: dict[str, str] = {}
    for _ in range(MAX_HEADERS):
        line = stream.readline(MAX_LINE)
        if line in (b"\r\n", b"\n"):
            break
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            raise BadRequest("header")
        headers[name.strip().lower()] = value.strip()
    else:
        raise BadRequest("too many headers")
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not length.isdigit() or int(length) > MAX_BODY:
        raise BadRequest("body")
    body = stream.read(int(length)) if length != "0" else b""
    if parts[2] == "HTTP/1.0":
        headers.setdefault("connection", "close")
    return Request(parts[0], parts[1], headers, body)


def head(answer: Answer, length: int, headers: dict[str, str], *, lower_case: bool) -> bytes:
    """The status line and headers; a 204 has neither type nor length."""
    lines = [f"HTTP/1.1 {answer.status} {reason(answer.status)}"]
    own = {} if answer.status == 204 else {"Content-Type": answer.content_type, "Content-Length": str(length)}
    for name, value in {**headers, **own, **answer.headers}.items():
        lines.append(f"{name.lower() if lower_case else name}: {value}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def reset(connection: socket.socket) -> None:
    """End a connection with a reset instead of an orderly close."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def send_slowly(connection: socket.socket, data: bytes, seconds: float, wait: Callable[[float], bool]) -> None:
    """Send in small pieces over a time; `wait` sleeps and returns True when the server stops."""
    size = max(1, len(data) // _PIECES)
    for start in range(0, len(data), size):
        connection.sendall(data[start : start + size])
        if wait(seconds / _PIECES):
            return
