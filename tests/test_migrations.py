"""Flask-Migrate in the host sees our tables, makes them, and then finds nothing to change."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from dramatiq.brokers.stub import StubBroker
from flask_migrate import Migrate, init, migrate, upgrade
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Column, MetaData, String, Uuid, inspect, text

from bigcommerce_integration import metadata

from .host_app import HostApp, bearer, new_instance
from .services import fresh_database

pytestmark = pytest.mark.usefixtures("logging_as_before")


def columns(db: SQLAlchemy, schema: str | None) -> set[tuple[str, str, str, bool, str | None]]:
    """What the database says of each column of ours."""
    database = inspect(db.engine)
    return {
        (table, column["name"], repr(column["type"]), column["nullable"], column["default"])
        for table in metadata.tables
        for column in database.get_columns(table, schema=schema)
        if column["name"] != "id"
    }


def own_names() -> HostApp:
    convention = {"ix": "ix_%(column_0_label)s", "uq": "uq_%(table_name)s_%(column_0_name)s", "pk": "pk_%(table_name)s"}
    return HostApp(SQLAlchemy(metadata=MetaData(naming_convention=convention)))


def uuid_products() -> HostApp:
    return HostApp(model_options={"Product": {"id": Column(Uuid(), primary_key=True, default=uuid4)}})


def text_products() -> HostApp:
    return HostApp(model_options={"Product": {"id": Column(String(36), primary_key=True)}})


@pytest.mark.parametrize("kind", [HostApp, own_names, uuid_products, text_products])
def test_a_migration_makes_our_tables_and_the_next_finds_nothing(
    kind: Callable[[], HostApp], broker: StubBroker, database_url: str, tmp_path: Path
) -> None:
    round_trip(kind(), broker, database_url, tmp_path)


def test_in_a_schema_of_the_host(broker: StubBroker, tmp_path: Path) -> None:
    with fresh_database("postgresql", tmp_path) as url:
        round_trip(HostApp(SQLAlchemy(metadata=MetaData(schema="shop"))), broker, url, tmp_path, schema="shop")


def round_trip(host_app: HostApp, broker: StubBroker, url: str, tmp_path: Path, schema: str | None = None) -> None:
    """init, migrate, upgrade, migrate again; then a POST on what the migration made."""
    directory = str(tmp_path / "migrations")
    app = host_app.create_app(url, broker=broker)
    # Alembic compares the schemas only if it is told to.
    Migrate(app, host_app.db, include_schemas=schema is not None)
    with app.app_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        if schema:
            host_app.db.session.execute(text(f"CREATE SCHEMA {schema}"))
            host_app.db.session.commit()
        init(directory)
        migrate(directory)
        upgrade(directory)
        migrate(directory)
        versions = list(Path(directory, "versions").glob("*.py"))
        assert len(versions) == 1, sorted(versions)[-1].read_text()
        assert "bigcommerce_integration" not in versions[0].read_text()
        assert set(metadata.tables) <= set(inspect(host_app.db.engine).get_table_names(schema=schema))
        migrated = columns(host_app.db, schema)
        host_app.db.drop_all()
        host_app.create_rows(app)
        assert columns(host_app.db, schema) == migrated
    answer = app.test_client().post("/api/big-commerce", json=new_instance(), headers=bearer(app))
    assert answer.status_code == 201
    host_app.dispose(app)
