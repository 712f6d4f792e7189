"""``SQLAlchemyHost`` over models of several shapes."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import BigInteger, Column, Integer, String, event, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Session

from bigcommerce_integration import Missing, ProductDraft, SQLAlchemyHost
from bigcommerce_integration.errors import ConfigError
from bigcommerce_integration.host.port import require_host
from bigcommerce_integration.models.instances import IntegrationInstance

from .host_app import BIGCOMMERCE_ID, NOMINAL_CODE_IDS, SHOPIFY_ID, STORE_ID, HostApp

INSTANCE: IntegrationInstance = None  # type: ignore[assignment]  # SQLAlchemyHost has one tenant and needs none


@pytest.fixture
def session(any_app: Flask, host_app: HostApp) -> Iterator[Session]:
    with any_app.app_context():
        yield host_app.db.session()


@pytest.fixture
def host(host_app: HostApp) -> SQLAlchemyHost:
    return host_app.host()


def draft(sku: str, name: str = "A name") -> ProductDraft:
    return ProductDraft(sku=sku, name=name, price=Decimal("1.50"), bigcommerce_product_id=1, bigcommerce_variant_id=2)


def add_products(session: Session, host_app: HostApp, *skus: str | None) -> dict[str | None, int]:
    products = [host_app.Product(sku=sku, name="x") for sku in skus]
    session.add_all(products)
    session.commit()
    return {product.sku: product.id for product in products}


def test_what_exists_is_not_missing(session: Session, host: SQLAlchemyHost) -> None:
    found = host.missing(
        session, integration_id=BIGCOMMERCE_ID, store_id=STORE_ID, nominal_code_ids=list(NOMINAL_CODE_IDS)
    )
    assert found == Missing()


def test_what_does_not_exist_is_missing(session: Session, host: SQLAlchemyHost) -> None:
    unknown = [0, -1, 99, 2**31, 2**63 - 1, -(2**63)]
    found = host.missing(session, integration_id=99, store_id=98, nominal_code_ids=[*unknown, NOMINAL_CODE_IDS[0]])
    assert found == Missing(integration=True, store=True, nominal_code_ids=frozenset(unknown))


def test_host_does_not_look_up_what_is_not_given(session: Session, host: SQLAlchemyHost) -> None:
    statements: list[str] = []
    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    assert host.missing(session, integration_id=None, store_id=None, nominal_code_ids=[]) == Missing()
    assert statements == []


def test_all_ids_are_looked_up_by_one_query(session: Session, host: SQLAlchemyHost) -> None:
    statements: list[str] = []
    event.listen(session.get_bind(), "before_cursor_execute", lambda *args: statements.append(args[2]))
    host.missing(session, integration_id=BIGCOMMERCE_ID, store_id=98, nominal_code_ids=[*NOMINAL_CODE_IDS, 99])
    assert len(statements) == 1


def test_the_integration_is_known_by_its_name(session: Session, host: SQLAlchemyHost, host_app: HostApp) -> None:
    names = {50: ("BIGCOMMERCE", True), 51: (" bigCommerce ", True), 52: ("Big Commerce", False), 53: (None, False)}
    session.add_all([host_app.Integration(id=integration_id, name=name) for integration_id, (name, _) in names.items()])
    session.commit()
    for integration_id, (name, counts) in names.items():
        found = host.missing(session, integration_id=integration_id, store_id=None, nominal_code_ids=[])
        assert found.integration is not counts, name
    assert host.missing(session, integration_id=SHOPIFY_ID, store_id=None, nominal_code_ids=[]).integration


def test_names_of_other_connections_are_taken(session: Session, host: SQLAlchemyHost, host_app: HostApp) -> None:
    session.add_all([host_app.IntegrationInstance(name=name) for name in ("Straße", None)])
    session.commit()
    assert host.name_taken(session, "STRASSE")
    assert not host.name_taken(session, "Strasbourg")
    assert not host_app.host(integration_instance=None).name_taken(session, "Straße")


def test_products_are_found_by_their_own_spelling(session: Session, host: SQLAlchemyHost, host_app: HostApp) -> None:
    ids = add_products(session, host_app, "abc-1", "ABC-1 ", "äbc-1", "other", None, "")
    found = host.products_by_sku(session, INSTANCE, ["abc-1", "nowhere"])
    assert found["abc-1"] == [ids["abc-1"]]
    expected = {"abc-1": [ids["abc-1"]]}
    if session.get_bind().dialect.name == "mysql":  # its usual collation takes these for equal
        expected |= {"ABC-1 ": [ids["ABC-1 "]], "äbc-1": [ids["äbc-1"]]}
    assert found == expected


def test_sku_in_another_case_is_returned_under_its_own_key(
    session: Session, host: SQLAlchemyHost, host_app: HostApp
) -> None:
    ids = add_products(session, host_app, "ABC-1", "def-2")
    found = host.products_by_sku(session, INSTANCE, ["abc-1", "DEF-2"])
    assert found == {"ABC-1": [ids["ABC-1"]], "def-2": [ids["def-2"]]}


def test_several_products_with_one_sku_are_all_returned(
    session: Session, host: SQLAlchemyHost, host_app: HostApp
) -> None:
    session.add_all([host_app.Product(sku="twin", name=name) for name in "ab"])
    session.commit()
    assert len(host.products_by_sku(session, INSTANCE, ["twin", "TWIN", "twin"])["twin"]) == 2


@pytest.mark.ci
def test_thousands_of_skus_cost_a_few_queries(session: Session, host: SQLAlchemyHost, host_app: HostApp) -> None:
    skus = [f"Sku-{number}" for number in range(3000)]
    add_products(session, host_app, *skus)
    statements: list[Any] = []
    event.listen(session.get_bind(), "before_cursor_execute", lambda *args: statements.append(args[3]))
    found = host.products_by_sku(session, INSTANCE, [*skus, *(f"none-{number}" for number in range(3000))])
    assert set(found) == set(skus)
    assert len(statements) == (1 if session.get_bind().dialect.name == "postgresql" else 17)
    assert all(len(parameters) <= 999 for parameters in statements)


def test_an_odd_sku_is_just_not_found(session: Session, host: SQLAlchemyHost, host_app: HostApp) -> None:
    ids = add_products(session, host_app, "plain")
    for sku in ("a\0b", "\ud800", "'; --", "%", "_", "\\", "日本", "🛒", "x" * 10_000):
        assert host.products_by_sku(session, INSTANCE, [sku, "plain"]) == {"plain": [ids["plain"]]}, sku
    assert host.products_by_sku(session, INSTANCE, []) == {}


def test_products_are_created_in_the_callers_transaction(
    session: Session, host: SQLAlchemyHost, host_app: HostApp
) -> None:
    made = host.create_products(session, INSTANCE, [draft("one", "One"), draft("two", "Two 🛒")])
    rows = session.execute(select(host_app.Product.sku, host_app.Product.name, host_app.Product.id)).all()
    assert sorted(map(tuple, rows)) == [("one", "One", made["one"]), ("two", "Two 🛒", made["two"])]
    session.rollback()
    assert session.execute(select(host_app.Product.id)).all() == []


def test_host_s_refusal_is_its_error_and_a_savepoint_undoes_it(
    session: Session, host: SQLAlchemyHost, host_app: HostApp
) -> None:
    session.execute(text("CREATE UNIQUE INDEX one_sku ON product (sku)"))
    add_products(session, host_app, "there")
    session.add(host_app.User(id=5, name="kept"))
    with pytest.raises(IntegrityError), session.begin_nested():
        host.create_products(session, INSTANCE, [draft("fine"), draft("there")])
    session.commit()
    assert session.scalars(select(host_app.Product.sku)).all() == ["there"]
    assert session.get(host_app.User, 5) is not None


class Pricing(SQLAlchemyHost):
    """A host whose products need a price too."""

    def product_values(self, draft: ProductDraft) -> dict[str, Any]:
        return super().product_values(draft) | {
            "cents": int((draft.price or 0) * 100),
            "name": f"{draft.name} (imported)",
        }


def test_product_values_is_the_place_for_more_columns(broker: Any, sqlite_url: str) -> None:
    host_app = HostApp(model_options={"Product": {"cents": Column(Integer)}})
    host = Pricing(
        integration=host_app.Integration,
        store=host_app.Store,
        nominal_code=host_app.NominalCode,
        product=host_app.Product,
        may=lambda action, instance: True,
    )
    app = host_app.create_app(sqlite_url, broker=broker, host=host)
    host_app.create_rows(app)
    with app.app_context():
        host.create_products(host_app.db.session(), INSTANCE, [draft("one")])
        assert host_app.db.session.execute(select(host_app.Product.name, host_app.Product.cents)).all() == [
            ("A name (imported)", 150)
        ]
    host_app.dispose(app)


def test_column_names_are_arguments(any_app: Flask, host_app: HostApp) -> None:
    class Base(DeclarativeBase):
        pass

    class Kind(Base):
        __tablename__ = "kinds"
        kind_id = Column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True)
        title = Column(String(50))

    class Item(Base):
        __tablename__ = "items"
        number = Column("item_no", Integer, primary_key=True)
        code = Column("item_code", String(50))
        label = Column(String(50))

    host = SQLAlchemyHost(
        integration=Kind, store=Kind, nominal_code=Kind, product=Item, integration_instance=Kind,
        may=lambda action, instance: action == "read",
        integration_id="kind_id", integration_name="title", store_id="kind_id", nominal_code_id="kind_id",
        product_id="number", product_sku="code", product_name="label", integration_instance_name="title",
    )  # fmt: skip
    with any_app.app_context():
        Base.metadata.create_all(host_app.db.engine)
        session = host_app.db.session()
        session.add(Kind(kind_id=3, title="BigCommerce"))
        found = host.missing(session, integration_id=3, store_id=3, nominal_code_ids=[3, 4])
        assert found == Missing(nominal_code_ids=frozenset({4}))
        made = host.create_products(session, INSTANCE, [draft("s", "l")])
        assert host.products_by_sku(session, INSTANCE, ["s"]) == {"s": [made["s"]]}
        assert host.name_taken(session, "bigcommerce")
        session.commit()
    assert host.may("read", None)
    assert not host.may("create", None)


def test_products_are_searched_by_sku_and_name(session: Session, host: SQLAlchemyHost, host_app: HostApp) -> None:
    rows = [("A-1", "Red mug"), ("A-10", "Blue mug"), ("B_1", "Mug, red and large"), ("Bx1", "Plate"), (None, None)]
    session.add_all(host_app.Product(sku=sku, name=name) for sku, name in rows)
    session.commit()

    def skus(text: str) -> list[str]:
        return [sku for _, sku, _ in host.search_products(session, INSTANCE, text)]

    assert skus("A-1") == ["A-1", "A-10"], "the same SKU first"
    assert sorted(skus("red mug")) == ["A-1", "B_1"]
    assert skus("b_") == ["B_1"], "no wildcard"
    assert (skus(" "), skus("%"), skus("nope\0")) == ([], [], [])
    session.add_all(host_app.Product(sku=f"C{number:03}", name="Many") for number in range(50))
    session.commit()
    assert len(skus("many")) == 20


def test_products_are_named_by_their_ids(session: Session, host: SQLAlchemyHost, host_app: HostApp) -> None:
    rows = [host_app.Product(sku="A-1", name="Red mug"), host_app.Product(sku=None, name=None)]
    session.add_all(rows)
    session.commit()
    named, nameless = (row.id for row in rows)
    asked = [named, nameless, 2**60, *range(10_000, 12_000)]
    assert host.products_by_id(session, INSTANCE, asked) == {named: ("A-1", "Red mug"), nameless: ("", "")}
    assert host.products_by_id(session, INSTANCE, []) == {}


def test_default_host_has_one_tenant_no_date_and_does_nothing(session: Session, host: SQLAlchemyHost) -> None:
    assert host.tenant() == ""
    assert host.earliest_start_date(session) is None
    host.products_changed(session, INSTANCE, [1])
    host.orders_changed(session, INSTANCE, [1])


def test_may_must_be_decided(host_app: HostApp) -> None:
    models = dict.fromkeys(("integration", "store", "nominal_code", "product"), host_app.Store)
    with pytest.raises(TypeError, match="may"):
        SQLAlchemyHost(**models)  # type: ignore[call-arg]


def test_a_wrong_attribute_names_the_argument_that_mends_it(host_app: HostApp) -> None:
    with pytest.raises(ConfigError, match=r"Store has no column 'sku'.*product_sku=…"):
        host_app.host(product=host_app.Store)


@pytest.mark.parametrize("wrong", [None, dict, "Store", 1, object()])
@pytest.mark.parametrize("role", ["integration", "store", "nominal_code", "product"])
def test_what_is_no_model_is_refused(role: str, wrong: Any, host_app: HostApp) -> None:
    with pytest.raises(ConfigError, match=f"SQLAlchemyHost: {role}=.* is not a mapped class"):
        host_app.host(**{role: wrong})


def test_a_table_or_a_row_is_no_model(host_app: HostApp) -> None:
    for wrong in (host_app.Store.__table__, host_app.Store(), host_app.db.Model, True):
        with pytest.raises(ConfigError, match=r"integration_instance=.* is not a mapped class"):
            host_app.host(integration_instance=wrong)


@pytest.mark.parametrize("name", ["metadata", "query", "__init__"])
def test_an_attribute_that_is_no_column_is_refused(name: str, host_app: HostApp) -> None:
    with pytest.raises(ConfigError, match=f"Product has no column '{name}': name the right attribute with product_sku"):
        host_app.host(product_sku=name)


def test_an_attribute_is_given_by_its_name(host_app: HostApp) -> None:
    with pytest.raises(ConfigError, match="product_id must be the name of an attribute"):
        host_app.host(product_id=host_app.Product.id)


@pytest.mark.parametrize("may", [True, None, "read"])
def test_may_is_a_function(may: Any, host_app: HostApp) -> None:
    with pytest.raises(ConfigError, match="may must be a function"):
        host_app.host(may=may)


def test_a_model_on_another_bind_is_named() -> None:
    db = SQLAlchemy()
    host_app = HostApp(db, model_options={"NominalCode": {"__bind_key__": "ledger"}})
    with pytest.raises(ConfigError, match="NominalCode lives on the bind 'ledger'"):
        host_app.host()


def test_host_with_the_methods_of_the_first_version_is_enough() -> None:
    first = ("tenant", "may", "missing", "name_taken", "earliest_start_date", "products_by_sku", "create_products")
    require_host(SimpleNamespace(**dict.fromkeys((*first, "products_changed", "orders_changed"), lambda *_: None)))
