"""The deadline holds for the whole answer, however the server spends the time."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bigcommerce_integration.client.http.transport import Transport
from bigcommerce_integration.encryption import Secret
from bigcommerce_integration.errors import RateLimited, StoreUnavailable

from .tiny_server import CALL, Behaviour, answer, drip, in_turn, serving, silent

TIMEOUT_S = 1.0
# What a slow machine may be late; without the deadline these answers would never end.
LATE_S = 10.0
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "behave",
    [
        silent,
        drip(HEAD, b" ", 0.05),
        drip(CHUNKED, b"1\r\n \r\n", 0.05),
        drip(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"y", 0.05),
        drip(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", 0.05),
        drip(b"", b"H", 0.05),
        drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.05),
        drip(HEAD[:-2] + b"Content-Encoding: gzip\r\n\r\n", b"\x1f", 0.05),
        drip(HEAD.replace(b"200", b"302"), b" ", 0.05),
    ],
    ids=["silence", "body", "chunks", "header", "headers", "status", "continue", "packed", "redirect"],
)
def test_a_slow_answer_ends_at_the_deadline(behave: Behaviour) -> None:
    with serving(behave) as server:
        transport = server.transport(TIMEOUT_S)
        began = time.monotonic()
        with pytest.raises(Exception, match="abc123"):
            transport.get(CALL)
        assert time.monotonic() - began < TIMEOUT_S + LATE_S
        transport.close()


def test_it_says_that_the_time_was_up() -> None:
    with serving(silent) as server, pytest.raises(StoreUnavailable, match="did not answer within 1 seconds"):
        server.transport(TIMEOUT_S).get(CALL)


def test_the_status_counts_although_its_body_drips() -> None:
    with serving(drip(HEAD.replace(b"200", b"429"), b" ", 0.05)) as server, pytest.raises(RateLimited):
        server.transport(TIMEOUT_S).get(CALL)


def test_each_request_has_the_full_time() -> None:
    """Together they take longer than one may; the slack is for a busy machine."""
    timeout_s = 2.0

    def slow(connection: object, server: object) -> None:
        time.sleep(timeout_s * 0.4)
        answer()(connection, server)  # type: ignore[arg-type]

    with serving(slow) as server:
        transport = server.transport(timeout_s)
        for _ in range(3):
            assert transport.get(CALL).body == b"[]"
        assert server.connections == 1
        transport.close()


def test_closing_ends_a_request_under_way_in_another_thread() -> None:
    ended: list[float] = []

    def wait() -> None:
        with pytest.raises(StoreUnavailable):
            transport.get(CALL)
        ended.append(time.monotonic())

    with serving(drip(HEAD, b" ", 0.1)) as server:
        transport = server.transport(30)
        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(0.3)
        closed = time.monotonic()
        transport.close()
        thread.join(5)
    assert ended
    assert ended[0] - closed < 1


def certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that vouches for itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


@pytest.mark.parametrize("is_trusted", [True, False])
def test_tls_is_verified_and_keeps_the_deadline_too(tmp_path: Path, is_trusted: bool) -> None:
    file = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with serving(
        in_turn(answer(body=b"[5]"), drip(HEAD, b" ", 0.05)),
        wrap=lambda plain: context.wrap_socket(plain, server_side=True),
    ) as server:
        transport = Transport(
            api_url=f"https://127.0.0.1:{server.port}",
            store_hash="abc123",
            access_token=Secret("t"),
            timeout_s=TIMEOUT_S,
            ca_bundle=str(file) if is_trusted else None,
        )
        if is_trusted:
            assert transport.get(CALL).body == b"[5]"
            began = time.monotonic()
            with pytest.raises(StoreUnavailable, match="did not answer within"):
                transport.get(CALL)
            assert time.monotonic() - began < TIMEOUT_S + LATE_S
        else:
            with pytest.raises(StoreUnavailable, match="TLS"):
                transport.get(CALL)
            assert server.heads == []
        transport.close()


def test_a_dripping_tls_handshake_ends_at_the_deadline() -> None:
    def dribble(connection: socket.socket) -> socket.socket:
        while True:  # until the client leaves, which is an error here
            connection.sendall(b"\x16")
            time.sleep(0.05)

    with serving(silent, wrap=dribble) as server:
        transport = Transport(
            api_url=f"https://127.0.0.1:{server.port}",
            store_hash="abc123",
            access_token=Secret("t"),
            timeout_s=TIMEOUT_S,
        )
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            transport.get(CALL)
        assert time.monotonic() - began < TIMEOUT_S + LATE_S
        transport.close()
