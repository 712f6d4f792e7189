"""Transactions that get in each other's way are tried again as a whole."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, create_engine, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from bigcommerce_integration.refresh.job.database import in_own_transaction, is_conflict

from ..services import fresh_database

metadata = MetaData()
counters = Table("counters", metadata, Column("id", Integer, primary_key=True), Column("value", Integer))


@pytest.mark.parametrize("in_savepoint", [False, True])
@pytest.mark.parametrize("database", ["postgresql", "mariadb"])
def test_a_deadlock_is_tried_again(database: str, in_savepoint: bool, tmp_path: Path) -> None:
    """Two writers take two rows in opposite order; on MariaDB the loser's savepoint is gone with the deadlock."""
    with fresh_database(database, tmp_path) as url:
        engine = create_engine(url)
        metadata.create_all(engine)
        with engine.begin() as connection:
            connection.execute(insert(counters), [{"id": 1, "value": 0}, {"id": 2, "value": 0}])
        meet = threading.Barrier(2, timeout=20)
        tries: list[int] = []

        def add(session: Session, row_id: int) -> None:
            session.execute(update(counters).where(counters.c.id == row_id).values(value=counters.c.value + 1))

        def run(first: int, second: int) -> None:
            def work(session: Session) -> None:
                tries.append(first)
                add(session, first)
                if tries.count(first) == 1:
                    meet.wait()
                if in_savepoint:
                    with session.begin_nested():
                        add(session, second)
                else:
                    add(session, second)

            in_own_transaction(sessionmaker(engine), work, pause=lambda seconds: None)

        threads = [threading.Thread(target=run, args=order) for order in ((1, 2), (2, 1))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        with engine.connect() as connection:
            assert connection.execute(select(counters.c.value).order_by(counters.c.id)).scalars().all() == [2, 2]
        assert len(tries) > 2
        engine.dispose()


def test_a_locked_sqlite_file_is_tried_again(tmp_path: Path) -> None:
    with fresh_database("sqlite", tmp_path) as url:
        engine = create_engine(url, connect_args={"timeout": 0.01})
        metadata.create_all(engine)
        blocker = engine.connect()
        blocker.exec_driver_sql("BEGIN IMMEDIATE")
        pauses: list[float] = []

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            blocker.rollback()

        in_own_transaction(
            sessionmaker(engine), lambda session: session.execute(insert(counters).values(id=1, value=1)), pause=pause
        )
        assert len(pauses) == 1
        blocker.close()
        engine.dispose()


def test_what_no_second_try_mends_is_raised_at_once(tmp_path: Path) -> None:
    with fresh_database("sqlite", tmp_path) as url:
        engine = create_engine(url)
        metadata.create_all(engine)
        tries = []

        def work(session: Session) -> None:
            tries.append(1)
            session.execute(insert(counters).values(id=1))
            session.execute(insert(counters).values(id=1))

        with pytest.raises(IntegrityError) as raised:
            in_own_transaction(sessionmaker(engine), work, pause=lambda seconds: None)
        assert len(tries) == 1
        assert not is_conflict(raised.value)
        engine.dispose()
