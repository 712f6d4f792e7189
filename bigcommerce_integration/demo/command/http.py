"""Plain HTTP to addresses on this machine, as curl would do it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from ..errors import WentWrong

_TIMEOUT_S = 60
# A proxy from the environment knows nothing of our loopback.
_opener = build_opener(ProxyHandler({}))


def get_text(url: str, headers: Mapping[str, str]) -> str:
    """The body at ``url``; ``WentWrong`` for any answer but a 2xx."""
    return _text(_request(url, headers))


class Api:
    """The host app's API for a logged-in user."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._headers = {"Content-Type": "application/json"}

    def log_in(self, username: str, password: str) -> None:
        """Keep the token that the host gives for the password."""
        answer = self.post("/login", {"username": username, "password": password})
        self._headers["Authorization"] = f"Bearer {answer['access_token']}"

    def get(self, path: str) -> Any:
        """The answer of a GET."""
        return json.loads(_text(_request(self.url + path, self._headers)))

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The answer of a POST of JSON."""
        data = json.dumps(body).encode()
        return json.loads(_text(_request(self.url + path, self._headers, data)))


def _request(url: str, headers: Mapping[str, str], data: bytes | None = None) -> Request:
    return Request(url, data=data, headers=dict(headers))  # noqa: S310 - of our own servers


def _text(request: Request) -> str:
    try:
        with _opener.open(request, timeout=_TIMEOUT_S) as answer:
            text: str = answer.read().decode()
            return text
    except HTTPError as error:
        body = error.read().decode(errors="replace")
        raise WentWrong(f"{request.get_method()} {request.full_url} answered {error.code}: {body[:500]}") from error
    except OSError as error:
        raise WentWrong(f"{request.get_method()} {request.full_url} was not answered: {error}") from error
