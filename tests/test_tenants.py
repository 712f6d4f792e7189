"""Hosts with several tenants: each uses its own stores, nominal codes and products, in requests and in jobs."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from sqlalchemy import Column, Integer, String, Uuid, select

from bigcommerce_integration import IntegrationInstance, ProductDraft, SQLAlchemyHost
from bigcommerce_integration.errors import ConfigError
from bigcommerce_integration.sandbox import SandboxServer, SandboxStore

from .host_app import HostApp, bearer, new_instance
from .refresh.conftest import Mirror, connected
from .refresh.test_linking import add

URL = "/api/big-commerce"
CALLER: ContextVar[Any] = ContextVar("caller")
OWNED = ("Store", "NominalCode", "Product", "IntegrationInstance")
COMPANIES = {
    "numbers": (Integer(), 1, 2),
    "texts of other case": (String(20), "acme", "ACME"),
    "uuids": (Uuid(), uuid.UUID(int=1), uuid.UUID(int=2)),
}


def code_base(kind: Any) -> HostApp:
    return HostApp(model_options={model: {"company_id": Column(kind)} for model in OWNED})


CODE_BASES = {name: code_base(kind) for name, (kind, _, _) in COMPANIES.items()}


def by_model(host_app: HostApp) -> dict[type[Any], str | None]:
    return {host_app.Integration: None} | {getattr(host_app, model): "company_id" for model in OWNED}


class Companies:
    """An app of two companies, ours and theirs, each with a store, a nominal code and its products."""

    def __init__(self, name: str, url: str, broker: StubBroker, stack: ExitStack, **options: Any) -> None:
        _, self.ours, self.theirs = COMPANIES[name]
        self.host_app = CODE_BASES[name]
        self.broker = broker
        self.host = self.host_app.host(tenant=CALLER.get, tenant_column=by_model(self.host_app), **options)
        store = SandboxStore(0, 0)
        for sku in ("both", "theirs alone", "nobody's"):
            add(store, sku)
        self.server = stack.enter_context(SandboxServer(store))
        settings = {"BIGCOMMERCE_API_URL": self.server.api_url}
        self.app = self.host_app.create_app(url, broker=broker, host=self.host, settings=settings)
        stack.callback(self.host_app.dispose, self.app)
        with self.app.app_context():
            self.host_app.create_tables(self.app)
            session, models = self.host_app.db.session, self.host_app
            session.add(models.Integration(id=1, name="BigCommerce"))
            for number, company in ((10, self.ours), (20, self.theirs)):
                owned = {"company_id": company}
                session.add_all([models.Store(id=number, **owned), models.NominalCode(id=number, **owned)])
                session.add(models.Product(sku="both", name="Both have it", **owned))
                session.add(models.IntegrationInstance(name=f"Their name {number}", **owned))
            session.add(models.Product(sku="theirs alone", name="x", company_id=self.theirs))
            session.commit()

    def connect(self, company: Any, number: int, **body: Any) -> Mirror:
        CALLER.set(company)
        given = {"integration_settings__store_id": number, "integration_settings__sales_nominal_code_id": number}
        return connected(self.app, self.host_app, self.host, self.broker, self.server, **(given | body))

    def products(self) -> dict[Any, tuple[str, Any]]:
        model = self.host_app.Product
        with self.app.app_context():
            found = self.host_app.db.session.execute(select(model.id, model.sku, model.company_id))
            return {row.id: (row.sku, row.company_id) for row in found}


@pytest.fixture(params=COMPANIES)
def companies(
    request: pytest.FixtureRequest, broker: StubBroker, database_kind: str, tmp_path: Path
) -> Iterator[Companies]:
    with CODE_BASES[request.param].databases.lent(database_kind, tmp_path) as url, ExitStack() as stack:
        yield Companies(request.param, url, broker, stack)


@pytest.mark.ci
def test_each_company_links_and_makes_its_own_products(companies: Companies) -> None:
    mirrors = [
        companies.connect(company, number, name="One name", integration_settings__auto_create_products=True)
        for company, number in ((companies.ours, 10), (companies.theirs, 20))
    ]
    # Jobs know no caller.
    CALLER.set(None)
    for mirror in mirrors:
        mirror.completed("products")
    products = companies.products()
    linked = []
    for mirror in mirrors:
        rows = mirror.rows("variants", instance_id=mirror.instance_id)
        linked.append({row["sku"]: products[row["host_product_id"]] for row in rows})
    for found, company in zip(linked, (companies.ours, companies.theirs), strict=True):
        assert found == {sku: (sku, company) for sku in ("both", "theirs alone", "nobody's")}
    assert [row["link_source"] for row in mirrors[1].rows("variants", instance_id=mirrors[1].instance_id)] == [
        "auto",
        "auto",
        "created",
    ]
    # The sweep leaves what is its own tenant's.
    for mirror in mirrors:
        before = mirror.rows("variants")
        mirror.again("products")
        assert mirror.rows("variants") == before


def test_what_is_another_companys_does_not_exist(companies: Companies) -> None:
    mirror = companies.connect(companies.ours, 10).completed("products")
    client, headers = companies.app.test_client(), bearer(companies.app)
    body = new_instance(
        integration_settings__store_id=20, integration_settings__cogs_nominal_code_id=20, name="their NAME 20"
    )
    assert set(client.post(URL, json=body, headers=headers).json["errors"]) == {
        "integration_settings.store_id",
        "integration_settings.cogs_nominal_code_id",
    }
    body = new_instance(integration_settings__store_id=10, name="their NAME 10")
    assert set(client.post(URL, json=body, headers=headers).json["errors"]) == {"name"}
    (foreign,) = (key for key, (sku, _) in companies.products().items() if sku == "theirs alone")
    variant = mirror.rows("variants")[1]
    path = f"{URL}/{mirror.instance_id}/variants"
    for answer in (
        client.post(f"{path}/{variant['bigcommerce_id']}/link", json={"host_product_id": foreign}, headers=headers),
        client.put(f"{path}/links", json=[{"sku": "both", "host_product_id": foreign}], headers=headers),
    ):
        assert answer.status_code == 422
        assert "You have no product with this id." in str(answer.json)
    CALLER.set(companies.theirs)
    assert client.get(f"{URL}/{mirror.instance_id}", headers=headers).status_code == 404


class Aware(SQLAlchemyHost):
    def product_values(self, draft: ProductDraft, instance: IntegrationInstance | None = None) -> dict[str, Any]:
        assert instance is not None
        return super().product_values(draft, instance) | {"name": f"{draft.name} of {instance.name}"}


class Elder(SQLAlchemyHost):
    def product_values(self, draft: ProductDraft) -> dict[str, Any]:  # type: ignore[override]
        return super().product_values(draft) | {"name": f"{draft.name} as ever"}


@pytest.mark.parametrize(("kind", "end"), [(Aware, " of Main shop"), (Elder, " as ever")])
def test_product_values_may_take_the_instance(kind: Any, end: str, broker: StubBroker, sqlite_url: str) -> None:
    host_app = CODE_BASES["numbers"]
    models = {"integration": host_app.Integration, "store": host_app.Store, "nominal_code": host_app.NominalCode}
    host = kind(
        **models,
        product=host_app.Product,
        may=lambda action, instance: True,
        tenant=lambda: 1,
        tenant_column={host_app.Product: "company_id"} | dict.fromkeys(models.values()),
    )
    app = host_app.create_app(sqlite_url, broker=broker, host=host)
    host_app.create_rows(app)
    store = SandboxStore(0, 0)
    add(store, "A")
    with SandboxServer(store) as server:
        app.extensions["bigcommerce_integration"].config.__dict__["api_url"] = server.api_url
        mirror = connected(app, host_app, host, broker, server, integration_settings__auto_create_products=True)
        mirror.completed("products")
    with app.app_context():
        (product,) = host_app.db.session.scalars(select(host_app.Product))
        assert product.name.endswith(end)
        assert product.company_id == 1
    host_app.dispose(app)


class TenantAlone(SQLAlchemyHost):
    def tenant(self) -> str:
        return "1"


def start(host_app: HostApp, broker: StubBroker, url: str, kind: Any = SQLAlchemyHost, **options: Any) -> None:
    names = {"integration": "Integration", "store": "Store", "nominal_code": "NominalCode", "product": "Product"}
    models = {argument: getattr(host_app, model) for argument, model in names.items()}
    app = host_app.create_app(url, broker=broker, host=kind(**models, may=lambda action, instance: True, **options))
    host_app.dispose(app)


def test_tenants_without_a_column_are_refused_at_the_start(broker: StubBroker, sqlite_url: str) -> None:
    host_app = CODE_BASES["numbers"]
    for kind, options in ((TenantAlone, {}), (SQLAlchemyHost, {"tenant": lambda: "1"})):
        with pytest.raises(ConfigError, match="does not say which rows of its models are whose"):
            start(host_app, broker, sqlite_url, kind, **options)
        start(host_app, broker, sqlite_url, kind, **options, tenant_column=None)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"tenant_column": "company_id"}, "Integration has no column 'company_id'"),
        ({"tenant_column": {}}, "does not say which column of Integration holds the tenant"),
        ({"tenant": "acme"}, "tenant must be a function"),
    ],
)
def test_a_wrong_tenant_argument_is_refused(
    options: dict[str, Any], told: str, broker: StubBroker, sqlite_url: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        start(CODE_BASES["numbers"], broker, sqlite_url, **({"tenant": lambda: "1"} | options))


def test_a_column_without_a_tenant_is_refused(broker: StubBroker, sqlite_url: str) -> None:
    host_app = CODE_BASES["numbers"]
    with pytest.raises(ConfigError, match="without tenant="):
        start(host_app, broker, sqlite_url, tenant_column=by_model(host_app))


def test_a_tenant_that_the_column_cannot_hold_is_named(broker: StubBroker, sqlite_url: str) -> None:
    with ExitStack() as stack:
        companies = Companies("numbers", sqlite_url, broker, stack)
        CALLER.set("acme")
        body = new_instance(integration_settings__store_id=10)
        with pytest.raises(ConfigError, match=r"'acme' is no value of Store.company_id"):
            companies.app.test_client().post(URL, json=body, headers=bearer(companies.app))
