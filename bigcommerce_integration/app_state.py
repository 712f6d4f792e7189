"""What one app holds of the plugin, in ``app.extensions``, and the engine that is made from it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from dramatiq import Broker
from flask import Flask, current_app
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import URL

from .client.http.session import KeptSessions
from .config import Config
from .encryption import TokenCipher
from .errors import ConfigError
from .host.port import Host
from .models import Tables, copies_in
from .models.dialect.databases import is_in_memory
from .refresh.job.context import Engine
from .refresh.write.behaviour import Collection

EXTENSION = "bigcommerce_integration"


@dataclass(frozen=True)
class State:
    """The parts that ``create_blueprint`` brought together for one app."""

    config: Config
    db: SQLAlchemy
    broker: Broker
    host: Host
    tables: Tables
    collections: Mapping[str, Collection] = field(repr=False)
    cipher: TokenCipher = field(repr=False)
    # What ``GET /health`` has found a moment ago (see operations/work.py).
    work_seen: dict[str, Any] = field(default_factory=dict, repr=False)
    # What was counted of each instance's variants, while none of them has changed (see operations/lists/variants.py).
    counted: dict[Any, Any] = field(default_factory=dict, repr=False)
    # What this process could not write when it let leases go: the engine's own (see refresh/lifecycle/release.py).
    owed: dict[str, Any] = field(default_factory=dict, repr=False)
    # Connections to stores that this process keeps between slices.
    kept: KeptSessions = field(default_factory=KeptSessions, repr=False)


def state_of(app: Flask) -> State:
    """The plugin's state in ``app``; ``ConfigError`` if the blueprint was never registered there."""
    try:
        state: State = app.extensions[EXTENSION]
    except KeyError:
        raise ConfigError(
            "The BigCommerce blueprint is not registered in this app: "
            "call app.register_blueprint(bigcommerce_integration.create_blueprint(…)) in its factory."
        ) from None
    return state


def current_state() -> State:
    """The plugin's state in the current app."""
    return state_of(current_app._get_current_object())  # type: ignore[attr-defined]


def tables(db: SQLAlchemy) -> Tables:
    """The tables of this package in the metadata of ``db``, such as ``tables(db).orders``, in whatever schema they are.

    ``ConfigError`` if no blueprint was registered with this ``db`` yet: they are copied there at that moment.
    """
    found = copies_in(db.metadata)
    if found is None:
        raise ConfigError(
            "There are no BigCommerce tables in the metadata of this db: register the blueprint first, "
            "app.register_blueprint(bigcommerce_integration.create_blueprint(db=db, …))."
        )
    return found


def engine_of(state: State, stopping: threading.Event) -> Engine:
    """The engine for the app whose context this is; ``ConfigError`` for in-memory SQLite."""
    require_shared(state.db.engine.url)
    return Engine(
        config=state.config,
        tables=state.tables,
        host=state.host,
        cipher=state.cipher,
        collections=state.collections,
        sessions=state.db.session.session_factory,
        stopping=stopping,
        owed=state.owed,
        kept=state.kept,
    )


def require_shared(url: URL) -> None:
    """Raises ``ConfigError`` for a database that a worker in another process could not see: SQLite in memory."""
    if is_in_memory(url):
        raise ConfigError(
            "An in-memory SQLite database belongs to one process, so a worker would see an empty one: set "
            "SQLALCHEMY_DATABASE_URI to a file or a server. Only with Dramatiq's StubBroker, as in tests, may an app "
            "have one, and no worker."
        )


def public_page(root: str | None, instance_id: int | None, link: str | None) -> str | None:
    """The address of a page below the host's public ``root``; None without one, or if the app has no such page.

    That of a store, or of all (None), with ``link`` behind it, such as ``settings``. It needs no request.
    """
    view = "get_stores" if instance_id is None else "get_store"
    endpoint = next((name for name in current_app.view_functions if name.endswith(f"bigcommerce_pages.{view}")), None)
    if root is None or endpoint is None:
        return None
    parts = urlsplit(root)
    adapter = current_app.url_map.bind(parts.netloc, script_name=parts.path or "/", url_scheme=parts.scheme)
    url = adapter.build(endpoint, {} if instance_id is None else {"instance_id": instance_id}, force_external=True)
    return url if instance_id is None or link is None else f"{url}/{link}"
