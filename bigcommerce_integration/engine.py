"""The engine that does the work of an app's refreshes."""

from __future__ import annotations

import threading

from sqlalchemy import URL

from .errors import ConfigError
from .refresh.context import Engine
from .state import State


def engine_of(state: State, stopping: threading.Event) -> Engine:
    """The engine for the app whose context this is; ``ConfigError`` for in-memory SQLite."""
    require_shared(state.db.engine.url)
    return Engine(
        config=state.config,
        tables=state.tables,
        host=state.host,
        cipher=state.cipher,
        sessions=state.db.session.session_factory,
        stopping=stopping,
        owed=state.owed,
    )


def require_shared(url: URL) -> None:
    """Raises ``ConfigError`` for a database that a worker in another process could not see: SQLite in memory."""
    name = url.database or ""
    is_in_memory = name in ("", ":memory:") or name.startswith("file::memory:") or url.query.get("mode") == "memory"
    if url.get_backend_name() == "sqlite" and is_in_memory:
        raise ConfigError(
            "An in-memory SQLite database belongs to one process, so a worker would see an empty one: set "
            "SQLALCHEMY_DATABASE_URI to a file or a server. Only with Dramatiq's StubBroker, as in tests, may an app "
            "have one, and no worker."
        )
