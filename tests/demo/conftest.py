"""A demo's database and the truth it was made from, made once; each test spoils it in a transaction of its own."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Connection
from sqlalchemy.pool import NullPool

from bigcommerce_integration.demo.command.comparison import StoreRecords, compare
from bigcommerce_integration.demo.command.run import Options, run
from bigcommerce_integration.demo.command.terminal import Terminal
from bigcommerce_integration.demo.host.company import company_products
from bigcommerce_integration.sandbox.store import SandboxStore

from ..oracle.links import LinkRules
from ..oracle.truth import Truth, truth_of
from ..oracle.verify import Report, verify

PRODUCTS, ORDERS, SEED = 40, 40, 3
START_DATE = date.today() - timedelta(days=365)


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
        """What the oracle says of the database now."""
        demo = self.demo
        facts = {"instance_id": 1, "start_date": demo.start_date, "rules": demo.rules}
        return verify(self.connection, demo.truth, **facts, with_refunds=True)

    def compared(self) -> list[str]:
        """What the demo would say of the database now."""
        return list(
            compare(
                self.connection, store_records(self.demo.truth), instance_id=1, start_date=self.demo.start_date
            ).differences
        )

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
    logger = logging.getLogger("bigcommerce_integration")
    level = logger.level
    try:
        assert run(options, Terminal(out)), out.getvalue()
    finally:
        # The demo silences the package's log in its process; other tests of this one read it.
        logger.setLevel(level)
    truth = truth_of(SandboxStore(PRODUCTS, ORDERS, SEED))
    return FinishedDemo(path, truth, rules_of(truth), START_DATE, out.getvalue())


def rules_of(truth: Truth) -> LinkRules:
    """How the demo's host links, and the products that it had before the store was connected."""
    products = company_products(truth.products.values())
    skus = {number: sku for number, (sku, _) in enumerate(products, start=1)}
    return LinkRules(auto_link=True, auto_create=True, host_products=skus)


def differences_in(url: str, products: int, orders: int, seed: int = 1) -> list[str]:
    """What the oracle finds wrong in the database at ``url``, which a demo with these numbers has filled."""
    truth = truth_of(SandboxStore(products, orders, seed))
    with create_engine(url, poolclass=NullPool).connect() as connection:
        facts = {"instance_id": 1, "start_date": START_DATE, "rules": rules_of(truth)}
        report = verify(connection, truth, **facts, with_refunds=True)
    assert all(report.compared.values())
    return [str(each) for each in report.differences]


def store_records(truth: Truth) -> StoreRecords:
    """The same records as the demo has them."""
    lines = {order_id: list(texts.values()) for order_id, texts in truth.order_lines.items()}
    return StoreRecords(truth.timezone, truth.products, truth.orders, lines, truth.refunds)


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
