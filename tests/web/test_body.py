"""The body as such: what is not a JSON object of a sensible size."""

from __future__ import annotations

import http.client
import io
import json
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from flask import Flask, request
from flask.testing import FlaskClient

from ..conftest import made
from ..host_app import HostApp, bearer, new_instance
from ..processes import ROOT, STARTS_IN_S, wait_until
from ..services import free_port, fresh_database
from ..serving import serving
from ..worker_host import MODEL_OPTIONS, WorkerHost

URL = "/api/big-commerce"
JSON = "application/json"
LIMIT = 64 * 1024


def padded(size: int) -> bytes:
    """A valid body of ``size`` bytes."""
    body = json.dumps(new_instance()).encode()
    return body + b" " * (size - len(body))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"{]",
        b'{"a": 1,}',
        b"{'a': 1}",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 01}',
        b"{} {}",
        b'{"name": "a", "name": "b"}',
        b'{"connection_settings": {"access_token": "a", "access_token": "b"}}',
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b"\xff\xfe{\x00}\x00",
        b'{"name": "\xff"}',
        b'{"name": "\xed\xa0\x80"}',
        b"null",
        b"true",
        b"5",
        b'"text"',
        b"[]",
        b'[{"name": "a"}]',
        b"9" * 50_000,
    ],
)
def test_what_is_no_json_object_is_400(body: bytes, client: FlaskClient, headers: dict[str, str]) -> None:
    answer = client.post(URL, data=body, content_type=JSON, headers=headers)
    assert answer.status_code == 400, answer.text
    assert answer.json.keys() == {"message"}


def test_malformed_json_error_names_the_place(client: FlaskClient, headers: dict[str, str]) -> None:
    answer = client.post(URL, data='{\n "name": oops', content_type=JSON, headers=headers)
    assert answer.json == {"message": "The body is not JSON: line 2, column 10."}


@pytest.mark.parametrize(
    "content_type", [None, "", "text/plain", "text/json", "application/x-www-form-urlencoded", "application/jsonp"]
)
def test_another_content_type_is_415(content_type: str | None, client: FlaskClient, headers: dict[str, str]) -> None:
    answer = client.post(URL, data=json.dumps(new_instance()), content_type=content_type, headers=headers)
    assert answer.status_code == 415
    assert "application/json" in answer.json["message"]


def test_a_form_is_415(client: FlaskClient, headers: dict[str, str]) -> None:
    assert client.post(URL, data={"name": "x"}, headers=headers).status_code == 415


def test_a_compressed_body_is_415(client: FlaskClient, headers: dict[str, str]) -> None:
    answer = client.post(URL, data=b"x", content_type=JSON, headers=headers | {"Content-Encoding": "gzip"})
    assert answer.status_code == 415


@pytest.mark.parametrize(
    "content_type", [JSON, "Application/JSON", "application/json; charset=utf-8", "application/vnd.api+json"]
)
def test_json_by_its_names(content_type: str, client: FlaskClient, headers: dict[str, str]) -> None:
    body = json.dumps(new_instance())
    assert client.post(URL, data=body, content_type=content_type, headers=headers).status_code == 201


def test_a_byte_order_mark_is_passed_over(client: FlaskClient, headers: dict[str, str]) -> None:
    body = b"\xef\xbb\xbf" + json.dumps(new_instance()).encode()
    assert client.post(URL, data=body, content_type=JSON, headers=headers).status_code == 201


def test_a_body_of_the_limit_passes_and_one_byte_more_is_413(client: FlaskClient, headers: dict[str, str]) -> None:
    answer = client.post(URL, data=padded(LIMIT + 1), content_type=JSON, headers=headers)
    assert (answer.status_code, answer.json) == (413, {"message": "The body must not exceed 65536 bytes."})
    assert client.post(URL, data=padded(LIMIT), content_type=JSON, headers=headers).status_code == 201


class Endless(io.RawIOBase):
    """A body that never ends; counts what was read of it."""

    taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = min(len(buffer), 1000)
        buffer[:size] = b" " * size
        self.taken += size
        return size


def test_without_a_length_no_more_than_the_limit_is_read(client: FlaskClient, headers: dict[str, str]) -> None:
    stream = Endless()
    chunked = {"wsgi.input": stream, "wsgi.input_terminated": True}
    answer = client.post(URL, content_type=JSON, headers=headers, environ_overrides=chunked)
    assert answer.status_code == 413
    assert stream.taken <= LIMIT + 1000


def test_a_declared_length_over_the_limit_is_refused_unread(client: FlaskClient, headers: dict[str, str]) -> None:
    stream = Endless()
    declared = {"wsgi.input": stream, "CONTENT_LENGTH": "10000000"}
    answer = client.post(URL, content_type=JSON, headers=headers, environ_overrides=declared)
    assert (answer.status_code, stream.taken) == (413, 0)


