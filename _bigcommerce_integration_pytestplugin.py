"""What pytest loads of itself where this package is installed: the fixtures of the stand-in store.

A module outside of the package, as importing anything inside would import all of it, in every test run of the host and
before its coverage is measured. So nothing but pytest is imported until a test asks for a fixture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bigcommerce_integration.sandbox import SandboxServer
    from bigcommerce_integration.sandbox.pytest_plugin import SandboxFactory


@pytest.fixture
def bigcommerce_sandbox_factory() -> Iterator[SandboxFactory]:
    """Make started servers, each with a store of its own; all are stopped after the test."""
    from bigcommerce_integration.sandbox.pytest_plugin import started_servers

    with started_servers() as make:
        yield make


@pytest.fixture
def bigcommerce_sandbox(bigcommerce_sandbox_factory: SandboxFactory) -> SandboxServer:
    """A started server with a small store, new for each test."""
    return bigcommerce_sandbox_factory()
