"""The body as such: what is not a JSON object of a sensible size."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from flask import Flask, request
from flask.testing import FlaskClient

from ..host_app import HostApp, bearer, new_instance

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


def test_malformed_json_tells_where(client: FlaskClient, headers: dict[str, str]) -> None:
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
