"""A model host: a small monolith with integrations, stores, nominal codes, products and users."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dramatiq import Broker
from flask import Flask
from flask_jwt_extended import JWTManager, create_access_token
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Column, Integer, String, func, make_url, select
from sqlalchemy.orm import Session

from bigcommerce_integration import Host, SQLAlchemyHost, create_blueprint
from bigcommerce_integration.app_state import EXTENSION, state_of

from .compiled_once import SharedStatements
from .kept_databases import KeptDatabases
from .openapi.client import ConformingClient

NO_STORE = "http://127.0.0.1:9"
ENCRYPTION_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
JWT_SECRET_KEY = "a secret of at least thirty-two bytes, for tests"

BIGCOMMERCE_ID, SHOPIFY_ID = 1, 2
STORE_ID = 7
NOMINAL_CODE_IDS = (11, 12, 13, 14, 15)
ACCESS_TOKEN = "t0ken-that-nobody-may-see-9876"


@dataclass
class HostApp:
    """One code base of a host: its ``db`` and models, from which it makes as many apps as it likes."""

    db: SQLAlchemy = field(default_factory=SQLAlchemy)
    model_options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    # An SQLite file with all tables and rows, by the names of its tables: to make it takes longer than most tests do.
    _made: dict[frozenset[str], bytes] = field(default_factory=dict, init=False, repr=False)
    _statements: dict[str, SharedStatements] = field(default_factory=dict, init=False, repr=False)
    # Those on servers, for tests that begin with ``create_rows``.
    databases: KeptDatabases = field(default_factory=KeptDatabases, init=False, repr=False)

    def __post_init__(self) -> None:
        self.Integration = self._model("Integration", name=Column(String(100)))
        self.Store = self._model("Store", name=Column(String(100)))
        self.NominalCode = self._model("NominalCode", name=Column(String(100)))
        self.Product = self._model("Product", sku=Column(String(255), index=True), name=Column(String(500)))
        self.User = self._model("User", name=Column(String(100)))
        self.IntegrationInstance = self._model("IntegrationInstance", name=Column(String(255)))

    def _model(self, model: str, /, **columns: Any) -> Any:
        body = {"__tablename__": model.lower(), "id": Column(Integer, primary_key=True), **columns}
        return type(model, (self.db.Model,), body | dict(self.model_options.get(model, {})))

    def host(self, kind: Any = SQLAlchemyHost, **options: Any) -> Any:
        """The host port over these models, of this class."""
        given = {
            "integration": self.Integration,
            "store": self.Store,
            "nominal_code": self.NominalCode,
            "product": self.Product,
            "integration_instance": self.IntegrationInstance,
            "may": lambda action, instance: True,
        }
        return kind(**(given | options))

    def create_app(
        self,
        url: str,
        *,
        broker: Broker,
        host: Host | None = None,
        settings: Mapping[str, Any] | None = None,
        before: Callable[[Flask], None] | None = None,
        **blueprint: Any,
    ) -> Flask:
        """A host's application factory; ``before`` runs just before the blueprint is registered."""
        app = Flask("host")
        app.test_client_class = ConformingClient
        statements = self._statements.setdefault(make_url(url).drivername, SharedStatements())
        app.config.update(
            TESTING=True,
            SQLALCHEMY_DATABASE_URI=url,
            SQLALCHEMY_ENGINE_OPTIONS={"execution_options": {"compiled_cache": statements}},
            JWT_SECRET_KEY=JWT_SECRET_KEY,
            BIGCOMMERCE_ENCRYPTION_KEYS=[ENCRYPTION_KEY],
            # Nobody listens there: no test asks a real store, and one that has none of its own waits for none.
            BIGCOMMERCE_API_URL=NO_STORE,
        )
        app.config.update(settings or {})
        self.db.init_app(app)
        JWTManager(app)
        if before is not None:
            before(app)
        app.register_blueprint(create_blueprint(db=self.db, broker=broker, host=host or self.host(), **blueprint))
        return app

    def create_rows(self, app: Flask) -> None:
        """All tables, and the rows that the ids at the top of this file name."""
        with app.app_context():
            file, tables = self._new_sqlite_file(), frozenset(self.db.metadata.tables)
            if file is not None and tables in self._made:
                file.write_bytes(self._made[tables])
                return
            self.create_tables(app)
            self.add_rows()
            if file is not None:
                self._made[tables] = file.read_bytes()

    def create_tables(self, app: Flask) -> None:
        """All tables, if they are not there from an earlier test."""
        with app.app_context():
            url, tables = self.db.engine.url.render_as_string(hide_password=False), frozenset(self.db.metadata.tables)
            if not self.databases.has_tables(url, tables):
                self.db.create_all()
                self.databases.note_tables(url, tables)

    def _new_sqlite_file(self) -> Path | None:
        url = self.db.engine.url
        file = Path(url.database or ":memory:")
        is_all = url.get_backend_name() == "sqlite" and file.is_absolute() and len(self.db.engines) == 1
        return file if is_all and not file.exists() else None

    def add_rows(self) -> None:
        """The rows alone, in the current app."""
        self.db.session.add_all(
            [
                self.Integration(id=BIGCOMMERCE_ID, name="BigCommerce"),
                self.Integration(id=SHOPIFY_ID, name="Shopify"),
                self.Store(id=STORE_ID, name="Main"),
                self.User(id=1, name="Ada"),
                *(self.NominalCode(id=code, name=f"Code {code}") for code in NOMINAL_CODE_IDS),
            ]
        )
        self.db.session.commit()

    def scalars(self, app: Flask, statement: Any) -> list[Any]:
        """What is committed, read in a session of its own."""
        with app.app_context(), Session(self.db.engine) as session:
            return list(session.scalars(statement))

    def count(self, app: Flask, table: Any) -> int:
        """The number of committed rows."""
        (count,) = self.scalars(app, select(func.count()).select_from(table))
        return int(count)

    def dispose(self, app: Flask) -> None:
        """Close the app's connections, so that its database can be dropped."""
        if EXTENSION in app.extensions:
            state_of(app).kept.close()
        with app.app_context():
            self.db.session.remove()
            for engine in self.db.engines.values():
                engine.dispose()


def bearer(app: Flask, identity: str = "1", **options: Any) -> dict[str, str]:
    """The headers of a logged-in user."""
    with app.app_context():
        return {"Authorization": f"Bearer {create_access_token(identity, **options)}"}


def new_instance(**changes: Any) -> dict[str, Any]:
    """A valid body for POST; ``changes`` by path, with ``__`` for the dot."""
    body: dict[str, Any] = {
        "name": "Main shop",
        "integration_id": BIGCOMMERCE_ID,
        "connection_settings": {"access_token": ACCESS_TOKEN},
        "integration_settings": {
            "store_hash": "abc123",
            "start_date": "2024-01-31",
            "store_id": STORE_ID,
            "auto_link_products": True,
            "auto_create_products": False,
        },
    }
    for path, value in changes.items():
        *parents, last = path.split("__")
        target = body
        for parent in parents:
            target = target[parent]
        target[last] = value
    return body
