"""A guest changes nothing in the house, and gets on with houses of many kinds."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dramatiq
import pytest
from dramatiq import Broker
from dramatiq.brokers.stub import StubBroker
from flask import Blueprint, Flask
from flask.json.provider import JSONProvider
from flask_jwt_extended import JWTManager
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Column, Integer, MetaData, Table, func, inspect, make_url, select, text
from sqlalchemy.orm import DeclarativeBase, DeclarativeBaseNoMeta

import bigcommerce_integration
from bigcommerce_integration import SQLAlchemyHost, create_blueprint, metadata
from bigcommerce_integration.app_state import require_shared, state_of
from bigcommerce_integration.errors import ConfigError
from bigcommerce_integration.models import tables

from .host_app import ENCRYPTION_KEY, JWT_SECRET_KEY, HostApp, bearer, new_instance
from .services import fresh_database

URL = "/api/big-commerce"


def others(by_blueprint: Any) -> dict[Any, Any]:
    """What is registered for the app itself and for blueprints other than ours."""
    return {key: list(value) for key, value in by_blueprint.items() if key != "bigcommerce"}


def house(app: Flask) -> dict[str, Any]:
    """All of the app that a guest could change."""
    return {
        "config": dict(app.config),
        "json": app.json,
        "before": others(app.before_request_funcs),
        "after": others(app.after_request_funcs),
        "teardown": others(app.teardown_request_funcs),
        "appcontext": list(app.teardown_appcontext_funcs),
        "handlers": others(app.error_handler_spec),
        "processors": others(app.template_context_processors),
        "filters": set(app.jinja_env.filters),
        "extensions": set(app.extensions) - {"bigcommerce_integration"},
        "converters": set(app.url_map.converters),
        "rules": {rule.rule for rule in app.url_map.iter_rules() if not rule.rule.startswith(URL)},
        "shell": list(app.shell_context_processors),
        "wsgi_app": app.wsgi_app,
        "commands": set(app.cli.commands) - {"bigcommerce"},
        "app logger": (app.logger.level, list(app.logger.handlers)),
        "root logger": (logging.getLogger().level, list(logging.getLogger().handlers)),
        "our logger": (
            logging.getLogger("bigcommerce_integration").level,
            list(logging.getLogger("bigcommerce_integration").handlers),
        ),
    }


def test_registering_changes_nothing_in_the_app(host_app: HostApp, broker: StubBroker, sqlite_url: str) -> None:
    before: list[dict[str, Any]] = []
    app = host_app.create_app(sqlite_url, broker=broker, before=lambda app: before.append(house(app)))
    assert house(app) == before[0]
    assert {rule.endpoint.split(".")[0] for rule in app.url_map.iter_rules() if rule.rule.startswith(URL)} == {
        "bigcommerce"
    }
    host_app.dispose(app)


def test_registering_does_not_touch_the_global_broker(host_app: HostApp, sqlite_url: str) -> None:
    before = dramatiq.broker.global_broker
    host_app.dispose(host_app.create_app(sqlite_url, broker=StubBroker()))
    assert dramatiq.broker.global_broker is before


def test_the_hosts_own_errors_stay_the_hosts(app: Flask, client: Any) -> None:
    app.add_url_rule("/own", "own", lambda: "", methods=["GET"])
    for method, path, status in (("GET", "/nowhere", 404), ("PUT", "/own", 405)):
        answer = client.open(path, method=method)
        assert (answer.status_code, answer.mimetype) == (status, "text/html")


class Orderly(JSONProvider):
    """A JSON provider of the host's own, as strict as the fast ones: plain values, no lone surrogates."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        def refuse(value: Any) -> Any:
            raise TypeError(type(value).__name__)

        text = json.dumps(obj, ensure_ascii=False, default=refuse)
        text.encode()
        return text

    def loads(self, s: Any, **kwargs: Any) -> Any:
        raise AssertionError("requests are read by our own rules")


def test_any_json_provider_serves(app: Flask) -> None:
    client, headers = app.test_client(), bearer(app)
    app.json = Orderly(app)
    body = json.dumps(new_instance())
    created = client.post(URL, data=body, content_type="application/json", headers=headers)
    assert created.status_code == 201
    assert client.get(f"{URL}/1", headers=headers).status_code == 200
    assert client.get(f"{URL}/1/refreshes/1", headers=headers).status_code == 200
    odd = client.post(URL, data='{"\\ud800": 1}', content_type="application/json", headers=headers)
    assert odd.status_code == 422


