"""A database that is short of something: waited for, however long, and no evidence against any record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bigcommerce_integration.refresh.job.database import Shortage, shortage
from bigcommerce_integration.refresh.lifecycle.claim import Outcome
from bigcommerce_integration.refresh.lifecycle.release import settle
from bigcommerce_integration.refresh.lifecycle.setbacks import LONGEST_SHORTAGE_WAIT_S, Setbacks, after_shortage
from bigcommerce_integration.refresh.read.crash_guard import GIVE_UP_AFTER
from bigcommerce_integration.sandbox import SandboxStore

from .conftest import Connect, Mirror

# -- what an error means ---------------------------------------------------------------------------------------------


class OperationalError(Exception):
    """A driver's, of PostgreSQL (with a state) or MySQL (with a number)."""

    def __init__(self, *args: object, sqlstate: str | None = None) -> None:
        super().__init__(*args)
        self.sqlstate = sqlstate


def raised(cause: Exception, *, is_lost: bool = False) -> DBAPIError:
    return DBAPIError("INSERT", None, cause, connection_invalidated=is_lost)


@pytest.mark.parametrize(
    ("state", "lack"),
    [
        *(("08000", "connection"), ("08006", "connection"), ("57P01", "connection"), ("57P03", "connection")),
        *(("40001", "conflict"), ("40P01", "conflict"), ("55P03", "conflict")),
        *(("53000", "memory"), ("53100", "disk"), ("53200", "memory"), ("53300", "connections")),
        *(("57014", "time"), ("25006", "read-only"), ("58030", "disk"), ("XX001", "disk"), (None, "connection")),
        *((state, None) for state in ("22001", "23505", "22P05", "42P01", "42501", "25P02", "XX000", "54000")),
    ],
)
def test_postgresql_states(state: str | None, lack: str | None) -> None:
    found = shortage(raised(OperationalError("it says why\nHINT: more", sqlstate=state)))
    assert (found and found.lack) == lack
    if found is not None and lack != "connection":
        assert found.described == "it says why."


@pytest.mark.parametrize(
    ("number", "lack"),
    [
        *((number, "disk") for number in (3, 1021, 1026, 1030, 1114)),
        *((number, "memory") for number in (1037, 1038, 1041)),
        *((number, "connections") for number in (1040, 1203, 1226)),
        *((number, "conflict") for number in (1205, 1206, 1213, 1020)),
        *((number, "read-only") for number in (1290, 1792, 1836)),
        *((number, "time") for number in (1317, 1969, 3024)),
        *((number, "connection") for number in (0, 1053, 2002, 2003, 2006, 2013, 4031)),
        *((number, None) for number in (1054, 1062, 1146, 1264, 1366, 1406)),
    ],
)
def test_mysql_numbers(number: int, lack: str | None) -> None:
    found = shortage(raised(OperationalError(number, "it says why")))
    assert (found and found.lack) == lack


def test_what_hides_a_shortage_is_seen_through() -> None:
    hiding = RuntimeError("the savepoint is gone")
    hiding.__context__ = raised(OperationalError(1114, "The table is full"))
    assert shortage(hiding) == Shortage("disk", "The table is full.")
    assert shortage(PoolTimeout("QueuePool limit")) is not None
    assert shortage(raised(Exception("anything"), is_lost=True)) is not None
    assert shortage(IntegrityError("INSERT", None, Exception("no"))) is None
    assert shortage(KeyError("x")) is None


@pytest.mark.parametrize(
    ("pragma", "lack"), [("max_page_count = 1", "disk"), ("query_only = 1", "read-only")], ids=["full", "read-only"]
)
def test_sqlite_that_takes_no_writes(pragma: str, lack: str, sqlite_url: str) -> None:
    engine = create_engine(sqlite_url)
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x TEXT)")
        connection.exec_driver_sql(f"PRAGMA {pragma}")
        with pytest.raises(DBAPIError) as error:
            connection.execute(text("INSERT INTO t VALUES (:x)"), {"x": "x" * 100_000})
    found = shortage(error.value)
    assert found is not None
    assert found.lack == lack
    engine.dispose()


def test_the_wait_doubles_up_to_two_minutes_and_has_no_end() -> None:
    found, before, waits = Shortage("disk", "Full."), Setbacks(), []
    for _ in range(100):
        setback = after_shortage(found, before, attempts=2, has_progressed=False, random=lambda: 1.0)
        before = setback.setbacks
        waits.append(setback.wait_s)
        assert (setback.is_final, setback.attempts) == (False, 2)
    assert waits[:3] == [2.0, 4.0, 8.0]
    assert waits[-1] == LONGEST_SHORTAGE_WAIT_S


# -- a refresh meanwhile ---------------------------------------------------------------------------------------------

FULL_POSTGRESQL = """
CREATE TABLE disk_full (is_full integer);
CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN
  IF EXISTS (SELECT 1 FROM disk_full) THEN
    RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100';
  END IF;
  RETURN NEW;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER refuse BEFORE {when} ON {table} FOR EACH ROW EXECUTE FUNCTION refuse();
"""
FULL_MARIADB = """
CREATE TABLE IF NOT EXISTS disk_full (is_full integer);
CREATE TRIGGER refuse BEFORE {when} ON {table} FOR EACH ROW
  IF EXISTS (SELECT 1 FROM disk_full) THEN
    SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1114, MESSAGE_TEXT = 'The table is full';
  END IF;
"""


