"""A return of goods is noted once, and never of more than was shipped."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bigcommerce_integration.books.returns import record
from bigcommerce_integration.errors import Invalid, NotFound
from bigcommerce_integration.models import db_now
from bigcommerce_integration.models.instances import IntegrationInstance

from .kit import Shelf

DAY = date(2026, 3, 2)


@pytest.fixture
def shipped(any_books: Shelf) -> Shelf:
    """Order 100 has left in full, of order 101 one of three pieces has."""
    any_books.add("orders", {"bigcommerce_id": 100, "status_id": 2}, {"bigcommerce_id": 101, "status_id": 3})
    line = {"type": "physical", "quantity": 3, "quantity_shipped": 0}
    any_books.add(
        "order_lines",
        {"bigcommerce_id": 1, "bigcommerce_order_id": 100, **line},
        {"bigcommerce_id": 2, "bigcommerce_order_id": 101, **line, "quantity_shipped": 1},
        {"bigcommerce_id": 3, "bigcommerce_order_id": 100, **line, "type": "giftcertificate"},
    )
    return any_books


def given_back(shelf: Shelf, order_id: int, quantities: dict[int, int], reference: str = "R-1", **more: Any) -> bool:
    """Whether the return is new."""
    instances = shelf.tables.instances

    def work(session: Any) -> bool:
        row = session.execute(instances.select().where(instances.c.id == shelf.instance_id)).one()
        given = {"reference": reference, "received_at": DAY, "quantities": quantities, "by": "1", **more}
        return record(session, shelf.tables, IntegrationInstance.from_row(row), order_id, **given)[1]

    return bool(shelf.run(work))


def test_return_is_noted_once_by_its_reference(shipped):
    assert given_back(shipped, 100, {1: 2}) is True
    assert given_back(shipped, 100, {1: 2}) is False
    (row,) = shipped.rows("returns")
    assert (row["reference"], row["bigcommerce_order_id"], row["received_at"]) == ("R-1", 100, DAY)
    assert json.loads(row["quantities"]) == {"1": 2}
    (entry,) = [each for each in shipped.rows("history") if each["action"] == "return"]
    assert entry["done_by"] == "1"


@pytest.mark.parametrize("changed", [{"quantities": {1: 1}}, {"received_at": date(2026, 3, 3)}])
def test_same_reference_with_other_content_is_refused(shipped, changed):
    given_back(shipped, 100, {1: 2})
    with pytest.raises(Invalid) as refused:
        given_back(shipped, 100, **{"quantities": {1: 2}, **changed})
    assert set(refused.value.errors) == {"reference"}


@pytest.mark.parametrize(
    ("order_id", "quantities", "bad"),
    [
        (100, {1: 4}, "lines.0.quantity"),
        (101, {2: 2}, "lines.0.quantity"),
        (100, {1: 0}, "lines.0.quantity"),
        (100, {3: 1}, "lines.0.quantity"),
        (100, {1: 1, 2: 1}, "lines.1.line_id"),
    ],
)
def test_more_than_was_shipped_is_refused(shipped, order_id, quantities, bad):
    with pytest.raises(Invalid) as refused:
        given_back(shipped, order_id, quantities)
    assert set(refused.value.errors) == {bad}
    assert shipped.rows("returns") == []


def test_what_came_back_before_counts(shipped):
    given_back(shipped, 100, {1: 2})
    with pytest.raises(Invalid, match="invalid"):
        given_back(shipped, 100, {1: 2}, reference="R-2")
    assert given_back(shipped, 100, {1: 1}, reference="R-2") is True


def test_return_of_an_unknown_order_is_not_found(shipped):
    with pytest.raises(NotFound):
        given_back(shipped, 999, {1: 1})


def test_return_of_tomorrow_is_noted_and_a_later_one_refused(shipped):
    shipped.set(store_timezone="UTC")
    with shipped.app.app_context():
        today = shipped.engine.transaction(lambda session: session.scalar(select(db_now()))).date()
    assert given_back(shipped, 100, {1: 1}, "R-1", received_at=today + timedelta(days=1)) is True
    with pytest.raises(Invalid) as refused:
        given_back(shipped, 100, {1: 1}, "R-2", received_at=today + timedelta(days=3))
    assert "a day after today" in refused.value.errors["received_at"][0]
    assert [row["reference"] for row in shipped.rows("returns")] == ["R-1"]
