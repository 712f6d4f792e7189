"""A host that makes its own sales orders in ``orders_changed``, as the handbook shows it: each order exactly once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from sqlalchemy import Column, Integer, select, update

import bigcommerce_integration
from bigcommerce_integration import SQLAlchemyHost
from bigcommerce_integration.models import db_now
from bigcommerce_integration.sandbox import SandboxStore

from .host_app import HostApp
from .refresh.conftest import Connect, Hasty, Mirror, _connect
from .stranger import BLOCKS


class SalesHostApp(HostApp):
    """A host that was made by typing in the handbook."""

    def __post_init__(self) -> None:
        super().__post_init__()
        names = {"Column": Column, "Integer": Integer, "bigcommerce": bigcommerce_integration, "__name__": __name__}
        models = {"integration": self.Integration, "store": self.Store, "nominal_code": self.NominalCode}
        typed_in: dict[str, Any] = names | {"db": self.db, "models": models | {"product": self.Product}}
        (code,) = (block.code for block in BLOCKS if block.section == "Make your own sales orders")
        exec(code, typed_in)
        self.SalesOrder, self.SalesHost = typed_in["SalesOrder"], typed_in["SalesHost"]

    def host(self, **options: Any) -> SQLAlchemyHost:
        plain = super().host(**options)
        plain.__class__ = type("Host", (self.SalesHost,), {})
        return plain


@pytest.fixture(scope="module")
def sales_app() -> SalesHostApp:
    return SalesHostApp()


@pytest.fixture
def connect(sales_app: SalesHostApp, broker: StubBroker, database_kind: str, tmp_path: Path) -> Iterator[Connect]:
    with sales_app.databases.lent(database_kind, tmp_path) as url, ExitStack() as stack:
        yield _connect(stack, sales_app, broker, url)


def hasty(mirror: Mirror) -> Mirror:
    mirror.engine.stopping.__class__ = Hasty
    return mirror


def sales(mirror: Mirror) -> list[tuple[int, bool, Decimal]]:
    """What the host has, by id, doubles included."""
    model = mirror.host_app.SalesOrder  # type: ignore[attr-defined]
    columns = (model.bigcommerce_id, model.is_sale, model.total)
    statement = select(*columns).where(model.instance_id == mirror.instance_id).order_by(model.bigcommerce_id)
    return mirror.transaction(lambda session: [(*row,) for row in session.execute(statement)])


def truth(mirror: Mirror) -> list[tuple[int, bool, Decimal]]:
    """What it should have."""
    return [
        (row["bigcommerce_id"], row["is_sale"] and row["deleted_at"] is None, row["total_inc_tax"])
        for row in mirror.rows("orders")
    ]


def failing(mirror: Mirror, times: int, fail: Callable[[Any, Any], None]) -> list[int]:
    """Have the host fail so often, after its own writes; the calls that it got, counted."""
    told, calls = mirror.host.orders_changed, [0]

    def orders_changed(session: Any, instance: Any, ids: Any) -> None:
        calls[0] += 1
        told(session, instance, ids)
        if calls[0] <= times:
            fail(session, ids)

    mirror.host.orders_changed = orders_changed
    return calls


def raise_error(_session: Any, _ids: Any) -> None:
    raise RuntimeError("the ledger is closed")


def test_each_order_is_there_once_and_follows_the_store(connect: Connect):
    store = SandboxStore(products=10, orders=70)
    mirror = connect(store, settings={"page_size": 20}).completed()
    assert sales(mirror) == truth(mirror)
    assert len(sales(mirror)) == 70
    order_ids = store.order_ids
    store.edit_order(order_ids[0], total_inc_tax="9.9900", status_id=11)
    store.archive_order(order_ids[1])
    store.delete_order(order_ids[2])
    new = store.create_order()
    mirror.again("orders")
    assert sales(mirror) == truth(mirror)
    found = {order_id: (is_sale, total) for order_id, is_sale, total in sales(mirror)}
    assert found[order_ids[0]] == (True, Decimal("9.99"))
    assert (found[order_ids[1]][0], found[order_ids[2]][0]) == (False, False)
    assert new in found
    assert len(found) == 71


def test_host_failing_three_times_gets_every_order_exactly_once(connect: Connect):
    mirror = hasty(connect(SandboxStore(products=10, orders=70), settings={"page_size": 20}))
    calls = failing(mirror, 3, raise_error)
    mirror.completed()
    assert calls[0] > 3
    assert sales(mirror) == truth(mirror)
    assert len(sales(mirror)) == 70
    assert mirror.rows("rejected_records") == []


@pytest.mark.ci
def test_refreshes_failing_at_the_host_leave_no_half_order(connect: Connect):
    mirror = hasty(connect(SandboxStore(products=10, orders=70), settings={"page_size": 20}))
    calls = failing(mirror, 15, raise_error)
    for count in (5, 10, 15):
        mirror.run("orders")
        assert mirror.refresh("orders")["status"] == "failed"
        assert mirror.refresh("orders")["message"].endswith("refused: RuntimeError: the ledger is closed")
        assert (calls[0], sales(mirror), mirror.rows("orders")) == (count, [], [])
        mirror.start("orders")
    mirror.completed("orders")
    assert sales(mirror) == truth(mirror)
    assert len(sales(mirror)) == 70


def test_unwritable_pending_host_row_is_the_host_s_refusal(connect: Connect):
    mirror = hasty(connect(SandboxStore(products=10, orders=2)))
    model = mirror.host_app.SalesOrder  # type: ignore[attr-defined]

    def twice(session: Any, ids: Any) -> None:
        session.add(model(instance_id=mirror.instance_id, bigcommerce_id=ids[0], is_sale=True))

    failing(mirror, 3, twice)
    mirror.completed("orders")
    assert mirror.rows("rejected_records") == [], "no order is to blame"
    assert sales(mirror) == truth(mirror)
    assert len(sales(mirror)) == 2


class Killed(BaseException):
    """The process is gone."""


def test_death_after_the_host_s_writes_doubles_nothing(connect: Connect):
    mirror = connect(SandboxStore(products=10, orders=70), settings={"page_size": 20, "concurrency": 1})

    def die(_session: Any, _ids: Any) -> None:
        if calls[0] == 2:
            raise Killed

    calls = failing(mirror, 2, die)
    with pytest.raises(Killed):
        mirror.advance("orders")
    assert 0 < len(sales(mirror)) < 70
    assert sales(mirror) == truth(mirror)
    mirror.execute(update(mirror.table("leases")).values(expires_at=db_now(-1)))
    mirror.completed("orders")
    assert sales(mirror) == truth(mirror)
    assert len(sales(mirror)) == 70
