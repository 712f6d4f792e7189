"""A proxy as companies have it, in a process of its own: ``python -m tests.connect_proxy [USER:PASSWORD]``.

It connects where CONNECT asks it to and passes bytes on. It prints its port, then each request that it got, and what it
could read of the bytes that it passed on.
"""

from __future__ import annotations

import base64
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from .waiting import wait_until

ROOT = Path(__file__).parents[1]


@dataclass
class ConnectProxy:
    """A running proxy, and what it saw."""

    port: int
    process: subprocess.Popen[str]
    seen: list[str] = field(default_factory=list)

    def read(self) -> None:
        """What it prints, until it ends."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.seen.append(line.strip())

    def url(self, credentials: str = "") -> str:
        """Its address for the setting."""
        return f"http://{credentials}{'@' if credentials else ''}127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Nobody listens on its port any more."""
        self.process.kill()
        self.process.wait()


@contextmanager
def connect_proxy(credentials: str = "") -> Iterator[ConnectProxy]:
    """A proxy that wants these credentials, if any, and refuses to connect to port 1."""
    command = [sys.executable, "-m", __name__, *([credentials] if credentials else [])]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    proxy = ConnectProxy(int(process.stdout.readline()), process)
    reading = threading.Thread(target=proxy.read, daemon=True)
    reading.start()
    try:
        yield proxy
    finally:
        process.kill()
        process.wait()
        reading.join()
        process.stdout.close()


def wait_for_seen(proxy: ConnectProxy, words: str) -> None:
    """Until the proxy has told of this."""
    wait_until(lambda: any(words in line for line in proxy.seen), 30, f"{words} at the proxy")


def serve(credentials: str) -> None:
    """Listen, and serve each connection in a thread."""
    listener = socket.create_server(("127.0.0.1", 0))
    tell(str(listener.getsockname()[1]))
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=converse, args=(connection, credentials), daemon=True).start()


def converse(client: socket.socket, credentials: str) -> None:
    """One CONNECT, and what comes after it."""
    with client, suppress(OSError):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            part = client.recv(1)
            if not part:
                return
            head += part
        lines = head.decode("latin-1").split("\r\n")
        tell(lines[0])
        given = next((line.split(": ", 1)[1] for line in lines if line.lower().startswith("proxy-authorization")), "")
        if credentials and given != f"Basic {base64.b64encode(credentials.encode()).decode()}":
            client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        method, place, _ = lines[0].split(" ")
        host, port = place.rsplit(":", 1) if method == "CONNECT" else ("", "1")
        if port == "1":
            client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        with socket.create_connection((host, int(port))) as store:
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pass_on, args=(store, client), daemon=True)
            back.start()
            pass_on(client, store)
            back.join()


def pass_on(source: socket.socket, target: socket.socket) -> None:
    """All bytes of one direction."""
    with suppress(OSError):
        while part := source.recv(65536):
            if b"X-Auth-Token" in part:
                tell("a token was readable")
            target.sendall(part)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def tell(text: str) -> None:
    """To the test."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    serve(sys.argv[1] if len(sys.argv) > 1 else "")
