"""One request against real servers: what goes out, and what each answer means."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from bigcommerce_integration.client.http import transport as transport_module
from bigcommerce_integration.client.http.rate_limit import Quota
from bigcommerce_integration.client.http.session import USER_AGENT
from bigcommerce_integration.client.http.transport import Call, Transport
from bigcommerce_integration.encryption import Secret
from bigcommerce_integration.errors import (
    RateLimited,
    RecordGone,
    ScopeMissing,
    StoreError,
    StoreNotFound,
    StoreUnavailable,
    TokenRejected,
    Unconfirmed,
    UnexpectedAnswer,
)

from .tiny_server import CALL, ONE, TOKEN, Behaviour, TinyServer, answer, hang_up, in_turn, serving


def get(behave: Behaviour, call: Call = CALL, timeout_s: float = 5.0) -> transport_module.Answer:
    with serving(behave) as server:
        transport = server.transport(timeout_s)
        try:
            return transport.get(call)
        finally:
            transport.close()


def test_the_request_has_the_headers_it_needs_and_no_others() -> None:
    with serving(answer()) as server:
        transport = server.transport()
        transport.get(CALL)
        transport.close()
    line, *headers = server.heads[0].strip().split("\r\n")
    assert line == "GET /stores/abc123/v3/catalog/products?limit=250 HTTP/1.1"
    assert dict(header.split(": ", 1) for header in headers) == {
        "Host": f"127.0.0.1:{server.port}",
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
        "User-Agent": USER_AGENT,
        "X-Auth-Token": TOKEN,
    }


def test_query_is_percent_encoded_and_lists_keep_their_commas() -> None:
    call = Call(
        "v3/catalog/products",
        (("id:in", "1,2"), ("date_modified:min", "2025-01-15T00:03:17Z"), ("name", "a+b&c=d é/?#")),
        "products",
        "scope",
    )
    with serving(answer()) as server:
        transport = server.transport()
        transport.get(call)
        transport.close()
    assert server.heads[0].split(" ")[1] == (
        "/stores/abc123/v3/catalog/products?id%3Ain=1,2&date_modified%3Amin=2025-01-15T00%3A03%3A17Z"
        "&name=a%2Bb%26c%3Dd%20%C3%A9%2F%3F%23"
    )


def test_without_parameters_there_is_no_question_mark() -> None:
    with serving(answer(body=b"{}")) as server:
        transport = server.transport()
        transport.get(ONE)
        transport.close()
    assert server.heads[0].startswith("GET /stores/abc123/v2/orders/7 HTTP")


@pytest.mark.parametrize("path", ["", "/v2/store", "v2/store/", "v2//store", "v2/../x", "v2/store?x=1", "v2/störe"])
def test_a_path_that_is_none_is_refused(path: str) -> None:
    transport = Transport(api_url="https://localhost", store_hash="abc123", access_token=Secret("t"), timeout_s=1)
    with pytest.raises(ValueError, match="not a path"):
        transport.get(Call(path, (), "x", "y"))


@pytest.mark.parametrize(
    "store_hash",
    ["", "a" * 33, "abc\n", "ａｂｃ", "ab-c", "../x", "https://api.bigcommerce.com/stores/abc/v3/", "abc/v3"],
)
def test_a_store_hash_that_is_none_is_refused(store_hash: str) -> None:
    with pytest.raises(ValueError, match="store hash"):
        Transport(api_url="https://localhost", store_hash=store_hash, access_token=Secret("t"), timeout_s=1)


@pytest.mark.parametrize("token", ["", "with space", "line\nbreak", "é", "a" * 256])
def test_token_unfit_for_a_header_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(ValueError, match="access token") as caught:
        Secret(token)
    assert not token or token not in str(caught.value)


@pytest.mark.parametrize("url", ["", "ftp://x", "https://", "localhost", "https://user:pass@host", "https://host?x=1"])
def test_an_api_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="API URL"):
        Transport(api_url=url, store_hash="abc", access_token=Secret("t"), timeout_s=1)


def test_threads_share_connections_but_not_at_once() -> None:
    both = threading.Barrier(2)

    def together(connection: socket.socket, server: TinyServer) -> None:
        both.wait(30)
        answer()(connection, server)

    with serving(in_turn(answer(), answer(), together, together, answer())) as server:
        transport = server.transport()
        for _ in range(2):
            in_threads(transport, 1)
        assert server.connections == 1
        in_threads(transport, 2)
        assert server.connections == 2
        in_threads(transport, 1)
        assert server.connections == 2
        transport.close()


def in_threads(transport: Transport, count: int) -> None:
    """A request by each of so many threads, at once."""
    threads = [threading.Thread(target=transport.get, args=(CALL,)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)


def test_settings_of_the_environment_are_not_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("home")
    (home / ".netrc").write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("NETRC", str(home / ".netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with serving(answer()) as server:
        transport = server.transport()
        assert transport.get(CALL).status == 200
        transport.close()
    assert "Authorization" not in server.heads[0]


def test_cookies_are_not_kept() -> None:
    with serving(answer(headers=("Set-Cookie: session=1; Path=/",))) as server:
        transport = server.transport()
        transport.get(CALL)
        transport.get(CALL)
        transport.close()
    assert "Cookie" not in server.heads[1]


def test_the_quota_comes_with_the_answer() -> None:
    headers = (
        "x-rate-limit-requests-quota: 150",
        "X-Rate-Limit-Requests-Left: 149",
        "X-Rate-Limit-Time-Window-Ms: 30000",
        "X-Rate-Limit-Time-Reset-Ms: 2500",
    )
    assert get(answer(headers=headers)).quota == Quota(limit=150, left=149, window_s=30.0, reset_s=2.5)
    assert get(answer()).quota is None


def test_observed_at_is_the_stores_clock_when_the_request_began() -> None:
    def late(connection: object, server: object) -> None:
        time.sleep(0.3)
        answer(headers=("Date: Sat, 15 Nov 2025 08:12:31 GMT",))(connection, server)  # type: ignore[arg-type]

    found = get(late)
    assert found.observed_at == datetime(2025, 11, 15, 8, 12, 30)
    assert 0.3 <= found.elapsed_s < 2


@pytest.mark.parametrize(
    "headers",
    [(), ("Date: yesterday",), ("Date: Tue, 99 Nov 2025 08:12:31 GMT",), ("Date: Mon, 01 Jan 0001 00:00:00 GMT",)],
)
def test_observed_at_without_the_stores_clock_is_ours(headers: tuple[str, ...]) -> None:
    found = get(answer(headers=headers)).observed_at
    now = datetime.now(UTC).replace(tzinfo=None)
    assert found.microsecond == 0
    assert now - timedelta(seconds=3) < found <= now


def test_an_answer_without_content_is_a_success_with_no_text() -> None:
    found = get(answer(204, b"", headers=("Content-Type: text/html",)))
    assert (found.status, found.body) == (204, b"")


def test_a_packed_answer_is_unpacked_also_in_several_members() -> None:
    text = json.dumps(["ä" * 100_000])
    packed = gzip.compress(text[:50_000].encode()) + gzip.compress(text[50_000:].encode())
    assert get(answer(body=packed, headers=("Content-Encoding: gzip",))).body.decode() == text


def test_a_chunked_answer_is_read_whole() -> None:
    body = b"4\r\n[1,2\r\n2\r\n,3\r\n1\r\n]\r\n0\r\n\r\n"
    assert get(answer(body=body, headers=("Transfer-Encoding: chunked",))).body == b"[1,2,3]"


V2_ERROR = b'[{"status": 400, "message": "The field \'min_id\' is invalid."}]'
V3_ERROR = (
    b'{"status": 422, "title": "The filter(s): foo are not valid filter parameter(s).", "type": "x", "errors": {}}'
)


JSON = ("Content-Type: application/json; charset=utf-8",)
OWN = [(JSON, V2_ERROR), (JSON, V3_ERROR), (("Content-Type: application/problem+json",), V3_ERROR)]
NOT_OWN = [
    ((), V2_ERROR),
    (("Content-Type: text/html",), V3_ERROR),
    (JSON, b"<html><title>Oops</title></html>"),
    (JSON, b""),
    (JSON, b"\xff\xfe"),
    (JSON, b"null"),
    (JSON, b"[]"),
    (JSON, b'{"status":404}'),
    (JSON, b'{"data":[]}'),
]


def failure(status: int, headers: tuple[str, ...], body: bytes, call: Call = CALL) -> StoreError:
    """The error of an answer; its message says where it came from."""
    with pytest.raises(StoreError) as caught:
        get(answer(status, b"" if status == 304 else body, headers=headers), call)
    for part in ("abc123", call.resource, str(status)):
        assert part in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (400, UnexpectedAnswer),
        (401, TokenRejected),
        (403, ScopeMissing),
        (404, StoreNotFound),
        (405, UnexpectedAnswer),
        (406, UnexpectedAnswer),
        (409, UnexpectedAnswer),
        (413, UnexpectedAnswer),
        (415, UnexpectedAnswer),
        (422, UnexpectedAnswer),
        (501, UnexpectedAnswer),
        (505, UnexpectedAnswer),
    ],
)
@pytest.mark.parametrize(("headers", "body"), OWN)
def test_the_apis_own_error_is_what_its_status_means(
    status: int, verdict: type[StoreError], headers: tuple[str, ...], body: bytes
) -> None:
    found = failure(status, headers, body)
    assert isinstance(found, Unconfirmed)
    assert (type(found.verdict), found.is_own) == (verdict, True)
    assert str(status) in str(found.verdict)


@pytest.mark.parametrize("status", [400, 403, 405, 406, 409, 413, 415, 422, 501, 505])
@pytest.mark.parametrize(("headers", "body"), NOT_OWN)
def test_what_is_not_the_apis_own_error_may_pass(status: int, headers: tuple[str, ...], body: bytes) -> None:
    assert type(failure(status, headers, body)) is StoreUnavailable


@pytest.mark.parametrize(("status", "verdict"), [(401, TokenRejected), (404, StoreNotFound)])
@pytest.mark.parametrize(("headers", "body"), NOT_OWN)
def test_what_concerns_the_whole_store_may_be_a_web_page(
    status: int, verdict: type[StoreError], headers: tuple[str, ...], body: bytes
) -> None:
    found = failure(status, headers, body)
    assert isinstance(found, Unconfirmed)
    assert (type(found.verdict), found.is_own) == (verdict, False)


@pytest.mark.parametrize(
    "status",
    [202, 203, 206, 207, 301, 304, 402, 407, 408, 418, 423, 425, 451, 499, 500, 502, 503, 504, 509, 520, 599],
)
@pytest.mark.parametrize(("headers", "body"), [*OWN, *NOT_OWN])
def test_odd_statuses_may_pass_whatever_their_body(status: int, headers: tuple[str, ...], body: bytes) -> None:
    assert type(failure(status, headers, body)) is StoreUnavailable


@pytest.mark.parametrize(("headers", "body"), [*OWN, *NOT_OWN])
def test_a_429_is_one_whatever_its_body(headers: tuple[str, ...], body: bytes) -> None:
    assert type(failure(429, headers, body)) is RateLimited


@pytest.mark.parametrize("status", [200, 403, 404, 503])
def test_a_web_page_is_named_by_its_title(status: int) -> None:
    page = b"<!DOCTYPE html>\n<html><title>Attention Required! | Cloudflare</title></html>"
    found = failure(status, ("Content-Type: text/html; charset=UTF-8",), page)
    assert isinstance(found, StoreUnavailable)
    assert "(Attention Required! | Cloudflare): a web page came in place of the API's answer." in str(found)


def test_a_missing_scope_is_named() -> None:
    found = failure(403, JSON, b'{"status":403,"title":"You don\'t have a required scope","errors":{}}')
    assert isinstance(found, Unconfirmed)
    assert isinstance(found.verdict, ScopeMissing)
    assert found.verdict.scope == "store_v2_products_read_only"
    assert "store_v2_products_read_only" in str(found.verdict)


@pytest.mark.parametrize("body", [b'[{"status":404,"message":"Not found."}]', b'{"status":404,"title":"gone"}'])
def test_404_of_a_record_means_it_is_deleted(body: bytes) -> None:
    assert isinstance(failure(404, JSON, body, ONE), RecordGone)


@pytest.mark.parametrize(("headers", "body"), NOT_OWN)
def test_another_404_of_a_record_proves_nothing(headers: tuple[str, ...], body: bytes) -> None:
    assert type(failure(404, headers, body, ONE)) is StoreUnavailable


def test_the_404_of_a_record_may_be_asked_for() -> None:
    call = Call("v2/orders/7", (), "order 7", "scope", single=True, missing_ok=True)
    found = get(answer(404, b'[{"status":404,"message":"Not found."}]', headers=JSON), call)
    assert (found.status, found.body) == (404, b"")


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ((), None),
        (("X-Retry-After: 7",), 7.0),
        (("X-Rate-Limit-Time-Reset-Ms: 2500", "X-Rate-Limit-Requests-Left: 35"), 2.5),
        (("x-rate-limit-time-reset-ms: 2500", "x-retry-after: 2"), 2.5),
        (("Retry-After: 9",), 9.0),
    ],
)
def test_a_429_says_how_long_to_wait(headers: tuple[str, ...], wait_s: float | None) -> None:
    with pytest.raises(RateLimited) as caught:
        get(answer(429, b"", headers=headers))
    assert caught.value.wait_s == wait_s


def test_a_503_may_say_how_long_to_wait() -> None:
    reset = ("X-Rate-Limit-Time-Reset-Ms: 2500",)
    for headers, wait_s in ((reset, None), ((*reset, "Retry-After: 40"), 40.0)):
        found = failure(503, headers, b"")
        assert isinstance(found, StoreUnavailable)
        assert found.wait_s == wait_s


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_carries_no_token(status: int) -> None:
    with (
        serving(answer()) as elsewhere,
        serving(
            answer(status, b"x", headers=(f"Location: {elsewhere.url}/stores/abc123/v3/catalog/products",))
        ) as server,
    ):
        transport = server.transport()
        with pytest.raises(StoreUnavailable, match="redirect"):
            transport.get(CALL)
        transport.close()
    assert elsewhere.heads == []
    assert len(server.heads) == 1


@pytest.mark.parametrize(
    "behave",
    [
        hang_up,
        answer(body=b"[1,2", length=400),
        answer(body=gzip.compress(b"[1,2]" * 900)[:-9], headers=("Content-Encoding: gzip",)),
        answer(body=b"no gzip", headers=("Content-Encoding: gzip",)),
        answer(body=b"[]", headers=("Content-Encoding: br",)),
        answer(body=b"4\r\n[1,2\r\nzz\r\n", headers=("Transfer-Encoding: chunked",)),
        lambda connection, server: connection.sendall(b"no http at all\r\n\r\n"),
        lambda connection, server: connection.sendall(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 300 + b"\r\n"),
    ],
)
def test_what_is_no_whole_answer_is_asked_for_again_later(behave: Behaviour) -> None:
    with pytest.raises(StoreUnavailable, match="abc123") as caught:
        get(behave, timeout_s=2)
    assert caught.value.__context__ is None


def test_a_chunked_answer_that_ends_early_is_noticed() -> None:
    def cut(connection: object, server: object) -> None:
        body = b"4\r\n[1,2\r\n"
        answer(body=body, headers=("Transfer-Encoding: chunked",))(connection, server)  # type: ignore[arg-type]
        connection.close()  # type: ignore[attr-defined]

    with pytest.raises(StoreUnavailable):
        get(cut)


def test_nobody_there_is_an_unavailable_store() -> None:
    with serving(answer()) as server:
        pass
    with pytest.raises(StoreUnavailable, match="could not be reached"):
        server.transport().get(CALL)


def test_a_host_without_an_address_is_an_unavailable_store() -> None:
    transport = Transport(api_url="http://nowhere.invalid", store_hash="abc123", access_token=Secret("t"), timeout_s=3)
    with pytest.raises(StoreUnavailable, match="could not be reached"):
        transport.get(CALL)


@pytest.mark.parametrize("encoding", ["", "Content-Encoding: gzip"])
def test_a_body_beyond_the_cap_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    monkeypatch.setattr(transport_module, "BODY_CAP", 200_000)
    for size in (200_000, 200_001, 20_000_000):
        body = b" " * size
        behave = answer(body=gzip.compress(body) if encoding else body, headers=(encoding,) if encoding else ())
        found = get(behave)
        assert (len(found.body), found.is_cut) == (200_000, size > 200_000)


def test_the_body_of_an_error_is_read_only_a_little() -> None:
    with pytest.raises(RateLimited):
        get(answer(429, b"x" * 5_000_000))


def test_an_error_whose_body_is_cut_is_no_verdict() -> None:
    with pytest.raises(StoreUnavailable):
        get(answer(403, V3_ERROR, headers=JSON, length=len(V3_ERROR) + 1))
    with pytest.raises(RateLimited):
        get(answer(429, b"{", length=100))


def test_request_after_a_failure_opens_a_new_connection() -> None:
    with serving(in_turn(answer(body=b"[1,2", length=400), answer(body=b"[3]"))) as server:
        transport = server.transport()
        with pytest.raises(StoreUnavailable):
            transport.get(CALL)
        assert transport.get(CALL).body == b"[3]"
        assert server.connections == 2
        transport.close()


def test_a_closed_client_asks_no_more() -> None:
    with serving(answer()) as server:
        transport = server.transport()
        transport.close()
        with pytest.raises(StoreUnavailable, match="closed"):
            transport.get(CALL)
    assert server.heads == []
