"""A way to a server that can be shut, opened, or be silent: what a network does to a broker."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Literal, Self

from .services import free_port

Mode = Literal["closed", "silent", "open"]


class Gate:
    """Listens on a port of its own, unless closed; silent, it accepts and never answers; open, it forwards."""

    def __init__(self, host: str, port: int, mode: Mode = "closed") -> None:
        self._target = (host, port)
        self._mode: Mode = mode
        self._listener: socket.socket | None = None
        self._connections: list[socket.socket] = []
        self.port = free_port()

    def __enter__(self) -> Self:
        self.turn(self._mode)
        return self

    def __exit__(self, *error: object) -> None:
        self.turn("closed")

    def turn(self, mode: Mode) -> None:
        """Change what it does; connections made before are cut."""
        if self._listener is not None:
            # Wakes the thread that waits in accept.
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        connections, self._connections = self._connections, []
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        if mode == "closed":
            return
        self._listener = listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(listener, mode), daemon=True).start()

    def _accept(self, listener: socket.socket, mode: Mode) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            if mode == "open":
                target = socket.create_connection(self._target)
                self._connections.append(target)
                for ends in ((connection, target), (target, connection)):
                    threading.Thread(target=_copy, args=ends, daemon=True).start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
