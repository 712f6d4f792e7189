"""The one place where app, database, broker and host meet."""

from __future__ import annotations

from typing import Any

from dramatiq import Broker
from dramatiq.brokers.stub import StubBroker
from flask import Blueprint, Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import make_url

from .app_state import EXTENSION, State, require_shared
from .cli.group import add_commands
from .config import read_config
from .errors import ConfigError
from .host.port import Host, product_key_type, require_host
from .host.sqlalchemy import SQLAlchemyHost
from .models import declare
from .models.product_key import link_type
from .operations.alerts.attend import attend
from .refresh.run.behaviours import collections
from .resources.registry import REGISTRY, Registry
from .web.routes import add_routes
from .worker import actors

DEFAULT_URL_PREFIX = "/api/big-commerce"


def create_blueprint(
    *,
    db: SQLAlchemy,
    broker: Broker,
    host: Host,
    url_prefix: str = DEFAULT_URL_PREFIX,
    registry: Registry = REGISTRY,
) -> Blueprint:
    """The blueprint that keeps BigCommerce stores in the database of ``db``.

    Register it once in each app, after ``db`` and Flask-JWT-Extended were initialised on that app. ``broker``
    carries the jobs, one broker an app; ``host`` is what the app answers about itself. ``ConfigError`` for an argument
    that is none of these. ``registry`` are the collections to mirror: those of this package, or, in tests, others.
    """
    if not isinstance(url_prefix, str) or not url_prefix.startswith("/") or not url_prefix.strip("/"):
        raise ConfigError(f"url_prefix must be a path such as {DEFAULT_URL_PREFIX}, not {url_prefix!r}.")
    if not isinstance(db, SQLAlchemy):
        raise ConfigError(f"db must be the app's SQLAlchemy() of Flask-SQLAlchemy, not {db!r}.")
    if not isinstance(broker, Broker):
        raise ConfigError(f"broker must be the Dramatiq broker that carries the app's jobs, not {broker!r}.")
    require_host(host)
    blueprint = _BigCommerceBlueprint(
        db=db, broker=broker, host=host, url_prefix=url_prefix.rstrip("/"), registry=registry
    )
    add_routes(blueprint, registry)
    add_commands(blueprint, registry)
    return blueprint


class _BigCommerceBlueprint(Blueprint):
    """Wires the app that it is registered in; what it keeps of an app is in that app's ``extensions``."""

    def __init__(self, *, db: SQLAlchemy, broker: Broker, host: Host, url_prefix: str, registry: Registry) -> None:
        super().__init__("bigcommerce", __package__ or __name__, url_prefix=url_prefix)
        self._db = db
        self._broker = broker
        self._host = host
        self._registry = registry

    def register(self, app: Flask, options: dict[str, Any]) -> None:  # type: ignore[override]
        """Raises ``ConfigError``, which says what to do, for an app that could not work."""
        _require_extensions(app, self._db)
        _require_shared_database(app, self._broker)
        if isinstance(self._host, SQLAlchemyHost):
            self._host.require_scope()
        config = read_config(app.config)
        state = State(
            config=config,
            db=self._db,
            broker=self._broker,
            host=self._host,
            tables=declare(self._registry).copy_into(self._db.metadata, link_type(product_key_type(self._host))),
            collections=collections(self._registry),
            cipher=config.cipher(),
        )
        super().register(app, options)
        app.extensions[EXTENSION] = state
        actors.bind(app, state, attend)


def _require_extensions(app: Flask, db: SQLAlchemy) -> None:
    if EXTENSION in app.extensions:
        raise ConfigError("The BigCommerce blueprint is registered in this app already; once is enough for all stores.")
    if app.extensions.get("sqlalchemy") is not db:
        raise ConfigError(
            "The db given to create_blueprint is not initialised on this app: "
            "call db.init_app(app) before app.register_blueprint(…)."
        )
    if not (app.config.get("SQLALCHEMY_DATABASE_URI") or app.config.get("SQLALCHEMY_BINDS", {}).get(None)):
        raise ConfigError("The BigCommerce tables live in the default database: set SQLALCHEMY_DATABASE_URI.")
    if "flask-jwt-extended" not in app.extensions:
        raise ConfigError(
            "Flask-JWT-Extended is not initialised on this app: "
            "call JWTManager(app), or jwt.init_app(app), before app.register_blueprint(…)."
        )


def _require_shared_database(app: Flask, broker: Broker) -> None:
    """A host's tests may have both in memory; with a broker that real workers listen to, nothing would ever be done."""
    if isinstance(broker, StubBroker):
        return
    # As Flask-SQLAlchemy reads it. Not by the engine, which needs an app context, and so the host's own hooks.
    given = app.config.get("SQLALCHEMY_DATABASE_URI") or app.config["SQLALCHEMY_BINDS"][None]
    require_shared(make_url(given["url"] if isinstance(given, dict) else given))
