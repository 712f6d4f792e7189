"""The real servers that tests use: where they are, whether they answer, and a fresh database for each test."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

DEFAULTS = {
    "TEST_POSTGRESQL_URL": "postgresql+psycopg://root@127.0.0.1:5432/test",
    "TEST_MARIADB_URL": "mysql+pymysql://root@127.0.0.1:3306/test",
    "TEST_REDIS_URL": "redis://127.0.0.1:6379/0",
    "TEST_RABBITMQ_URL": "amqp://guest:guest@127.0.0.1:5672",
}
DATABASES = ("sqlite", "postgresql", "mariadb")


def service_url(name: str) -> str:
    """The URL in the environment, or the usual local port; skips the test if nobody answers there.

    With ``REQUIRE_SERVICES=1`` it fails instead: a skipped test must not look like a passed one.
    """
    url = os.environ.get(name) or DEFAULTS[name]
    reason = _unreachable(url)
    if reason is None:
        return url
    message = f"{name}: {reason}"
    if os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(message)
    pytest.skip(message)


@contextmanager
def fresh_database(kind: str, directory: Path) -> Iterator[str]:
    """The URL of an empty database of this kind, dropped afterwards."""
    if kind == "sqlite":
        yield f"sqlite:///{directory / f'{uuid.uuid4().hex}.db'}"
        return
    server = make_url(service_url({"postgresql": "TEST_POSTGRESQL_URL", "mariadb": "TEST_MARIADB_URL"}[kind]))
    name = f"bigcommerce_test_{uuid.uuid4().hex[:16]}"
    create = f"CREATE DATABASE {name}" + (" CHARACTER SET utf8mb4" if kind == "mariadb" else "")
    drop = f"DROP DATABASE IF EXISTS {name}" + (" WITH (FORCE)" if kind == "postgresql" else "")
    admin = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with admin.connect() as connection:
        connection.execute(text(create))
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.execute(text(drop))


@cache
def _unreachable(url: str) -> str | None:
    """Why the server cannot be used, or None."""
    parts = make_url(url)
    port = parts.port or {"postgresql": 5432, "mysql": 3306, "redis": 6379, "amqp": 5672}[parts.get_backend_name()]
    try:
        socket.create_connection((parts.host or "127.0.0.1", port), timeout=2).close()
    except OSError as error:
        return f"no server at {parts.host}:{port} ({error})"
    return None
