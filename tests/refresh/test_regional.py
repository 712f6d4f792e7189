"""A time zone or a default currency that changes in the store is noted until somebody knows of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import update

from bigcommerce_integration.client.store_info import store_info
from bigcommerce_integration.models import db_now
from bigcommerce_integration.refresh.job.regional import Regional, note_regional, regional_of
from bigcommerce_integration.sandbox import SandboxStore

from .conftest import Connect, Mirror

OLD, NEW = "America/Chicago", "Asia/Tokyo"


def noted(mirror: Mirror, subject: str) -> tuple[Any, Any, bool]:
    """What it is, what it was, and whether since when is known."""
    row = mirror.instance()
    return row[f"store_{subject}"], row[f"{subject}_before"], row[f"{subject}_changed_at"] is not None


@pytest.fixture
def read(connect_any: Connect) -> Mirror:
    """A store that was read once."""
    return connect_any(SandboxStore(3, 3, awkward=False)).completed()


def test_what_is_seen_first_is_no_change(read: Mirror) -> None:
    assert noted(read, "timezone") == (OLD, None, False)
    assert noted(read, "currency") == ("USD", None, False)


@pytest.mark.parametrize("mode", ["incremental", "reconcile"])
def test_a_change_is_noted_once_and_ends_when_it_is_taken_back(read: Mirror, mode: Any) -> None:
    read.store.set_information(timezone=NEW, currency="JPY")
    read.let_an_hour_pass()
    read.again("orders", mode=mode)
    since = read.instance()["timezone_changed_at"]
    assert noted(read, "timezone") == (NEW, OLD, True)
    assert noted(read, "currency") == ("JPY", "USD", True)
    read.store.set_information(timezone="Europe/Berlin")
    read.let_an_hour_pass()
    read.again("products", "orders", mode=mode)
    assert noted(read, "timezone") == ("Europe/Berlin", OLD, True)
    assert read.instance()["timezone_changed_at"] == since
    read.store.set_information(timezone=OLD, currency="USD")
    read.let_an_hour_pass()
    read.again("orders", mode=mode)
    assert noted(read, "timezone") == (OLD, None, False)
    assert noted(read, "currency") == ("USD", None, False)


def test_rows_of_older_versions_note_the_first_value(read: Mirror) -> None:
    table = read.table("instances")
    read.execute(update(table).values(store_timezone=None, store_currency=None))
    read.store.set_information(timezone=NEW, currency="JPY")
    read.again("products", mode="incremental")
    assert (noted(read, "timezone"), noted(read, "currency")) == ((NEW, None, False), ("JPY", None, False))


def test_days_begin_by_the_new_zone_at_once(read: Mirror) -> None:
    read.store.set_information(timezone=NEW)
    read.start("orders", "date_range", date_from=datetime(2020, 5, 4).date(), date_to=datetime(2020, 5, 4).date())
    read.completed("orders")
    asked = [seen.query for seen in read.server.requests if "min_date_created" in seen.query]
    # A second wider at the beginning, as it is not known whether stores include it.
    assert "min_date_created=2020-05-03T14%3A59%3A59Z&max_date_created=2020-05-04T15%3A00%3A00Z" in asked[-1]


def test_an_answer_that_is_late_changes_nothing_back(read: Mirror) -> None:
    """Somebody else has noted it meanwhile, and a person has acknowledged it."""
    table = read.table("instances")
    read.execute(update(table).values(store_timezone=NEW, timezone_before=OLD, timezone_changed_at=db_now()))
    read.transaction(lambda session: note_regional(session, read.engine.tables, read.instance_id, Regional(NEW, None)))
    assert noted(read, "timezone") == (NEW, OLD, True)
    read.transaction(lambda session: note_regional(session, read.engine.tables, 10**9, Regional(OLD, "EUR")))


@pytest.mark.parametrize(("said", "code"), [(" eur ", "EUR"), ("", None), ("dollars", None), ("E\0R", None)])
def test_only_a_code_is_a_currency(said: str, code: str | None) -> None:
    info = store_info({"timezone": {"name": OLD}, "currency": said}, "the store information")
    assert regional_of(info) == Regional(OLD, code)
