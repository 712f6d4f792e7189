"""Products that orders refer to: looked for among the lines that were written since none was missing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import event, insert, select, text, update

from bigcommerce_integration.refresh.run.referenced import all_are_known, missing_products
from bigcommerce_integration.sandbox import SandboxStore

from .conftest import Connect, Mirror


def line(number: int, product_id: int) -> dict[str, Any]:
    return {
        "bigcommerce_id": 10_000 + number,
        "instance_id": 1,
        "content_hash": "x",
        "observed_at": datetime(2026, 1, 1),
        "change_number": number,
        "bigcommerce_order_id": 1,
        "bigcommerce_product_id": product_id,
    }


def write(mirror: Mirror, *lines: dict[str, Any]) -> None:
    """Lines as a page of orders writes them, with its counter."""
    leases = mirror.table("leases")
    highest = max(each["change_number"] for each in lines)
    mirror.execute(update(leases).where(leases.c.resource == "orders").values(change_number=highest))
    mirror.transaction(lambda session: session.execute(insert(mirror.table("order_lines")), list(lines)))


def missing(mirror: Mirror) -> list[int]:
    return mirror.transaction(lambda session: missing_products(session, mirror.engine.tables, mirror.instance_id))


def are_known(mirror: Mirror) -> bool:
    return mirror.transaction(lambda session: all_are_known(session, mirror.engine.tables, mirror.instance_id))


def known_up_to(mirror: Mirror) -> int | None:
    (lease,) = mirror.rows("leases", resource="orders")
    found: int | None = lease["referenced_up_to"]
    return found


def test_both_first_refreshes_answer_it_once(connect_any: Connect) -> None:
    mirror = connect_any(SandboxStore(20, 20)).completed("products")
    assert known_up_to(mirror) is None, "the orders are still open"
    mirror.completed("orders")
    (lease,) = mirror.rows("leases", resource="orders")
    assert known_up_to(mirror) == lease["change_number"]
    assert missing(mirror) == []


def test_line_written_later_is_checked(connect_any: Connect) -> None:
    store = SandboxStore(3, 0, awkward=False)
    mirror = connect_any(store).completed()
    stored = store.product_ids[0]
    write(mirror, line(1, stored), line(2, 0))
    assert are_known(mirror)
    assert known_up_to(mirror) == 2
    write(mirror, line(3, 900), line(4, stored))
    assert missing(mirror) == [900]
    assert not are_known(mirror)
    assert known_up_to(mirror) == 2
    absent = mirror.table("absent_products")
    mirror.execute(insert(absent).values(instance_id=1, bigcommerce_id=900, found_absent_at=datetime(2026, 1, 1)))
    assert are_known(mirror)
    assert known_up_to(mirror) == 4


def test_a_line_written_while_it_is_answered_is_not_passed_over(connect_any: Connect, monkeypatch: Any) -> None:
    mirror = connect_any(SandboxStore(1, 0, awkward=False)).completed()
    write(mirror, line(1, 0))
    number = "bigcommerce_integration.refresh.run.referenced.missing_products"

    def then(session: Any, tables: Any, instance_id: int) -> list[int]:
        found = missing_products(session, tables, instance_id)
        monkeypatch.undo()
        # As another transaction commits it after the question; on SQLite, which has one writer, it is this one.
        session.execute(update(tables.leases).where(tables.leases.c.resource == "orders").values(change_number=2))
        session.execute(insert(tables.order_lines), [line(2, 900)])
        return found

    monkeypatch.setattr(number, then)
    assert are_known(mirror)
    assert known_up_to(mirror) == 1
    assert missing(mirror) == [900]


def test_a_page_of_orders_that_is_written_is_not_waited_for(connect_server: Connect) -> None:
    mirror = connect_server(SandboxStore(1, 0, awkward=False)).completed()
    write(mirror, line(1, 0))
    leases = mirror.table("leases")
    with mirror.app.app_context(), mirror.engine.sessions() as session:
        session.execute(select(leases.c.epoch).where(leases.c.resource == "orders").with_for_update())
        assert are_known(mirror)
        session.rollback()
    assert known_up_to(mirror) in (None, 0)
    assert are_known(mirror)
    assert known_up_to(mirror) == 1


@pytest.mark.ci
def test_end_of_a_refresh_checks_only_new_lines(connect_any: Connect) -> None:
    mirror = connect_any(SandboxStore(3, 3, awkward=False)).completed()
    stored = mirror.ids("products")[0]
    write(mirror, *(line(1000 + number, stored) for number in range(20_000)))
    assert are_known(mirror)
    with mirror.app.app_context():
        engine = mirror.host_app.db.engine
        with engine.begin() as connection:
            analyze = "ANALYZE" if engine.name in ("sqlite", "postgresql") else "ANALYZE TABLE bigcommerce_order_lines"
            connection.execute(text(analyze))
    write(mirror, *(line(30_000 + number, stored) for number in range(10)))
    asked: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "NOT (EXISTS" in statement and "order_lines" in statement:
            asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        mirror.again("products", mode="incremental")
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert len(asked) == 1
    explain = "EXPLAIN QUERY PLAN " if engine.name == "sqlite" else "EXPLAIN "
    with mirror.app.app_context(), engine.connect() as connection:
        plan = str(connection.exec_driver_sql(explain + asked[0][0], asked[0][1]).all())
    assert "ix_bigcommerce_order_lines_change_number" in plan, plan
