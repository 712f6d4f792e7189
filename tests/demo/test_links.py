"""The verifier of links where the order of the work decides: a small store, judged by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Connection

from ..oracle.expected import Expected
from ..oracle.links import LinkRules, link_differences

MADE, OLD = 10, 20
CONFLICT = "One of your products has nearly this SKU, 'abc': case, accent or blanks differ."


@pytest.fixture
def connection() -> Iterator[Connection]:
    """Of a host that has the product made for the variant "abc"."""
    with create_engine("sqlite://").connect() as connection:
        connection.execute(text("CREATE TABLE demo_products (id INTEGER, sku TEXT)"))
        connection.execute(text("INSERT INTO demo_products VALUES (1, 'abc')"))
        yield connection


def found(connection: Connection, old_sku: str, conflict: str | None, *, auto_create: bool = True) -> list[Any]:
    """With "abc" linked to the product made for it, and a variant that came with an old order unlinked."""
    variants = {
        MADE: {"bigcommerce_product_id": 1, "sku_key": "abc"},
        OLD: {"bigcommerce_product_id": 2, "sku_key": old_sku},
    }
    products = {1: {"is_only_referenced": False}, 2: {"is_only_referenced": True}}
    unlinked = {"host_product_id": None, "link_source": None}
    rows = [
        {"bigcommerce_id": MADE, "host_product_id": 1, "link_source": "created", "link_conflict": None},
        {"bigcommerce_id": OLD, **unlinked, "link_conflict": conflict},
    ]
    expected = Expected(products, variants, {}, {}, frozenset())
    rules = LinkRules(auto_link=True, auto_create=auto_create, host_products={} if auto_create else {1: "abc"})
    return list(link_differences(connection, expected, rows if auto_create else rows[1:], rules))


@pytest.mark.parametrize("conflict", [None, CONFLICT])
def test_old_order_product_may_link_to_its_look_alike_s_product(connection: Connection, conflict: str | None):
    assert found(connection, "ABC", conflict) == []


def test_without_a_look_alike_it_is_no_conflict(connection: Connection):
    assert found(connection, "other", None) == []
    assert found(connection, "other", CONFLICT) == [(OLD, "is a conflict, must be unlinked")]


def test_where_nothing_is_made_what_the_host_had_decides(connection: Connection):
    assert found(connection, "ABC", None, auto_create=False) == [(OLD, "is unlinked, must be a conflict")]
    assert found(connection, "ABC", CONFLICT, auto_create=False) == []
