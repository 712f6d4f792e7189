"""A store connected and mirrored in a network with a proxy that must be used, and with an authority of its own."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker

from bigcommerce_integration.app_state import state_of
from bigcommerce_integration.client.http import session
from bigcommerce_integration.sandbox import SandboxStore

from .certificates import Certificates, certificates
from .connect_proxy import ConnectProxy, connect_proxy, pass_on
from .host_app import bearer
from .shop import URL, Shop, opened
from .test_end_to_end import working

LOGIN = "clerk:pass-w0rd"


@dataclass
class TlsFront:
    """Speaks TLS, and passes on to a server that does not."""

    port: int
    target_port: int = 0


@contextmanager
def tls_front(files: Certificates) -> Iterator[TlsFront]:
    """Listening; ``target_port`` is to be set before anybody connects."""
    context = files.server_context()
    listener = socket.create_server(("127.0.0.1", 0))
    front = TlsFront(listener.getsockname()[1])

    def converse(plain: socket.socket) -> None:
        with (
            suppress(OSError),
            context.wrap_socket(plain, server_side=True) as client,
            socket.create_connection(("127.0.0.1", front.target_port)) as store,
        ):
            back = threading.Thread(target=pass_on, args=(store, client), daemon=True)
            back.start()
            pass_on_decrypted(client, store)
            back.join(5)

    def listen() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=converse, args=(listener.accept()[0],), daemon=True).start()

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield front
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def pass_on_decrypted(client: ssl.SSLSocket, store: socket.socket) -> None:
    """All bytes that the client sends."""
    with suppress(OSError):
        while part := client.recv(65536):
            store.sendall(part)
        store.shutdown(socket.SHUT_WR)


@contextmanager
def company(broker: StubBroker, url: str, directory: Path, **settings: Any) -> Iterator[tuple[Shop, ConnectProxy]]:
    """A shop whose store is behind TLS and a proxy; ``settings`` replace the right ones."""
    files = certificates(directory)
    with connect_proxy(LOGIN) as proxy, tls_front(files) as front:
        right = {
            "api_url": f"https://127.0.0.1:{front.port}",
            "proxy_url": proxy.url(LOGIN),
            "ca_bundle": str(files.authority),
        }
        with opened(url, broker, store=SandboxStore(12, 12), settings=right | settings) as shop:
            front.target_port = int(shop.server.api_url.rsplit(":", 1)[1])
            yield shop, proxy


def test_a_store_is_mirrored_through_the_proxy(
    broker: StubBroker, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "IDLE_S", 3600.0)
    with company(broker, sqlite_url, tmp_path) as (shop, proxy):
        made = shop.post()
        with working(shop.broker):
            shop.wait(60)
            assert proxy.seen
            connected = len(proxy.seen)
            path = f"{URL}/{made['id']}/products/refresh"
            started = shop.app.test_client().post(path, headers=bearer(shop.app)).json["data"]
            made["refreshes"].append(started)
            shop.wait(60)
        shop.assert_exact()
        assert all(line.startswith("CONNECT ") for line in proxy.seen)
        assert len(proxy.seen) == connected, "a slice goes by the connections of the one before it"
        assert state_of(shop.app).kept._idle == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"ca_bundle": None}, "set BIGCOMMERCE_CA_BUNDLE"),
        (
            {"proxy_url": "http://clerk:wr0ng@proxy.invalid"},
            "the name of http://proxy.invalid:80 could not be resolved",
        ),
    ],
)
def test_a_check_says_what_stands_in_the_way(
    broker: StubBroker, sqlite_url: str, tmp_path: Path, settings: dict[str, Any], words: str
) -> None:
    with company(broker, sqlite_url, tmp_path, **settings) as (shop, _):
        answer = shop.app.test_client().post(f"{URL}/check", json=shop.body(), headers=bearer(shop.app))
        assert answer.status_code == 200
        assert answer.text.count(words) == 1
        assert words in answer.json["data"]["message"]
        assert not any(secret in answer.text for secret in ("pass-w0rd", "wr0ng", shop.store.access_token))