def test_a_length_that_promises_more_than_comes_is_400(client: FlaskClient, headers: dict[str, str]) -> None:
    cut = {"wsgi.input": io.BytesIO(padded(2000)), "CONTENT_LENGTH": "3000"}
    answer = client.post(URL, content_type=JSON, headers=headers, environ_overrides=cut)
    assert (answer.status_code, answer.json) == (400, {"message": "The body ended before its Content-Length."})


def test_a_smaller_limit_of_the_host_has_our_answer(app: Flask, client: FlaskClient, headers: dict[str, str]) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 100
    answer = client.post(URL, json=new_instance(), headers=headers)
    assert answer.status_code == 413
    assert answer.json.keys() == {"message"}


def test_a_hook_of_the_host_may_have_read_the_body(host_app: HostApp, broker: Any, sqlite_url: str) -> None:
    def before(app: Flask) -> None:
        app.before_request(lambda: request.get_data() and None)

    app = host_app.create_app(sqlite_url, broker=broker, before=before)
    host_app.create_rows(app)
    assert app.test_client().post(URL, json=new_instance(), headers=bearer(app)).status_code == 201
    answer = app.test_client().post(URL, data=padded(LIMIT + 1), content_type=JSON, headers=bearer(app))
    assert answer.status_code == 413
    host_app.dispose(app)


# Chunks


@contextmanager
def by_gunicorn(url: str, directory: Path) -> Iterator[str]:
    """The host app behind gunicorn; its base URL."""
    port = free_port()
    away = {"broker_url": "redis://127.0.0.1:1/0", "settings": {"BIGCOMMERCE_API_URL": "http://127.0.0.1:1"}}
    host = WorkerHost(database_url=url, namespace="none", **away)  # type: ignore[arg-type]
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "tests.worker_host:app"]
    log = directory / "gunicorn.log"
    with log.open("wb") as output:
        server = subprocess.Popen(command, cwd=ROOT, env=host.environment(), stdout=output, stderr=output)
    try:
        wait_until(lambda: server.poll() is not None or b"Booting worker" in log.read_bytes(), STARTS_IN_S, "gunicorn")
        assert server.poll() is None, log.read_text()
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(STARTS_IN_S)


@pytest.fixture(scope="module", params=["werkzeug", "gunicorn"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A real server's base URL, and the header of a logged-in user."""
    directory = tmp_path_factory.mktemp("served")
    host_app = HostApp(model_options=MODEL_OPTIONS)
    broker = StubBroker(middleware=[])
    with fresh_database("sqlite", directory) as url:
        for app in made(host_app, broker, url, BIGCOMMERCE_API_URL="http://127.0.0.1:1"):
            login = bearer(app)["Authorization"]
            with serving(app) if request.param == "werkzeug" else by_gunicorn(url, directory) as base:
                yield base, login
    broker.close()


def send_chunks(served: tuple[str, str], method: str, path: str, chunks: bytes) -> tuple[int, Any]:
    """Status and JSON of the answer to these bytes, after which nothing more comes."""
    base, login = served
    head = (
        f"{method} {URL}{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {login}\r\nContent-Type: {JSON}\r\n"
        "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", int(base.rpartition(":")[2])), timeout=STARTS_IN_S) as connection:
        connection.sendall(head.encode() + chunks)
        connection.shutdown(socket.SHUT_WR)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status, json.loads(answer.read())


@pytest.mark.ci
@pytest.mark.parametrize(
    "chunks",
    [b"zz\r\n{}\r\n0\r\n\r\n", b"-2\r\n{}\r\n0\r\n\r\n", b"2\r\n{}xx0\r\n\r\n", b"5\r\n{}", b"2\r\n{}\r\nq\r\n\r\n"],
    ids=["no size", "negative", "no end of a chunk", "cut off", "no size of the second"],
)
def test_malformed_chunks_are_400(chunks: bytes, served: tuple[str, str]) -> None:
    instance_id = connected_id(served)
    for method, path in (("POST", ""), ("PUT", f"/{instance_id}/variants/links"), ("PATCH", f"/{instance_id}")):
        status, answer = send_chunks(served, method, path, chunks)
        assert (status, list(answer)) == (400, ["message"]), (method, path)


def connected_id(served: tuple[str, str]) -> int:
    """An instance that was made by well-formed chunks."""
    body = json.dumps(new_instance(name=uuid.uuid4().hex)).encode()
    chunks = b"%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (10, body[:10], len(body) - 10, body[10:])
    status, answer = send_chunks(served, "POST", "", chunks)
    assert status == 201, answer
    return int(answer["data"]["id"])
