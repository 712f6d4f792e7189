"""A table or column of ours that the host's migration did not bring is named; all goes on once it is there."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from sqlalchemy import text

from bigcommerce_integration.refresh.job.database import missing_migration
from bigcommerce_integration.worker.messages.sender import actor_name

from .host_app import bearer
from .processes import wait_until
from .shop import URL, Shop, opened
from .test_end_to_end import working

COMMANDS = (["tick"], ["rotate-keys"], ["check"], ["erase", "--email", "ada@example.com"])


@pytest.fixture
def shop(broker: StubBroker, database_url: str) -> Iterator[Shop]:
    with opened(database_url, broker, settings={"tick_s": 0.2}) as shop:
        yield shop


def run(shop: Shop, statement: str) -> None:
    with shop.app.app_context(), shop.host_app.db.engine.begin() as connection:
        connection.execute(text(statement))


def ask(shop: Shop, method: str, path: str, body: Any = None) -> Any:
    return shop.app.test_client().open(f"{URL}{path}", method=method, json=body, headers=bearer(shop.app))


def assert_named(said: str, missing: str) -> None:
    assert missing in said
    assert "flask db migrate" in said
    assert "SELECT" not in said.upper().replace("'SELECT'", "")
    assert "\n" not in said.strip()


@pytest.mark.parametrize(
    ("statement", "missing"),
    [
        ("ALTER TABLE bigcommerce_instances DROP COLUMN access_token", "access_token"),
        ("DROP TABLE bigcommerce_instances", "bigcommerce_instances"),
    ],
)
def test_requests_and_commands_name_what_is_missing(shop: Shop, statement: str, missing: str) -> None:
    run(shop, statement)
    for method, path, body in (
        ("GET", "", None),
        ("GET", "/1", None),
        ("POST", "", shop.body()),
        ("DELETE", "/1", None),
    ):
        answer = ask(shop, method, path, body)
        assert answer.status_code == 503, answer.text
        assert answer.json.keys() == {"message"}
        assert_named(answer.json["message"], missing)
    for command in COMMANDS:
        done = shop.app.test_cli_runner().invoke(args=["bigcommerce", *command])
        assert done.exit_code == 1, done.output
        assert_named(done.output, missing)


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("bigcommerce_instances", "access_token"),
        ("bigcommerce_leases", "link_refused"),
        ("bigcommerce_workers", "broker_down_since"),
        ("bigcommerce_refreshes", "open_key"),
    ],
)
def test_a_store_names_the_table_and_the_column(shop: Shop, table: str, column: str) -> None:
    """Not a name that only the statement has."""
    shop.post()
    run(shop, f"ALTER TABLE {table} RENAME COLUMN {column} TO elsewhere")
    answer = ask(shop, "GET", "/1", None)
    assert answer.status_code == 503, answer.text
    assert_named(answer.json["message"], f"{table}.{column}")


@pytest.mark.parametrize(
    ("statement", "missing"),
    [
        ("ALTER TABLE bigcommerce_refreshes RENAME COLUMN attempts TO elsewhere", "attempts"),
        ("ALTER TABLE bigcommerce_products RENAME COLUMN name TO elsewhere", "name"),
        ("ALTER TABLE bigcommerce_variants RENAME TO elsewhere", "bigcommerce_variants"),
    ],
)
def test_workers_name_what_is_missing_and_wait(
    shop: Shop, caplog: pytest.LogCaptureFixture, statement: str, missing: str
) -> None:
    (products, _) = shop.post()["refreshes"]
    run(shop, statement)
    shop.broker.get_actor(actor_name("products"))(products["id"])
    with working(shop.broker):
        wait_until(lambda: any(missing in each.getMessage() for each in caplog.records), 30, "the log")
        ticked = shop.rows("workers", "last_tick_at")
        wait_until(lambda: shop.rows("workers", "last_tick_at") != ticked, 30, "the tick goes on")
        for record in caplog.records:
            if record.levelno >= logging.WARNING:
                assert_named(record.getMessage(), missing)
        errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
        assert len(errors) <= 1, "not each second"
        back = (
            "ALTER TABLE elsewhere RENAME TO bigcommerce_variants"
            if "RENAME TO" in statement
            else statement.replace(f"{missing} TO elsewhere", f"elsewhere TO {missing}")
        )
        run(shop, back)
        # Not the minutes that the waits have grown to.
        with shop.app.app_context():
            shop.execute(shop.tables.refreshes.update().values(resume_at=None))
        shop.wait(60)
    shop.assert_exact()


def test_what_the_host_lacks_is_its_own_affair(shop: Shop) -> None:
    for statement in ("SELECT x FROM hosts_table", "SELECT bigcommerce FROM integration"):
        with pytest.raises(Exception, match=r"hosts_table|bigcommerce") as caught:
            run(shop, statement)
        assert missing_migration(caught.value) is None
