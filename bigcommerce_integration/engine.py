"""The engine that does the work of an app's refreshes."""

from __future__ import annotations

import threading

from .errors import ConfigError
from .refresh.context import Engine
from .state import State


def engine_of(state: State, stopping: threading.Event) -> Engine:
    """The engine for the app whose context this is; ``ConfigError`` for in-memory SQLite."""
    database = state.db.engine.url
    if database.get_backend_name() == "sqlite" and database.database in (None, "", ":memory:"):
        raise ConfigError(
            "An in-memory SQLite database exists once for each thread, so a worker would see an empty one: "
            "set SQLALCHEMY_DATABASE_URI to a file or a server, or call no worker in this process."
        )
    return Engine(
        config=state.config,
        tables=state.tables,
        host=state.host,
        cipher=state.cipher,
        sessions=state.db.session.session_factory,
        stopping=stopping,
    )