# Kinds of houses


def classic() -> HostApp:
    return HostApp(SQLAlchemy())


def declarative() -> HostApp:
    class Base(DeclarativeBase):
        pass

    return HostApp(SQLAlchemy(model_class=Base))


def no_meta() -> HostApp:
    class Base(DeclarativeBaseNoMeta):
        pass

    return HostApp(SQLAlchemy(model_class=Base))


def own_names() -> HostApp:
    convention = {
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
    return HostApp(SQLAlchemy(metadata=MetaData(naming_convention=convention)))


def no_auto_names() -> HostApp:
    return HostApp(SQLAlchemy(disable_autonaming=True))


@pytest.mark.parametrize("kind", [classic, declarative, no_meta, own_names, no_auto_names])
def test_kinds_of_db(kind: Any, broker: StubBroker, database_url: str) -> None:
    host_app: HostApp = kind()
    app = host_app.create_app(database_url, broker=broker)
    host_app.create_rows(app)
    client, headers = app.test_client(), bearer(app)
    answer = client.post(URL, json=new_instance(), headers=headers)
    assert answer.status_code == 201
    assert client.get(answer.headers["Location"], headers=headers).json["data"] == answer.json["data"]
    with app.app_context():
        named = {index["name"] for index in inspect(host_app.db.engine).get_indexes(tables.products.name)}
    assert {index.name for index in tables.products.indexes} <= named
    host_app.dispose(app)


def test_a_schema_of_the_host_holds_for_our_tables(broker: StubBroker, tmp_path: Path) -> None:
    with fresh_database("postgresql", tmp_path) as url:
        host_app = HostApp(SQLAlchemy(metadata=MetaData(schema="shop")))
        app = host_app.create_app(url, broker=broker)
        with app.app_context():
            host_app.db.session.execute(text("CREATE SCHEMA shop"))
            host_app.db.session.commit()
        host_app.create_rows(app)
        answer = app.test_client().post(URL, json=new_instance(), headers=bearer(app))
        assert answer.status_code == 201
        assert app.test_client().get(f"{URL}/1", headers=bearer(app)).json["data"] == answer.json["data"]
        with app.app_context():
            names = inspect(host_app.db.engine)
            assert set(metadata.tables) <= set(names.get_table_names(schema="shop"))
            assert not set(metadata.tables) & set(names.get_table_names(schema="public"))
        host_app.dispose(app)


def test_other_binds_of_the_host_stay_free_of_our_tables(broker: StubBroker, sqlite_url: str, tmp_path: Path) -> None:
    with fresh_database("sqlite", tmp_path) as other_url:
        host_app = HostApp(model_options={"User": {"__bind_key__": "people"}})
        settings = {"SQLALCHEMY_BINDS": {"people": other_url}}
        app = host_app.create_app(sqlite_url, broker=broker, settings=settings)
        host_app.create_rows(app)
        assert app.test_client().post(URL, json=new_instance(), headers=bearer(app)).status_code == 201
        with app.app_context():
            assert inspect(host_app.db.engines["people"]).get_table_names() == ["user"]
        host_app.dispose(app)


def test_a_model_that_we_use_on_another_bind_is_refused_by_name(broker: StubBroker, sqlite_url: str) -> None:
    host_app = HostApp(model_options={"Product": {"__bind_key__": "stock"}})
    with pytest.raises(ConfigError, match="Product lives on the bind 'stock'"):
        host_app.create_app(sqlite_url, broker=broker, settings={"SQLALCHEMY_BINDS": {"stock": "sqlite://"}})


@pytest.mark.parametrize("prefix", ["/shop/bc", "/shop/bc/"])
def test_the_prefix_can_be_moved(host_app: HostApp, broker: StubBroker, sqlite_url: str, prefix: str) -> None:
    app = host_app.create_app(sqlite_url, broker=broker, url_prefix=prefix)
    host_app.create_rows(app)
    client, headers = app.test_client(), bearer(app)
    answer = client.post("/shop/bc", json=new_instance(), headers=headers)
    assert (answer.status_code, answer.headers["Location"]) == (201, "/shop/bc/1")
    assert client.get("/shop/bc/1", headers=headers).status_code == 200
    assert client.post(URL, json=new_instance(), headers=headers).status_code == 404
    host_app.dispose(app)


@pytest.mark.parametrize("prefix", ["", "/", "api"])
def test_a_prefix_that_is_no_path_is_refused(
    host_app: HostApp, broker: StubBroker, sqlite_url: str, prefix: str
) -> None:
    with pytest.raises(ConfigError, match="url_prefix"):
        host_app.create_app(sqlite_url, broker=broker, url_prefix=prefix)


def test_within_a_blueprint_of_the_host(host_app: HostApp, broker: StubBroker, sqlite_url: str) -> None:
    parent = Blueprint("v1", __name__, url_prefix="/v1")
    parent.register_blueprint(create_blueprint(db=host_app.db, broker=broker, host=host_app.host()))
    app = plain_app(host_app, sqlite_url)
    app.register_blueprint(parent)
    host_app.create_rows(app)
    answer = app.test_client().post(f"/v1{URL}", json=new_instance(), headers=bearer(app))
    assert (answer.status_code, answer.headers["Location"]) == (201, f"/v1{URL}/1")
    assert app.test_client().get(f"/v1{URL}/abc", headers=bearer(app)).json.keys() == {"message"}
    host_app.dispose(app)


def plain_app(host_app: HostApp, url: str, *, db: bool = True, jwt: bool = True, **settings: Any) -> Flask:
    """A host's app before our blueprint is registered."""
    app = Flask("plain")
    app.config.update(
        TESTING=True,
        SQLALCHEMY_DATABASE_URI=url,
        JWT_SECRET_KEY=JWT_SECRET_KEY,
        BIGCOMMERCE_ENCRYPTION_KEYS=[ENCRYPTION_KEY],
    )
    app.config.update(settings)
    if db:
        host_app.db.init_app(app)
    if jwt:
        JWTManager(app)
    return app


# Several apps


def test_second_app_on_one_db_leaves_the_first_working(host_app: HostApp, broker: StubBroker, tmp_path: Path) -> None:
    apps = []
    for _ in range(3):
        with fresh_database("sqlite", tmp_path) as url:
            app = host_app.create_app(url, broker=broker)
            host_app.create_rows(app)
            apps.append(app)
    for app in apps:
        assert app.test_client().post(URL, json=new_instance(), headers=bearer(app)).json["data"]["id"] == 1
    for app in apps:
        host_app.dispose(app)


def test_two_apps_in_one_process_are_apart(tmp_path: Path) -> None:
    made = []
    for prefix in ("/one", "/two"):
        with fresh_database("sqlite", tmp_path) as url:
            host_app = HostApp()
            app = host_app.create_app(
                url, broker=StubBroker(), url_prefix=prefix, settings={"BIGCOMMERCE_PAGE_SIZE": 10 + len(made)}
            )
            host_app.create_rows(app)
            made.append((prefix, host_app, app))
    first, second = (app for _, _, app in made)
    assert first.test_client().post("/one", json=new_instance(), headers=bearer(first)).status_code == 201
    assert second.test_client().get("/two/1", headers=bearer(second)).status_code == 404
    assert [state_of(app).config.page_size for app in (first, second)] == [10, 11]
    assert state_of(first).broker is not state_of(second).broker
    assert state_of(first).tables.instances is not state_of(second).tables.instances
    for _, host_app, app in made:
        host_app.dispose(app)


def test_one_blueprint_may_serve_two_apps_one_after_the_other(
    host_app: HostApp, broker: StubBroker, tmp_path: Path
) -> None:
    blueprint = create_blueprint(db=host_app.db, broker=broker, host=host_app.host())
    for _ in range(2):
        with fresh_database("sqlite", tmp_path) as url:
            app = plain_app(host_app, url)
            app.register_blueprint(blueprint)
            host_app.create_rows(app)
            assert app.test_client().post(URL, json=new_instance(), headers=bearer(app)).status_code == 201
            host_app.dispose(app)


# Apps that could not work


@pytest.fixture
def blueprint(host_app: HostApp, broker: StubBroker) -> Iterator[Blueprint]:
    return create_blueprint(db=host_app.db, broker=broker, host=host_app.host())


def test_twice_on_one_app_is_an_error_that_says_so(app: Flask, blueprint: Blueprint) -> None:
    with pytest.raises(ConfigError, match="registered in this app already"):
        app.register_blueprint(blueprint)
    with pytest.raises(ConfigError, match="registered in this app already"):
        app.register_blueprint(blueprint, name="again", url_prefix="/again")


def test_a_db_that_is_not_initialised_says_what_to_do(host_app: HostApp, blueprint: Blueprint, sqlite_url: str) -> None:
    with pytest.raises(ConfigError, match=r"call db.init_app\(app\) before app.register_blueprint"):
        plain_app(host_app, sqlite_url, db=False).register_blueprint(blueprint)


def test_another_db_than_the_apps_says_what_to_do(host_app: HostApp, blueprint: Blueprint, sqlite_url: str) -> None:
    with pytest.raises(ConfigError, match=r"call db.init_app\(app\)"):
        plain_app(HostApp(), sqlite_url).register_blueprint(blueprint)


def test_without_flask_jwt_extended_the_start_says_what_to_do(
    host_app: HostApp, blueprint: Blueprint, sqlite_url: str
) -> None:
    app = plain_app(host_app, sqlite_url, jwt=False)
    with pytest.raises(ConfigError, match=r"call JWTManager\(app\)"):
        app.register_blueprint(blueprint)
    host_app.dispose(app)


def test_without_a_default_database_the_start_says_what_to_do(broker: StubBroker) -> None:
    # A code base of its own: the shared one would look for this bind in the apps of other tests.
    host_app = HostApp()
    app = plain_app(host_app, "", SQLALCHEMY_DATABASE_URI=None, SQLALCHEMY_BINDS={"other": "sqlite://"})
    with pytest.raises(ConfigError, match="SQLALCHEMY_DATABASE_URI"):
        app.register_blueprint(create_blueprint(db=host_app.db, broker=broker, host=host_app.host()))


def test_a_default_database_among_the_binds_is_one(host_app: HostApp, blueprint: Blueprint, sqlite_url: str) -> None:
    app = plain_app(host_app, "", SQLALCHEMY_DATABASE_URI=None, SQLALCHEMY_BINDS={None: sqlite_url})
    app.register_blueprint(blueprint)
    host_app.create_rows(app)
    assert app.test_client().post(URL, json=new_instance(), headers=bearer(app)).status_code == 201
    host_app.dispose(app)


def test_a_bad_setting_is_an_error_at_start(host_app: HostApp, blueprint: Blueprint, sqlite_url: str) -> None:
    app = plain_app(host_app, sqlite_url, BIGCOMMERCE_ENCRYPTION_KEYS=[])
    with pytest.raises(ConfigError, match="generate-key"):
        app.register_blueprint(blueprint)
    host_app.dispose(app)


def test_a_table_of_the_host_with_our_name_is_refused(broker: StubBroker, sqlite_url: str) -> None:
    host_app = HostApp()
    Table("bigcommerce_products", host_app.db.metadata, Column("id", Integer, primary_key=True))
    with pytest.raises(ConfigError, match="'bigcommerce_products' of its own"):
        host_app.create_app(sqlite_url, broker=broker)


def test_what_is_no_broker_is_refused(host_app: HostApp) -> None:
    with pytest.raises(ConfigError, match="Dramatiq broker"):
        create_blueprint(db=host_app.db, broker=None, host=host_app.host())  # type: ignore[arg-type]


@pytest.mark.parametrize("host", [{}, None, True, lambda: None, SQLAlchemyHost])
def test_what_is_no_host_is_refused(host: Any, host_app: HostApp, broker: StubBroker) -> None:
    with pytest.raises(ConfigError, match="host must be"):
        create_blueprint(db=host_app.db, broker=broker, host=host)


def test_host_that_lacks_methods_gets_an_error_naming_them(host_app: HostApp, broker: StubBroker) -> None:
    host = host_app.host()
    parts = SimpleNamespace(tenant=host.tenant, may=host.may, missing=host.missing, name_taken=True)
    with pytest.raises(ConfigError, match=r"lacks name_taken, .*orders_changed\.$"):
        create_blueprint(db=host_app.db, broker=broker, host=parts)  # type: ignore[arg-type]


@pytest.mark.parametrize("db", [None, MetaData(), {}])
def test_what_is_no_db_is_refused(db: Any, host_app: HostApp, broker: StubBroker) -> None:
    with pytest.raises(ConfigError, match="db must be"):
        create_blueprint(db=db, broker=broker, host=host_app.host())


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file::memory:?uri=true"])
def test_a_database_in_memory_is_refused_at_the_start(url: str) -> None:
    host_app = HostApp()
    for given in ({"SQLALCHEMY_DATABASE_URI": url}, {"SQLALCHEMY_DATABASE_URI": None, "SQLALCHEMY_BINDS": {None: url}}):
        app = plain_app(host_app, "", **given)
        blueprint = create_blueprint(db=host_app.db, broker=SilentBroker(middleware=[]), host=host_app.host())
        with pytest.raises(ConfigError, match="in-memory SQLite"):
            app.register_blueprint(blueprint)
        assert "bigcommerce_integration" not in app.extensions
        host_app.dispose(app)


def test_a_named_database_in_memory_is_one_too() -> None:
    # SQLAlchemy 2.1 warns of such an engine, so none is made.
    with pytest.raises(ConfigError, match="in-memory SQLite"):
        require_shared(make_url("sqlite:///file:x?mode=memory&uri=true"))


def test_a_database_in_memory_goes_with_a_stub_broker(broker: StubBroker) -> None:
    host_app = HostApp()
    app = host_app.create_app("sqlite://", broker=broker)
    with app.app_context():
        host_app.db.create_all()
        host_app.add_rows()
        assert app.test_client().post(URL, json=new_instance(), headers=bearer(app)).status_code == 201
    host_app.dispose(app)


class SilentBroker(Broker):
    """A broker for real workers, as far as an app that only starts can tell."""


# Our tables, as the host reads them


@pytest.mark.parametrize("schema", [None, "shop"])
def test_the_hosts_code_reads_our_tables_by_name(schema: str | None, broker: StubBroker, sqlite_url: str) -> None:
    host_app = HostApp(SQLAlchemy(metadata=MetaData(schema=schema)))
    with pytest.raises(ConfigError, match="register the blueprint first"):
        bigcommerce_integration.tables(host_app.db)
    app = host_app.create_app(sqlite_url, broker=broker)
    found = bigcommerce_integration.tables(host_app.db)
    assert found == state_of(app).tables
    assert found.orders.fullname == ("shop.bigcommerce_orders" if schema else "bigcommerce_orders")
    assert found.orders is host_app.db.metadata.tables[found.orders.fullname]
    host_app.dispose(app)


def test_an_app_without_the_blueprint_says_what_to_do() -> None:
    with pytest.raises(ConfigError, match=r"app\.register_blueprint"):
        state_of(Flask("bare"))


# The host's session


def test_the_hosts_session_is_usable_after_each_answer(app: Flask, host_app: HostApp) -> None:
    """Within one request of the host's own, ours are only guests in its session."""
    seen: list[int] = []

    def count(response: Any) -> Any:
        seen.append(host_app.db.session.scalar(select(func.count()).select_from(host_app.User)) or 0)
        return response

    app.after_request(count)
    client, headers = app.test_client(), bearer(app)
    for body in (new_instance(), new_instance(), {}):
        client.post(URL, json=body, headers=headers)
    for path in (f"{URL}/1", f"{URL}/2", f"{URL}/1/refreshes/1"):
        client.get(path, headers=headers)
    assert seen == [1] * 6


def test_reading_commits_nothing_of_the_hosts(app: Flask, host_app: HostApp) -> None:
    client, headers = app.test_client(), bearer(app)
    client.post(URL, json=new_instance(), headers=headers)
    app.before_request_funcs = {None: [lambda: host_app.db.session.add(host_app.User(id=9, name="unsaved"))]}
    assert client.get(f"{URL}/1", headers=headers).status_code == 200
    assert client.post(URL, json={}, headers=headers).status_code == 422
    assert host_app.scalars(app, select(host_app.User.id)) == [1]
