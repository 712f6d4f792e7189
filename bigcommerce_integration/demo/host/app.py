"""The host app: a small monolith with users, integrations, stores, nominal codes and products."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal

from dramatiq import Broker
from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from flask_jwt_extended import JWTManager, create_access_token, verify_jwt_in_request
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Numeric, String, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from werkzeug.security import check_password_hash, generate_password_hash

import bigcommerce_integration as bigcommerce

from .entrance import LOGIN, add_entrance, logged_in, login_form, next_path
from .journal import Balance, JournalHost, trial_balance
from .settings import HostSettings

USER_NAME = "demo"
_FIRST_USER = "1"
_WRONG = "The name or the password is wrong."
_LOGIN_LASTS_S = 24 * 3600


class Base(DeclarativeBase):
    """The host's own declarative base."""


db = SQLAlchemy(model_class=Base)
jwt = JWTManager()


class User(db.Model):  # type: ignore[name-defined,misc]
    """Who may log in."""

    __tablename__ = "demo_users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))


class Named:
    """What these have alike."""

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80))


class Integration(Named, db.Model):  # type: ignore[name-defined,misc]
    """A kind of system that the host can be connected to."""

    __tablename__ = "demo_integrations"


class Store(Named, db.Model):  # type: ignore[name-defined,misc]
    """One of the company's own shops."""

    __tablename__ = "demo_stores"


class NominalCode(Named, db.Model):  # type: ignore[name-defined,misc]
    """A ledger account."""

    __tablename__ = "demo_nominal_codes"


class Product(db.Model):  # type: ignore[name-defined,misc]
    """What the company sells, by SKU."""

    __tablename__ = "demo_products"
    id: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(String(255), index=True)
    name: Mapped[str] = mapped_column(String(512))


class JournalLine(db.Model):  # type: ignore[name-defined,misc]
    """One side of a booking in the company's books."""

    __tablename__ = "demo_journal"
    id: Mapped[int] = mapped_column(primary_key=True)
    posting: Mapped[str] = mapped_column(String(80), index=True)
    date: Mapped[dt.date]
    account: Mapped[str] = mapped_column(String(80))
    currency_code: Mapped[str] = mapped_column(String(8))
    debit: Mapped[Decimal] = mapped_column(Numeric(20, 4))
    credit: Mapped[Decimal] = mapped_column(Numeric(20, 4))


@dataclass(frozen=True)
class Rows:
    """The ids that a request to connect a store refers to."""

    integration_id: int
    store_id: int
    sales_nominal_code_id: int


def create_app(settings: HostSettings, broker: Broker) -> Flask:
    """The application factory, for the web and for the workers."""
    app = Flask(__name__)
    app.config.update(
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        JWT_SECRET_KEY=settings.jwt_secret_key,
        JWT_ACCESS_TOKEN_EXPIRES=_LOGIN_LASTS_S,
        BIGCOMMERCE_ENCRYPTION_KEYS=[settings.encryption_key],
        BIGCOMMERCE_API_URL=settings.api_url,
        # Nobody likes to wait in front of a demo.
        BIGCOMMERCE_TICK_S=1,
    )
    db.init_app(app)
    jwt.init_app(app)
    app.register_blueprint(
        bigcommerce.create_blueprint(
            db=db,
            broker=broker,
            host=JournalHost(
                journal=JournalLine,
                integration=Integration,
                store=Store,
                nominal_code=NominalCode,
                product=Product,
                may=lambda _action, _instance: True,
            ),
        )
    )
    app.register_blueprint(bigcommerce.create_pages(login_url=LOGIN))
    add_entrance(app, _FIRST_USER)
    app.add_url_rule("/login", view_func=_login, methods=["POST"])
    app.add_url_rule(LOGIN, view_func=_enter, methods=["GET", "POST"])
    app.add_url_rule("/products", view_func=_products)
    app.add_url_rule("/trial-balance", view_func=_trial_balance)
    return app


def _login() -> ResponseReturnValue:
    given = request.get_json(silent=True)
    user = _user(given if isinstance(given, dict) else {})
    if user is None:
        return jsonify(message=_WRONG), 401
    return jsonify(access_token=create_access_token(str(user.id)))


def _enter() -> ResponseReturnValue:
    """The same for a person at a browser."""
    if request.method == "GET":
        return login_form()
    user = _user(request.form)
    return login_form(_WRONG, 401) if user is None else logged_in(str(user.id), next_path())


def _user(given: Mapping[str, object]) -> User | None:
    user = db.session.scalar(select(User).where(User.name == str(given.get("username"))))
    is_right = user is not None and check_password_hash(user.password_hash, str(given.get("password")))
    return user if is_right else None


def _products() -> ResponseReturnValue:
    """The first host products with the variants that are linked to them: how a host reads our tables."""
    verify_jwt_in_request()
    variants = bigcommerce.tables(db).variants
    variant_id = variants.c.bigcommerce_id.label("bigcommerce_variant_id")
    statement = (
        select(Product.id, Product.sku, Product.name, variant_id, variants.c.price)
        .join(variants, variants.c.host_product_id == Product.id)
        .order_by(Product.id)
        .limit(10)
    )
    rows = db.session.execute(statement).mappings()
    return jsonify(data=[{**row, "price": None if row["price"] is None else str(row["price"])} for row in rows])


def _trial_balance() -> ResponseReturnValue:
    """What debits and credits add up to in the company's books."""
    verify_jwt_in_request()
    return jsonify(data=[{name: str(value) for name, value in asdict(each).items()} for each in balances()])


def balances() -> list[Balance]:
    """The trial balance, within the app's context."""
    return trial_balance(db.session(), JournalLine)


def create_rows(app: Flask, password: str, products: list[tuple[str, str]]) -> Rows:
    """Make all tables and the rows of a company at work; ``products`` are SKUs with names."""
    with app.app_context():
        db.create_all()
        integration, store, code = Integration(name="BigCommerce"), Store(name="Main"), NominalCode(name="4000 Sales")
        user = User(name=USER_NAME, password_hash=generate_password_hash(password))
        db.session.add_all([Integration(name="Shopify"), integration, store, code, user])
        db.session.add_all([Product(sku=sku, name=name) for sku, name in products])
        db.session.commit()
        return Rows(integration.id, store.id, code.id)


def close_connections(app: Flask) -> None:
    """Give every database connection back, so that the files and servers can go."""
    with app.app_context():
        db.session.remove()
        for engine in db.engines.values():
            engine.dispose()
