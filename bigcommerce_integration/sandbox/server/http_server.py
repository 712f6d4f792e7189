"""The stand-in store on a port of the loopback interface."""

import ipaddress
import secrets
import socket
import socketserver
import threading
import time
from types import TracebackType
from typing import Any, Self

from ..records.moments import http_date
from ..store import SandboxStore
from . import control, gateway, wire
from .answers import rate_limited
from .faults import Fault, spoil
from .http_values import Answer, Request
from .request_log import InFlight, RequestLog, SeenRequest


class SandboxServer:
    """Serves one store in threads of this process, between `start` and `stop` or as a context manager.

    Each answer of the API is begun `latency_ms` after its request. Only loopback addresses are
    served: whoever reaches the control API may do everything.
    """

    def __init__(
        self,
        store: SandboxStore,
        host: str = "127.0.0.1",
        port: int = 0,
        latency_ms: float = 0,
        control_token: str | None = None,
    ) -> None:
        if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
            raise ValueError(f"{host} is not a loopback address")
        self.store = store
        self.host = host
        self.latency_ms = latency_ms
        self.control_token = control_token or secrets.token_hex(16)
        self.requests = RequestLog()
        # Before `start` the one asked for, then the one served.
        self.port = port
        self._in_flight = InFlight()
        self._running = threading.Event()
        self._running.set()
        self._stopping = threading.Event()
        self._listener: _Listener | None = None
        self._thread: threading.Thread | None = None

    @property
    def api_url(self) -> str:
        """What stands before `/stores/{hash}/v3/…`."""
        return f"http://{self.host}:{self.port}"

    @property
    def access_token(self) -> str:
        """The first app's token."""
        return self.store.access_token

    @property
    def store_hash(self) -> str:
        """The store's name in paths."""
        return self.store.store_hash

    def start(self) -> Self:
        """Listen; returns when connections are taken."""
        if self._listener is not None:
            raise RuntimeError("the server runs already")
        self._stopping.clear()
        self._listener = _Listener((self.host, self.port), self)
        self.port = self._listener.server_address[1]
        self._thread = threading.Thread(
            target=self._listener.serve_forever, kwargs={"poll_interval": 0.02}, name="bigcommerce-sandbox", daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close all connections and wait for the threads; harmless if it does not run."""
        if self._listener is None or self._thread is None:
            return
        self._stopping.set()
        self._running.set()
        self._listener.shutdown()
        self._thread.join()
        self._listener.close_connections()
        self._listener.server_close()
        self._listener = self._thread = None

    @property
    def most_in_flight(self) -> int:
        """The most requests to one endpoint that were being answered at once."""
        return self._in_flight.most

    def pause(self) -> None:
        """Answer nothing of the API until `resume`; requests wait."""
        self._running.clear()

    def resume(self) -> None:
        """Answer again, the waiting requests first."""
        self._running.set()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    def serve(self, connection: socket.socket, request: Request) -> bool:
        """Answer one request; returns whether the connection goes on."""
        if request.path == "/control" or request.path.startswith("/control/"):
            return self._send(connection, request, control.answer(self, request)) is not None
        when = time.time()
        cap = self.store.switches.concurrency_cap
        with self._in_flight.entered(gateway.endpoint(request), cap) as allowed:
            self._running.wait()
            if self.latency_ms:
                self._stopping.wait(self.latency_ms / 1000)
            if self._stopping.is_set():
                return False
            if not allowed:
                return self._logged(connection, request, rate_limited(), None, when)
            fault = self.store.faults.take(request.method, request.target)
            if fault is not None and fault.kind in ("delay", "hang"):
                self._stopping.wait(fault.wait_s)
            if fault is not None and fault.kind in ("hang", "reset"):
                self.requests.add(SeenRequest(request.method, request.path, request.raw_query, 0, when, 0))
                if fault.kind == "reset":
                    wire.reset(connection)
                return False
            reply = gateway.answer(self.store, request)
            if fault is not None:
                reply = spoil(fault, request, reply)
            return self._logged(connection, request, reply, fault, when)

    def _logged(
        self, connection: socket.socket, request: Request, reply: Answer, fault: Fault | None, when: float
    ) -> bool:
        # Noted before the answer leaves, so that who has it finds it in the log.
        size = len(reply.body)
        self.requests.add(SeenRequest(request.method, request.path, request.raw_query, reply.status, when, size))
        return self._send(connection, request, reply, fault)

    def _send(self, connection: socket.socket, request: Request, reply: Answer, fault: Fault | None = None) -> bool:
        mark = "\ufeff" if self.store.switches.byte_order_mark and reply.body else ""
        body = (mark + reply.body).encode("utf-8", "surrogateescape")
        close = request.headers.get("connection", "").lower() == "close"
        headers = {"Date": http_date(self.store.now), "Connection": "close" if close else "keep-alive"}
        head = wire.head(reply, len(body), headers, lower_case=self.store.switches.lower_case_headers)
        if fault is not None and fault.kind in ("cut", "cut_reset"):
            connection.sendall(head + body[: len(body) // 2])
            if fault.kind == "cut_reset":
                # A reset overtakes what its client has not read yet.
                self._stopping.wait(0.02)
                wire.reset(connection)
            return False
        if fault is not None and fault.kind == "slow":
            wire.send_slowly(connection, head + body, fault.wait_s, self._stopping.wait)
        else:
            connection.sendall(head + body)
        return not close


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = False
    block_on_close = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], owner: SandboxServer) -> None:
        self.owner = owner
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        # Noted before its thread exists: `stop` must not miss one that has not begun to read.
        with self._connections_lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def closed(self, connection: socket.socket) -> None:
        with self._connections_lock:
            self._connections.discard(connection)

    def close_connections(self) -> None:
        """Wake the threads that wait for a next request."""
        with self._connections_lock:
            for connection in self._connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # its client was faster

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        # A reset must not be turned into an orderly close.
        if isinstance(request, socket.socket) and request.fileno() != -1:
            super().shutdown_request(request)


class _Connection(socketserver.StreamRequestHandler):
    server: _Listener
    disable_nagle_algorithm = True
    rbufsize = 65536

    def handle(self) -> None:
        try:
            while (request := wire.read_request(self.rfile)) is not None:
                if not self.server.owner.serve(self.connection, request):
                    return
        except (wire.BadRequest, OSError):
            return  # the client left, or does not speak HTTP

    def finish(self) -> None:
        self.server.closed(self.connection)
        self.rfile.close()
        self.wfile.close()
