"""Conditions on many values at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, insert, select
from sqlalchemy.orm import Session

from bigcommerce_integration.models.dialect import in_chunks

STORED = ("MUG", "a,b", "{x}", 'q"\\', "NULL", "", "Gläser", "se\x1fparated")
TABLE = Table("things", MetaData(), Column("id", Integer, primary_key=True), Column("sku", String(12)))


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


@pytest.mark.parametrize("sku", STORED)
def test_a_text_is_found_whatever_is_in_it(session: Session, sku: str) -> None:
    assert found(session, sku, "none") == {sku}


def test_all_of_many_texts_are_found(session: Session) -> None:
    assert found(session, *STORED) == set(STORED)
    assert found(session, "MUG", "a,b", "b") == {"MUG", "a,b"}


def test_a_longer_text_is_not_its_beginning(session: Session) -> None:
    session.execute(insert(TABLE).values(sku="twelve-signs"))
    assert found(session, "twelve-signs-and-more") == set()
