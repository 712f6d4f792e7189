"""A network that lets requests out through a proxy alone, and one whose proxy opens TLS."""

from __future__ import annotations

import logging
import traceback
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from bigcommerce_integration.client.http.transport import Transport
from bigcommerce_integration.encryption import ProxyUrl, Secret
from bigcommerce_integration.errors import StoreUnavailable

from ..certificates import Certificates, certificates
from ..connect_proxy import connect_proxy, wait_for_seen
from ..services import free_port
from .tiny_server import CALL, TOKEN, Behaviour, TinyServer, answer, drip, in_turn, serving

LOGIN = "clerk:pa%40ss-w0rd"
PASSWORD = "pa@ss-w0rd"


def transport(port: int, *, proxy: str | None = None, ca_bundle: Path | None = None, timeout_s: float = 5) -> Transport:
    return Transport(
        api_url=f"https://127.0.0.1:{port}",
        store_hash="abc123",
        access_token=Secret(TOKEN),
        timeout_s=timeout_s,
        proxy=ProxyUrl(proxy) if proxy else None,
        ca_bundle=str(ca_bundle) if ca_bundle else None,
    )


def tls_server(files: Certificates, *behaviours: Behaviour) -> AbstractContextManager[TinyServer]:
    """A store behind TLS."""
    context = files.server_context()
    return serving(in_turn(*behaviours), wrap=lambda plain: context.wrap_socket(plain, server_side=True))


def problem_of(way: Transport) -> StoreUnavailable:
    with pytest.raises(StoreUnavailable) as caught:
        way.get(CALL)
    way.close()
    return caught.value


def test_requests_go_through_the_proxy_inside_tls(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    files = certificates(tmp_path)
    with connect_proxy("clerk:" + PASSWORD) as proxy, tls_server(files, answer(body=b"[5]"), answer()) as server:
        way = transport(server.port, proxy=proxy.url(LOGIN), ca_bundle=files.authority)
        assert way.get(CALL).body == b"[5]"
        assert way.get(CALL).body == b"[]"
        way.close()
        wait_for_seen(proxy, f"CONNECT 127.0.0.1:{server.port}")
        asked = [line.rsplit(" HTTP/", 1)[0] for line in proxy.seen]
        assert asked == [f"CONNECT 127.0.0.1:{server.port}"], "one connection, of which the proxy can read nothing"
        assert len(server.heads) == 2
        assert "Proxy-Authorization" not in "".join(server.heads), "the proxy's password is not for the store"
    assert not any(form in caplog.text for form in (PASSWORD, "pa%40ss-w0rd", TOKEN))


def test_a_slow_answer_through_a_proxy_ends_in_time(tmp_path: Path) -> None:
    files = certificates(tmp_path)
    with connect_proxy() as proxy, tls_server(files, drip(b"HTTP/1.1 200 OK\r\n\r\n", b" ", 0.05)) as server:
        way = transport(server.port, proxy=proxy.url(), ca_bundle=files.authority, timeout_s=0.5)
        assert "did not answer within 0.5 seconds" in str(problem_of(way))


@pytest.mark.parametrize(
    ("login", "port", "words"),
    [
        ("clerk:wrong-w0rd", None, "does not accept the user name and password (407): correct BIGCOMMERCE_PROXY_URL"),
        ("", None, "does not accept the user name and password (407)"),
        (LOGIN, 1, "refused to connect to 127.0.0.1:1 (403)"),
    ],
)
def test_a_proxy_that_refuses_is_named(tmp_path: Path, login: str, port: int | None, words: str) -> None:
    files = certificates(tmp_path)
    with connect_proxy("clerk:" + PASSWORD) as proxy:
        error = problem_of(transport(port or free_port(), proxy=proxy.url(login), ca_bundle=files.authority))
    assert f"the proxy http://127.0.0.1:{proxy.port} {words}" in str(error)
    told = "".join(traceback.format_exception(error))
    assert not any(secret in told for secret in (PASSWORD, "wrong-w0rd", TOKEN))
    assert error.__context__ is None


def test_a_proxy_that_is_away_is_named(tmp_path: Path) -> None:
    with connect_proxy() as proxy:
        proxy.stop()
        error = problem_of(transport(free_port(), proxy=proxy.url(LOGIN)))
    assert f"http://127.0.0.1:{proxy.port} refused the connection" in str(error)
    assert PASSWORD not in str(error)


def test_a_proxy_whose_name_is_unknown_is_named() -> None:
    error = problem_of(transport(free_port(), proxy="http://proxy.invalid:3128"))
    assert "the name of http://proxy.invalid:3128 could not be resolved" in str(error)


@pytest.mark.parametrize("is_behind_proxy", [False, True])
def test_an_unknown_authority_asks_for_the_bundle(tmp_path: Path, is_behind_proxy: bool) -> None:
    files = certificates(tmp_path)
    with connect_proxy() as proxy, tls_server(files, answer()) as server:
        told = str(problem_of(transport(server.port, proxy=proxy.url() if is_behind_proxy else None)))
    assert "is not trusted" in told
    assert "set BIGCOMMERCE_CA_BUNDLE" in told


def test_a_store_by_http_is_asked_without_the_proxy() -> None:
    with serving(answer(body=b"[5]")) as server:
        way = Transport(
            api_url=server.url,
            store_hash="abc123",
            access_token=Secret(TOKEN),
            timeout_s=5,
            proxy=ProxyUrl("http://proxy.invalid:3128"),
        )
        assert way.get(CALL).body == b"[5]"
        way.close()


def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:3128")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid:3128")
    with serving(answer(body=b"[5]")) as server:
        way = server.transport()
        assert way.get(CALL).body == b"[5]"
        way.close()


@pytest.mark.parametrize(
    "text", ["", "proxy:3128", "https://proxy:3128", "socks5://proxy", "http://", "http://a:b@proxy:x", "http://p/path"]
)
def test_what_is_no_proxy_is_refused_untold(text: str) -> None:
    with pytest.raises(ValueError, match="no URL of a proxy") as caught:
        ProxyUrl(text)
    assert not text or text not in str(caught.value)


def test_a_proxy_shows_no_password() -> None:
    proxy = ProxyUrl("http://clerk:pa%40ss-w0rd@proxy.example")
    assert repr(proxy) == str(proxy) == "http://proxy.example:80"
    assert proxy.headers() == {"Proxy-Authorization": "Basic Y2xlcms6cGFAc3MtdzByZA=="}
