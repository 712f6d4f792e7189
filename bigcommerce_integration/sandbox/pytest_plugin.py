"""pytest fixtures of the stand-in store, also for other projects.

Where the package is installed, pytest has them already. Where pytest loads no plugins by itself
(`PYTEST_DISABLE_PLUGIN_AUTOLOAD`), put `pytest_plugins = ["bigcommerce_integration.sandbox.pytest_plugin"]` into the
top `conftest.py`.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Protocol

import pytest

from .server.http_server import SandboxServer
from .store import SandboxStore


class SandboxFactory(Protocol):
    """Starts a server with a new store; the options are those of `SandboxStore`."""

    def __call__(self, *, latency_ms: float = 0, **options: Any) -> SandboxServer: ...


@pytest.fixture
def bigcommerce_sandbox_factory() -> Iterator[SandboxFactory]:
    """Make started servers, each with a store of its own; all are stopped after the test."""
    with ExitStack() as servers:

        def make(*, latency_ms: float = 0, **options: Any) -> SandboxServer:
            return servers.enter_context(SandboxServer(SandboxStore(**options), latency_ms=latency_ms))

        yield make


@pytest.fixture
def bigcommerce_sandbox(bigcommerce_sandbox_factory: SandboxFactory) -> SandboxServer:
    """A started server with a small store, new for each test."""
    return bigcommerce_sandbox_factory()
