"""A store whose time zone and currency have changed: everybody who looks is told, until a person knows of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest
from dramatiq.brokers.stub import StubBroker
from sqlalchemy import update

from bigcommerce_integration.app_state import engine_of, state_of
from bigcommerce_integration.operations.alerts.notice import notice
from bigcommerce_integration.operations.findings.remedy import wait_text
from bigcommerce_integration.worker.heartbeat import note_worker

from .cli.conftest import run_in
from .host_app import bearer
from .pages.browsing import Browser, add_pages
from .shop import URL, Shop, opened
from .test_end_to_end import working
from .test_metrics import read

OLD, NEW = "America/Chicago", "Asia/Tokyo"


@pytest.fixture
def moved(broker: StubBroker, sqlite_url: str) -> Iterator[Shop]:
    """A store that was read, and has another time zone and another currency now."""
    with opened(sqlite_url, broker) as shop:
        add_pages(shop.app)
        shop.post(is_automatic_sync_enabled=True)
        with working(broker):
            shop.wait()
        shop.execute(update(shop.tables.variants).values(link_conflict=None, link_conflict_code=None))
        shop.store.set_information(timezone=NEW, currency="JPY")
        yield shop


def changes(shop: Shop) -> list[str]:
    data = shop.app.test_client().get(f"{URL}/1", headers=bearer(shop.app)).json["data"]
    return [each["code"] for each in data["health"]["findings"] if each["code"].endswith("_changed")]


def alerts(shop: Shop) -> list[str]:
    with shop.app.app_context():
        state = state_of(shop.app)
        notice(state, engine_of(state, threading.Event()))
    return [row.code for row in shop.rows("alerts", "code", "gone_at") if row.gone_at is None]


def last_line(shop: Shop) -> str:
    with shop.app.app_context():
        note_worker(engine_of(state_of(shop.app), threading.Event()), "host:7:abc")
    checks = [word for name in ("connections", "findings") for word in ("--check", name)]
    return run_in(shop.app, "doctor", *checks).stdout.rstrip().splitlines()[-1]


@pytest.mark.ci
def test_it_is_shown_everywhere_until_it_is_acknowledged(moved: Shop) -> None:
    # The doctor sees it in the store itself, and writes nothing.
    assert f"its time zone was changed from {OLD} to {NEW}" in last_line(moved)
    assert changes(moved) == []

    assert run_in(moved.app, "check", "1").exit_code == 0
    assert changes(moved) == ["timezone_changed", "currency_changed"]
    line = last_line(moved)
    assert "Instance 1 (Main shop)" in line
    assert "flask bigcommerce acknowledge 1" in line
    assert wait_text(can_wait=True) in line
    assert alerts(moved) == ["timezone_changed", "currency_changed"]
    assert read(moved.app)["bigcommerce_findings"][("1", "Main shop", "person")] == 2
    assert f"from {OLD} to {NEW}" in run_in(moved.app, "list").stdout
    shown = run_in(moved.app, "show", "1").stdout
    assert f"time zone         {NEW}" in shown
    assert "from USD to JPY" in shown

    browser = Browser(moved.app)
    page = browser.get("/1")
    assert f"from {OLD} to {NEW}" in page.text
    page = browser.get(page.links["See what has changed"])
    assert f"{OLD} → {NEW}" in page.text
    (zone, _) = [each for each in page.forms if each.action.endswith("acknowledge")]
    assert "It is noted that you know of the change." in browser.follow(browser.send(zone)).text
    assert changes(moved) == ["currency_changed"]
    assert "Confirmed a change in the store" in browser.get("/1/history").text
    assert f"{OLD} → {NEW}" in browser.get("/1/history").text

    done = run_in(moved.app, "acknowledge", "1")
    assert "the default currency was USD, and is JPY" in done.stdout
    assert "no change" in run_in(moved.app, "acknowledge", "1").stdout
    assert (changes(moved), alerts(moved)) == ([], [])
    by = [row.done_by for row in moved.rows("history", "action", "done_by") if row.action == "acknowledge"]
    assert by[0] == "ada"
    assert by[1].startswith("cli:")
    assert "Nothing has changed" in browser.get("/1/acknowledge").text


def test_the_check_of_api_and_pages_notes_it_too(moved: Shop) -> None:
    browser = Browser(moved.app)
    form = browser.get("/1/settings").form("version")
    browser.send(form, 200, do="check")
    assert changes(moved) == ["timezone_changed", "currency_changed"]
    moved.store.set_information(timezone=OLD, currency="USD")
    answer = moved.app.test_client().post(f"{URL}/1/check", headers=bearer(moved.app))
    assert answer.status_code == 200
    assert changes(moved) == []


def test_an_unknown_zone_or_another_store_is_noted_by_no_check(moved: Shop) -> None:
    moved.store.set_information(timezone=OLD)
    told = moved.store.information() | {"timezone": {"name": "Mars/Olympus"}, "currency": "EUR"}
    moved.store.information = lambda: told  # type: ignore[method-assign]
    assert run_in(moved.app, "check", "1").exit_code == 1
    assert changes(moved) == []
    told |= {"timezone": {"name": NEW}, "id": "another1"}
    assert run_in(moved.app, "check", "1").exit_code == 1
    assert changes(moved) == []
    assert json.loads(run_in(moved.app, "show", "1", "--json").stdout)["data"]["store_timezone"] == OLD
