"""The token does not show itself."""

from __future__ import annotations

import copy
import logging
import pickle
import traceback

import pytest
from urllib3.connection import HTTPConnection

from bigcommerce_integration.client.http.transport import Call, _RawResponse
from bigcommerce_integration.config import read_config
from bigcommerce_integration.encryption import DOTS, Secret, generate_key
from bigcommerce_integration.errors import StoreError, StoreUnavailable

from .tiny_server import CALL, ONE, TOKEN, Behaviour, answer, drip, hang_up, serving, silent

ECHO = f'{{"title": "The token {TOKEN} is bad"}}'.replace('<"', '<\\"').encode()


def test_a_secret_shows_as_dots() -> None:
    secret = Secret(TOKEN)
    assert repr(secret) == str(secret) == f"{secret}" == DOTS
    assert secret.reveal() == TOKEN
    for keep in (pickle.dumps, copy.copy):
        with pytest.raises(TypeError, match="not pickled"):
            keep(secret)


def holds(value: object, needle: str, depth: int = 0) -> bool:
    """Whether the text is found in what is reachable by attributes, without asking for the secret."""
    if isinstance(value, str | bytes):
        return needle in (value if isinstance(value, str) else value.decode("latin-1"))
    if depth > 6 or isinstance(value, Secret):
        return False
    if isinstance(value, dict):
        return any(holds(each, needle, depth + 1) for each in [*value, *value.values()])
    if isinstance(value, list | tuple | set):
        return any(holds(each, needle, depth + 1) for each in value)
    return holds(vars(value), needle, depth + 1) if hasattr(value, "__dict__") else False


@pytest.mark.parametrize("call", [CALL, ONE], ids=["collection", "single"])
@pytest.mark.parametrize(
    "behave",
    [
        *(answer(status, ECHO) for status in (301, 400, 401, 403, 404, 422, 429, 500, 503)),
        answer(302, headers=(f"Location: http://127.0.0.1:1/?token={TOKEN}",)),
        answer(401, f"<title>{TOKEN}</title>".encode()),
        answer(200, b"[", length=900, headers=(f"X-Echo: {TOKEN}",)),
        lambda connection, server: connection.sendall(f"HTTP/1.1 {TOKEN}\r\n\r\n".encode()),
        lambda connection, server: connection.sendall(f"HTTP/1.1 200 OK\r\nX\0{TOKEN}\r\n\r\n".encode()),
        hang_up,
        silent,
        drip(b"HTTP/1.1 200 OK\r\n\r\n", b" ", 0.05),
    ],
)
def test_no_failure_shows_the_token(behave: Behaviour, call: Call, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(behave) as server:
        transport = server.transport(0.2)
        with pytest.raises(StoreError) as caught:
            transport.get(call)
        shown = [
            str(caught.value),
            repr(caught.value),
            "".join(traceback.format_exception(caught.value)),
            repr(transport),
            caplog.text,
            *(repr(record.__dict__) for record in caplog.records),
        ]
        transport.close()
    assert not any(TOKEN in text for text in shown)
    error: BaseException | None = caught.value
    assert error is not None
    assert error.__context__ is None
    assert error.__cause__ is None
    assert not holds(vars(error), TOKEN)
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if "/client/" in frame.f_code.co_filename]
    ours = [frame for frame in frames if "tests" not in frame.f_code.co_filename]
    assert ours
    for frame in ours:
        for name, value in frame.f_locals.items():
            if name not in {"text", "raw"}:  # what the store itself sent may quote it
                assert TOKEN not in repr(value), f"{frame.f_code.co_name}: {name}"


def test_an_unforeseen_exception_carries_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Error collectors send the local variables of a traceback's frames away, and those of the library hold headers."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(f"unforeseen, with {TOKEN}")

    monkeypatch.setattr(HTTPConnection, "getresponse", fail)
    with serving(answer()) as server:
        transport = server.transport()
        with pytest.raises(StoreUnavailable, match=r"RuntimeError at test_secret\.py") as caught:
            transport.get(CALL)
        transport.close()
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    assert not any(frame.f_code.co_filename.endswith(("adapters.py", "connectionpool.py")) for frame in frames)
    assert not any(TOKEN in repr(frame.f_locals) for frame in frames if frame.f_code.co_name != "<module>")
    assert TOKEN not in str(caught.value)


def test_what_holds_keys_refuses_to_be_pickled() -> None:
    key = generate_key()
    config = read_config({"BIGCOMMERCE_ENCRYPTION_KEYS": [key], "BIGCOMMERCE_PROXY_URL": "http://a:hush@proxy"})
    for holder in (config, config.cipher(), config.proxy_url):
        for keep in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="not pickled"):
                keep(holder)
        assert key not in repr(holder)
        assert "hush" not in repr(holder)


def test_a_success_logs_no_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(answer()) as server:
        transport = server.transport()
        transport.get(CALL)
        transport.close()
    assert any("/stores/abc123/" in record.getMessage() for record in caplog.records), "urllib3 logs requests"
    assert TOKEN not in caplog.text


def test_a_transport_holds_the_token_nowhere_but_in_its_secret() -> None:
    with serving(answer()) as server:
        transport = server.transport()
        transport.get(CALL)
        assert not holds(vars(transport), TOKEN)
        ((_, session),) = transport._kept._idle
        assert not holds(vars(session), TOKEN)
        assert TOKEN not in repr(session.headers)
        transport.close()


def test_what_a_store_echoes_is_not_shown() -> None:
    raw = _RawResponse(302, {"Location": "https://example.com/?t0ken-9876"}, 0.1, b"t0ken-9876")
    assert "t0ken" not in repr(raw)
