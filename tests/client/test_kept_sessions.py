"""Connections that outlive the client that made them."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from bigcommerce_integration.client.http import session as session_module
from bigcommerce_integration.client.http.deadline import trusting
from bigcommerce_integration.client.http.session import IDLE_S, KeptSessions
from bigcommerce_integration.client.http.transport import Transport
from bigcommerce_integration.encryption import Secret
from bigcommerce_integration.errors import StoreUnavailable

from ..certificates import certificates
from .tiny_server import CALL, TinyServer, answer, in_turn, serving, silent


def ask(server: TinyServer, kept: KeptSessions, *, store_hash: str = "abc123", **settings: Any) -> None:
    """One request by a client of its own."""
    given = {"api_url": server.url, "access_token": Secret("t0ken"), "timeout_s": 5} | settings
    transport = Transport(store_hash=store_hash, kept=kept, **given)
    try:
        transport.get(CALL)
    finally:
        transport.close()


def test_the_next_client_goes_by_the_same_connection() -> None:
    kept = KeptSessions()
    with serving(answer()) as server:
        for token in ("first", "second"):
            ask(server, kept, access_token=Secret(token))
        assert server.connections == 1
        assert ["X-Auth-Token: first" in head for head in server.heads] == [True, False]
        assert "X-Auth-Token: second" in server.heads[1]
        kept.close()


def test_another_store_has_a_connection_of_its_own() -> None:
    kept = KeptSessions()
    with serving(answer()) as server:
        for store_hash in ("abc123", "def456", "abc123"):
            ask(server, kept, store_hash=store_hash)
        assert server.connections == 2
        kept.close()


def test_idle_connections_are_closed_after_a_while() -> None:
    now = [0.0]
    kept = KeptSessions(monotonic=lambda: now[0])
    with serving(answer()) as server:
        ask(server, kept)
        now[0] += IDLE_S - 0.1
        ask(server, kept)
        assert server.connections == 1
        now[0] += IDLE_S
        kept.close_old()
        assert kept._idle == []
        ask(server, kept)
        assert server.connections == 2
        kept.close()


def test_the_oldest_of_too_many_is_closed() -> None:
    kept = KeptSessions(most=2)
    with serving(answer()) as server:
        for store_hash in ("a", "b", "c"):
            ask(server, kept, store_hash=store_hash)
        assert [each.way.base.split("/")[-2] for _, each in kept._idle] == ["b", "c"]
        kept.close()


def test_one_that_the_store_has_closed_is_no_failure() -> None:
    def last(connection: Any, server: TinyServer) -> None:
        answer()(connection, server)
        connection.close()

    kept = KeptSessions()
    with serving(in_turn(last, answer())) as server:
        ask(server, kept)
        ((_, session),) = kept._idle
        wait_for_end(session.connection.sock)  # type: ignore[union-attr]
        ask(server, kept)
        assert server.connections == 2
        kept.close()


def wait_for_end(sock: Any) -> None:
    """Until the other side's close has arrived."""
    sock.settimeout(30)
    assert sock.recv(1, 2) == b""  # MSG_PEEK


def test_a_request_that_was_cut_leaves_nothing_behind() -> None:
    kept = KeptSessions()
    with serving(silent) as server:
        transport = Transport(
            api_url=server.url, store_hash="abc123", access_token=Secret("t"), timeout_s=30, kept=kept
        )
        failures: list[str] = []

        def wait() -> None:
            with pytest.raises(StoreUnavailable) as caught:
                transport.get(CALL)
            failures.append(str(caught.value))

        thread = threading.Thread(target=wait)
        thread.start()
        while not server.heads:
            time.sleep(0.01)
        transport.close()
        thread.join(30)
        assert len(failures) == 1
        assert kept._idle == []


def test_a_forked_process_leaves_them_to_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = KeptSessions()
    with serving(answer()) as server:
        ask(server, kept)
        parents = kept._idle
        with monkeypatch.context() as forked:
            forked.setattr(session_module.os, "getpid", lambda: -1)
            ask(server, kept)
            assert server.connections == 2
            kept.close()
        ((_, session),) = parents
        assert session.connection is not None
        assert session.connection.sock is not None, "the parent's is still open"
        session.close()


def test_certificates_are_read_once_and_when_they_change(tmp_path: Path) -> None:
    authority = certificates(tmp_path).authority
    assert trusting(None) is trusting(None)
    first = trusting(str(authority))
    assert trusting(str(authority)) is first
    os.utime(authority, ns=(1, 1))
    assert trusting(str(authority)) is not first


def test_what_trusts_others_goes_by_no_old_connection(tmp_path: Path) -> None:
    ours, theirs = (certificates(folder) for folder in (tmp_path / "a", tmp_path / "b") if not folder.mkdir())
    context, kept = ours.server_context(), KeptSessions()
    with serving(answer(), wrap=lambda plain: context.wrap_socket(plain, server_side=True)) as server:
        url = f"https://127.0.0.1:{server.port}"
        for _ in range(2):
            ask(server, kept, api_url=url, ca_bundle=str(ours.authority))
        assert server.connections == 1
        with pytest.raises(StoreUnavailable, match="is not trusted"):
            ask(server, kept, api_url=url, ca_bundle=str(theirs.authority))
        kept.close()
