"""The real servers that tests use: where they are, whether they answer, and a fresh database for each test."""

from __future__ import annotations

import os
import shutil
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

DEFAULTS = {
    "TEST_POSTGRESQL_URL": "postgresql+psycopg://root@127.0.0.1:5432/test",
    # Without TLS: PyMySQL would read all certificates of the machine for each connection.
    "TEST_MARIADB_URL": "mysql+pymysql://root@127.0.0.1:3306/test?ssl_disabled=true",
    "TEST_REDIS_URL": "redis://127.0.0.1:6379/0",
    "TEST_RABBITMQ_URL": "amqp://guest:guest@127.0.0.1:5672",
}
DATABASES = ("sqlite", "postgresql", "mariadb")


def service_url(name: str) -> str:
    """The URL in the environment, or the usual local port; without it if nobody answers there (see ``go_without``)."""
    url = os.environ.get(name) or DEFAULTS[name]
    reason = _unreachable(url)
    if reason is not None:
        go_without(f"{name}: {reason}")
    return url


def program(name: str, *places: str) -> str:
    """The path of an installed program, looked for in ``places`` too; without it if there is none."""
    path = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *places]))
    if path is None:
        go_without(f"{name} is not installed")
    return path


def go_without(reason: str) -> NoReturn:
    """Skip the test; with ``REQUIRE_SERVICES=1`` fail: a skipped test must not look like a passed one."""
    if os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@contextmanager
def fresh_database(kind: str, directory: Path) -> Iterator[str]:
    """The URL of an empty database of this kind, dropped afterwards."""
    if kind == "sqlite":
        yield f"sqlite:///{directory / f'{uuid.uuid4().hex}.db'}"
        return
    with fresh_database_on(
        service_url({"postgresql": "TEST_POSTGRESQL_URL", "mariadb": "TEST_MARIADB_URL"}[kind])
    ) as url:
        yield url


@contextmanager
def fresh_database_on(server_url: str) -> Iterator[str]:
    """The URL of an empty database beside that of ``server_url``, dropped afterwards."""
    server = make_url(server_url)
    is_postgresql = server.get_backend_name() == "postgresql"
    name = f"bigcommerce_test_{uuid.uuid4().hex[:16]}"
    create = f"CREATE DATABASE {name}" + ("" if is_postgresql else " CHARACTER SET utf8mb4")
    drop = f"DROP DATABASE IF EXISTS {name}" + (" WITH (FORCE)" if is_postgresql else "")
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
