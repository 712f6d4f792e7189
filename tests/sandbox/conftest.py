"""A client of the bare API for these tests: real HTTP, nothing of the package's own client."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import requests

from bigcommerce_integration.sandbox import SandboxServer, SandboxStore
from bigcommerce_integration.sandbox.pytest_plugin import bigcommerce_sandbox, bigcommerce_sandbox_factory

__all__ = ["bigcommerce_sandbox", "bigcommerce_sandbox_factory"]


class Api:
    """GET requests to one server, with the right token."""

    def __init__(self, server: SandboxServer, session: requests.Session) -> None:
        self.server = server
        self.store = server.store
        self.session = session

    def get(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> requests.Response:
        """Ask for `v3/…` or `v2/…`; `query` takes names with `__` for the colon of V3 filters."""
        params = {name.replace("__", ":"): value for name, value in query.items()}
        url = f"{self.server.api_url}/stores/{self.server.store_hash}/{path}"
        all_headers = {"X-Auth-Token": self.server.access_token, **(headers or {})}
        return self.session.get(url, params=params, headers=all_headers, timeout=10, allow_redirects=False)

    def raw(self, path_and_query: str) -> requests.Response:
        """Ask for a path and query as they stand."""
        return self.get(path_and_query)

    def data(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """The records of a V3 list."""
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["data"]
        return found

    def ids(self, path: str, **query: Any) -> list[int]:
        """The ids of a list of either version; `[]` for a 204."""
        answer = self.get(path, **query)
        if answer.status_code == 204:
            return []
        assert answer.status_code == 200, answer.text
        found = answer.json()
        return [record["id"] for record in (found["data"] if isinstance(found, dict) else found)]

    def control(self, method: str, path: str, body: Any = None, token: str | None = None) -> requests.Response:
        """A control request."""
        return self.session.request(
            method,
            f"{self.server.api_url}/control{path}",
            json=body,
            headers={"X-Control-Token": self.server.control_token if token is None else token},
            timeout=10,
        )


@pytest.fixture
def make_api(bigcommerce_sandbox_factory: Callable[..., SandboxServer]) -> Iterator[Callable[..., Api]]:
    """Makes a store of its own with a client; options as for the store."""
    with ExitStack() as sessions:

        def make(**options: Any) -> Api:
            return Api(bigcommerce_sandbox_factory(**options), sessions.enter_context(requests.Session()))

        yield make


@pytest.fixture
def api(make_api: Callable[..., Api]) -> Api:
    """A small store, new for each test."""
    return make_api()


@pytest.fixture(scope="session")
def small() -> Iterator[Api]:
    """A store of the default size, in which every kind of record occurs, that no test changes."""
    with SandboxServer(SandboxStore()) as server, requests.Session() as session:
        yield Api(server, session)


@pytest.fixture(scope="session")
def big() -> Iterator[Api]:
    """A store of some hundred records that all tests read and none changes."""
    with SandboxServer(SandboxStore(320, 340)) as server, requests.Session() as session:
        yield Api(server, session)
