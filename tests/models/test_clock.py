"""The database's clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, Table, create_engine, insert, select, text, update

from bigcommerce_integration.models import db_now
from bigcommerce_integration.models.types import moment

ODD_ZONES = {"postgresql": "SET TIME ZONE 'Asia/Kathmandu'", "mysql": "SET time_zone = '+05:45'"}


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """A connection whose session is far from UTC, as a host's may be."""
    engine = create_engine(database_url)
    with engine.connect() as connection:
        if engine.dialect.name in ODD_ZONES:
            connection.execute(text(ODD_ZONES[engine.dialect.name]))
        yield connection
    engine.dispose()


def now_of(connection: Connection, plus_s: float = 0.0) -> datetime:
    found = connection.scalar(select(db_now(plus_s)))
    assert isinstance(found, datetime)
    return found


def test_it_is_naive_utc(connection: Connection) -> None:
    assert abs(now_of(connection) - datetime.now(UTC).replace(tzinfo=None)) < timedelta(seconds=5)


def test_seconds_are_added_with_their_fractions(connection: Connection) -> None:
    for plus_s in (0.25, 1, 3600, -90.5, 86400 * 400, -0.001):
        now, away = connection.execute(select(db_now(), db_now(plus_s))).one()
        assert abs((away - now).total_seconds() - plus_s) < 0.1


def test_it_moves_within_a_transaction_and_has_fractions(connection: Connection) -> None:
    moments = []
    for _ in range(5):
        moments.append(now_of(connection))
        time.sleep(0.003)
    assert moments == sorted(set(moments))
    assert any(each.microsecond for each in moments)


def test_stored_moments_compare_with_now(connection: Connection) -> None:
    table = Table("moments", MetaData(), Column("id", Integer, primary_key=True), Column("at", moment()))
    table.create(connection)
    connection.execute(insert(table), [{"id": 1}, {"id": 2}, {"id": 3}])
    for row_id, plus_s in ((1, -1.0), (2, 60.0)):
        connection.execute(update(table).where(table.c.id == row_id).values(at=db_now(plus_s)))
    due = select(table.c.id).where(table.c.at <= db_now()).order_by(table.c.id)
    assert connection.scalars(due).all() == [1]
    # Another becomes due: asked between two looks at the clock, however slowly they come.
    connection.execute(insert(table).values(id=4, at=db_now(0.1)))
    comes = connection.execute(select(table.c.at).where(table.c.id == 4)).scalar_one()
    for _ in range(100):
        before, found, after = now_of(connection), connection.scalars(due).all(), now_of(connection)
        if comes > after:
            assert found == [1]
        elif comes <= before:
            break
        time.sleep(0.02)
    assert found == [1, 4]
    # A moment from Python, without a fraction: SQLite compares text.
    connection.execute(update(table).where(table.c.id == 3).values(at=datetime(2020, 1, 1)))
    assert connection.scalars(due).all() == [1, 3, 4]
    assert connection.scalar(select(table.c.at).where(table.c.id == 3)) == datetime(2020, 1, 1)
