"""Conditions on many values at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import (
    Column,
    Index,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    TextClause,
    create_engine,
    insert,
    select,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from bigcommerce_integration.models.dialect.conditions import MOST_CUTS, WIDE_GAP, close_together, in_chunks

STORED = ("MUG", "a,b", "{x}", 'q"\\', "NULL", "", "Gläser", "se\x1fparated")
TABLE = Table(
    "things",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("store", Integer),
    Column("number", Integer),
    Column("sku", String(12)),
    Index("ix_things", "store", "number"),
)


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    engine = create_engine(database_url)
    with Session(engine) as session:
        TABLE.create(session.connection())
        session.execute(insert(TABLE), [{"sku": sku} for sku in STORED])
        yield session
    engine.dispose()


def found(session: Session, *skus: str) -> set[str]:
    return {
        sku
        for which in in_chunks(session, TABLE.c.sku, skus)
        for sku in session.scalars(select(TABLE.c.sku).where(which))
    }


def explained(query: Select[Any]) -> TextClause:
    compiled = query.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})  # type: ignore[no-untyped-call]
    return text(f"EXPLAIN (ANALYZE, FORMAT JSON) {compiled}")


def rows_read(plan: dict[str, Any]) -> int:
    """What was given and what was left out after it was read."""
    removed = sum(value for name, value in plan.items() if name.startswith("Rows Removed"))
    return int(plan["Actual Rows"] + removed)


@pytest.mark.parametrize("sku", STORED)
def test_a_text_is_found_whatever_is_in_it(session: Session, sku: str) -> None:
    assert found(session, sku, "none") == {sku}


def test_all_of_many_texts_are_found(session: Session) -> None:
    assert found(session, *STORED) == set(STORED)
    assert found(session, "MUG", "a,b", "b") == {"MUG", "a,b"}


def test_a_longer_text_is_not_its_beginning(session: Session) -> None:
    session.execute(insert(TABLE).values(sku="twelve-signs"))
    assert found(session, "twelve-signs-and-more") == set()


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=60))
def test_runs_have_all_values_in_few_pieces(values: list[int]) -> None:
    runs = list(close_together(values))
    assert [value for run in runs for value in run] == sorted(values)
    assert all(runs)
    assert len(runs) <= MOST_CUTS + 1


def test_ids_are_cut_where_the_widest_gaps_are() -> None:
    assert list(close_together([5, 1, 2, 1 + WIDE_GAP])) == [[1, 2, 5, 1 + WIDE_GAP]]
    assert list(close_together([2 * WIDE_GAP, 5, 1])) == [[1, 5], [2 * WIDE_GAP]]
    # All gaps are wide, and the last ones are the widest.
    squares = [each * each * WIDE_GAP for each in range(2 * MOST_CUTS)]
    assert [len(run) for run in close_together(squares)] == [len(squares) - MOST_CUTS] + [1] * MOST_CUTS


def test_ids_far_apart_read_no_rows_between(session: Session) -> None:
    """On PostgreSQL, where a range is read as a whole without statistics; the others read by each value."""
    session.execute(insert(TABLE), [{"store": 1, "number": each} for each in range(20_000)])
    ids = [*range(100, 200), *range(19_000, 19_100)]
    found, read = [], 0
    for which in in_chunks(session, TABLE.c.number, ids):
        query = select(TABLE.c.number, TABLE.c.sku).where(TABLE.c.store == 1, which)
        found += session.scalars(query).all()
        if session.get_bind().dialect.name == "postgresql":
            plan = session.scalar(explained(query))
            read += rows_read(plan[0]["Plan"])
    assert sorted(found) == ids
    assert read <= len(ids)