@contextmanager
def disk(mirror: Mirror, when: str, table: str) -> Iterator[Callable[[bool], None]]:
    """Gives what makes the disk full and frees it: from then on these writes fail as they do there."""
    with mirror.app.app_context():
        url = mirror.host_app.db.engine.url
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    statements = FULL_MARIADB if engine.name in ("mysql", "mariadb") else FULL_POSTGRESQL
    made = statements.format(when=when, table=table)
    with engine.connect() as connection:
        parts = made.split(";\n", 1) if engine.name in ("mysql", "mariadb") else [made]
        for part in parts:
            connection.exec_driver_sql(part)

    def turn(is_full: bool) -> None:
        with engine.connect() as connection:
            connection.exec_driver_sql("INSERT INTO disk_full VALUES (1)" if is_full else "DELETE FROM disk_full")

    try:
        yield turn
    finally:
        engine.dispose()


def waits(mirror: Mirror, resource: str, times: int) -> None:
    """So many slices end by waiting."""
    for _ in range(times):
        assert mirror.advance(resource) is Outcome.WAITING
        mirror.let_time_pass(resource)


def assert_nothing_is_left_out(mirror: Mirror, resource: str) -> None:
    if mirror.refresh(resource)["status"] != "completed":
        mirror.completed(resource)
    assert mirror.rows("rejected_records") == []
    refresh = mirror.refresh(resource)
    count = len(getattr(mirror.store, f"{resource.removesuffix('s')}_ids"))
    assert (refresh["created"], refresh["rejected"], refresh["message"]) == (count, 0, "Completed.")
    assert (refresh["trouble"], refresh["errors"], refresh["shortages"]) == (None, 0, 0)


@pytest.mark.parametrize("resource", ["products", "orders"])
def test_a_full_disk_is_waited_for_and_nothing_is_left_out(connect_server: Connect, resource: str) -> None:
    mirror = connect_server(SandboxStore(60, 60, awkward=False), settings={"page_size": 20})
    with disk(mirror, "INSERT", f"bigcommerce_{resource}") as full:
        full(True)
        waits(mirror, resource, GIVE_UP_AFTER + 3)
        refresh = mirror.refresh(resource)
        assert (refresh["status"], refresh["attempts"], refresh["errors"]) == ("processing", 0, 0)
        assert refresh["shortages"] == GIVE_UP_AFTER + 3
        for said in ("could not extend file", "table is full"):
            if said in refresh["message"].lower():
                break
        else:
            raise AssertionError(refresh["message"])
        assert "Free space on the disk" in refresh["message"]
        assert "killed" not in refresh["message"]
        assert {lease["owner"] for lease in mirror.rows("leases")} == {None}
        full(False)
        assert_nothing_is_left_out(mirror, resource)


def test_a_full_disk_with_progress_between_is_waited_for(connect_server: Connect) -> None:
    mirror = connect_server(SandboxStore(120, 0, awkward=False), settings={"page_size": 10, "concurrency": 1})
    with disk(mirror, "INSERT", "bigcommerce_products") as full:
        told: list[int] = []

        def changed(session: Any, instance: Any, ids: Any) -> None:
            told.append(len(ids))
            full(len(told) % 2 == 1)

        mirror.host.products_changed = changed
        outcomes = [mirror.advance("products")]
        while outcomes[-1] is not Outcome.ENDED:
            assert mirror.refresh("products")["shortages"] <= 1
            full(False)
            mirror.let_time_pass("products")
            outcomes.append(mirror.advance("products"))
        assert outcomes.count(Outcome.WAITING) >= 5
        assert_nothing_is_left_out(mirror, "products")


def test_a_lease_that_could_not_be_let_go_is_no_death(connect_server: Connect) -> None:
    mirror = connect_server(SandboxStore(20, 0, awkward=False))
    with disk(mirror, "UPDATE", "bigcommerce_leases") as full:
        for _ in range(GIVE_UP_AFTER + 2):
            # The claim goes in, and nothing after it, not even the release.
            mirror.host.products_changed = lambda session, instance, ids: full(True)
            assert mirror.advance("products") is Outcome.WAITING
            assert [lease["owner"] is None for lease in mirror.rows("leases", resource="products")] == [False]
            with pytest.raises(DBAPIError):
                mirror.advance("products")
            full(False)
            with mirror.app.app_context():
                settle(mirror.engine)
            assert {lease["owner"] for lease in mirror.rows("leases")} == {None}
            assert mirror.refresh("products")["attempts"] == 0
        mirror.host.products_changed = lambda session, instance, ids: None
        assert_nothing_is_left_out(mirror, "products")


@pytest.mark.ci
def test_a_host_whose_database_is_short_is_waited_for(connect: Connect) -> None:
    mirror = connect(SandboxStore(20, 0, awkward=False))

    def changed(session: Any, instance: Any, ids: Any) -> None:
        raise raised(OperationalError("could not resize shared memory", sqlstate="53200"))

    mirror.host.products_changed = changed
    waits(mirror, "products", GIVE_UP_AFTER)
    assert "more memory" in mirror.refresh("products")["message"]
    mirror.host.products_changed = lambda session, instance, ids: None
    assert_nothing_is_left_out(mirror, "products")


@pytest.mark.ci
def test_a_full_sqlite_file_is_waited_for(connect: Connect) -> None:
    mirror = connect(SandboxStore(60, 0, awkward=False), settings={"page_size": 20})
    most = [10]
    with mirror.app.app_context():
        engine = mirror.host_app.db.engine

    def limit(connection: Any, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {most[0]}")

    event.listen(engine, "checkout", limit)
    waits(mirror, "products", GIVE_UP_AFTER)
    most[0] = 2**30
    assert_nothing_is_left_out(mirror, "products")
