"""What a driver does in its own way has the same results, and fails in the same ways, as what SQLAlchemy does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import BigInteger, Column, MetaData, Table, Text, create_engine, text
from sqlalchemy.exc import OperationalError

from bigcommerce_integration.refresh.write import bulk

from ..services import fresh_database


def test_connection_lost_during_copy_is_reported_as_lost(tmp_path: Path):
    with fresh_database("postgresql", tmp_path) as url:
        engine = create_engine(url)
        table = Table("t", MetaData(), Column("id", BigInteger), Column("name", Text))
        table.create(engine)

        def rows() -> Iterator[tuple[int, str]]:
            yield 1, "one"
            with engine.connect() as other:
                other.execute(text(f"SELECT pg_terminate_backend({pid})"))
            for number in range(100_000):
                yield number, "more than fits into the buffers between us and the server" * 10

        with engine.connect() as connection:
            pid = connection.scalar(text("SELECT pg_backend_pid()"))
            with pytest.raises(OperationalError) as caught:
                bulk.insert_all(connection, table, ("id", "name"), rows())
            assert caught.value.connection_invalidated
            assert connection.invalidated
        engine.dispose()


def test_a_host_that_maps_schemas_is_served_by_statements(tmp_path: Path):
    with fresh_database("postgresql", tmp_path) as url:
        engine = create_engine(url)
        table = Table("t", MetaData(), Column("id", BigInteger), schema="ours")
        with engine.connect() as connection:
            connection.execute(text("CREATE SCHEMA theirs"))
            there = connection.execution_options(schema_translate_map={"ours": "theirs"})
            table.create(there)
            bulk.insert_all(there, table, ("id",), [(1,), (2,)])
            assert connection.scalar(text("SELECT count(*) FROM theirs.t")) == 2
        engine.dispose()
