"""A demo's database and the truth it was made from, made once; each test spoils it in a transaction of its own."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Connection

from bigcommerce_integration.demo.company import company_products
from bigcommerce_integration.demo.links import LinkRules
from bigcommerce_integration.demo.run import Options, run
from bigcommerce_integration.demo.terminal import Terminal
from bigcommerce_integration.demo.truth import Truth
from bigcommerce_integration.demo.verify import Report, verify
from bigcommerce_integration.sandbox.store import SandboxStore

PRODUCTS, ORDERS, SEED = 40, 40, 3


@dataclass(frozen=True)
class FinishedDemo:
    """Where the database is, and what a verification of it needs."""

    path: Path
    truth: Truth
    rules: LinkRules
    start_date: date
    output: str


@dataclass(frozen=True)
class Database:
    """The demo's database within a transaction that is rolled back."""

    demo: FinishedDemo
    connection: Connection

    def verify(self) -> Report:
        """What the demo would say of the database now."""
        demo = self.demo
        return verify(self.connection, demo.truth, instance_id=1, start_date=demo.start_date, rules=demo.rules)

    def differences(self) -> list[str]:
        """Each difference as it is printed."""
        return [str(each) for each in self.verify().differences]

    def do(self, statement: str, **parameters: object) -> None:
        """Spoil something."""
        self.connection.execute(text(statement), parameters)

    def one(self, statement: str, **parameters: object) -> int:
        """The first column of the first row."""
        value: int = self.connection.execute(text(statement), parameters).scalar_one()
        return value


@pytest.fixture(scope="session")
def finished_demo(tmp_path_factory: pytest.TempPathFactory) -> FinishedDemo:
    """A demo that has run to its end; the store is made once more from the same seed to know its truth."""
    path = tmp_path_factory.mktemp("demo") / "host.db"
    out = io.StringIO()
    options = Options(once=True, products=PRODUCTS, orders=ORDERS, seed=SEED, database_url=f"sqlite:///{path}")
    assert run(options, Terminal(out)), out.getvalue()
    truth = truth_of(SandboxStore(PRODUCTS, ORDERS, SEED))
    products = {number: sku for number, (sku, _) in enumerate(company_products(truth), start=1)}
    rules = LinkRules(auto_link=True, auto_create=True, host_products=products)
    return FinishedDemo(path, truth, rules, date.today() - timedelta(days=365), out.getvalue())


def truth_of(store: SandboxStore) -> Truth:
    """The store's truth without HTTP."""
    return Truth(
        timezone=store.timezone,
        products=dict(store.product_records()),
        orders=dict(store.order_records()),
        order_lines={order_id: dict(store.order_line_records(order_id)) for order_id in store.order_ids},
    )


@pytest.fixture
def database(finished_demo: FinishedDemo) -> Iterator[Database]:
    """The finished demo's database, to be spoiled."""
    engine = create_engine(f"sqlite:///{finished_demo.path}")
    with engine.connect() as connection:
        # SQLite's driver would commit before a change of the schema.
        connection.connection.isolation_level = None  # type: ignore[attr-defined]
        connection.exec_driver_sql("BEGIN")
        yield Database(finished_demo, connection)
        connection.exec_driver_sql("ROLLBACK")
    engine.dispose()
