"""A host whose models are dataclasses."""

# No ``from __future__ import annotations``: SQLAlchemy reads the annotations of classes made in a function.

import pytest
from dramatiq.brokers.stub import StubBroker
from flask import Flask
from flask_jwt_extended import JWTManager
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column

from bigcommerce_integration import SQLAlchemyHost, create_blueprint

from .host_app import ENCRYPTION_KEY, JWT_SECRET_KEY, NOMINAL_CODE_IDS, STORE_ID, bearer, new_instance
from .test_host import INSTANCE, draft


class Base(DeclarativeBase, MappedAsDataclass):
    """As Flask-SQLAlchemy's documentation shows it."""


def make_db() -> SQLAlchemy:
    try:
        return SQLAlchemy(model_class=Base)
    except Exception as error:  # noqa: BLE001 - whatever it is, it comes before us
        pytest.skip(f"this Flask-SQLAlchemy has no dataclasses with this SQLAlchemy: {error!r}")


def test_models_that_are_dataclasses(broker: StubBroker, sqlite_url: str) -> None:
    db = make_db()

    class Kind(db.Model):  # type: ignore[misc, name-defined]
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str]

    class Item(db.Model):  # type: ignore[misc, name-defined]
        id: Mapped[int] = mapped_column(primary_key=True, init=False)
        sku: Mapped[str]
        name: Mapped[str]

    app = Flask("dataclasses")
    app.config.update(
        SQLALCHEMY_DATABASE_URI=sqlite_url,
        JWT_SECRET_KEY=JWT_SECRET_KEY,
        BIGCOMMERCE_ENCRYPTION_KEYS=[ENCRYPTION_KEY],
    )
    db.init_app(app)
    JWTManager(app)
    host = SQLAlchemyHost(
        integration=Kind, store=Kind, nominal_code=Kind, product=Item, may=lambda action, instance: True
    )
    app.register_blueprint(create_blueprint(db=db, broker=broker, host=host))
    with app.app_context():
        db.create_all()
        db.session.add_all([Kind(id=number, name="BigCommerce") for number in (1, STORE_ID, *NOMINAL_CODE_IDS)])
        db.session.commit()
        made = host.create_products(db.session(), INSTANCE, [draft("one")])
        assert host.products_by_sku(db.session(), INSTANCE, ["one"]) == {"one": [made["one"]]}
        db.session.rollback()
    answer = app.test_client().post("/api/big-commerce", json=new_instance(), headers=bearer(app))
    assert answer.status_code == 201
    with app.app_context():
        db.engine.dispose()
