"""The plug is pulled on database, broker, store and worker in turn: everybody who looks is told.

Each says what is wrong, since when, what to do and whether it can wait; and all goes on by itself afterwards.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from ..processes import wait_until
from .site import Said, Site, opened_site

WITHIN_S = 120.0
A_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with opened_site(tmp_path_factory.mktemp("site")) as site:
        yield site


def shown(said: Said) -> str:
    """What a person reads of a page."""

    class Reader(HTMLParser):
        text = ""

        def handle_data(self, data: str) -> None:
            self.text += data

    reader = Reader()
    reader.feed(said.text)
    return " ".join(reader.text.split())


def assert_says(text: str, *words: str) -> None:
    assert [word for word in words if word not in text] == [], text


def problem(site: Site) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(site.health().text)["data"].get("problem", {})
    return found


def alerted(site: Site, code: str, *, is_over: bool) -> bool:
    return any(each["code"] == code and each["is_over"] is is_over for each in site.alerts())


def until(condition: Callable[[], object], what: str) -> None:
    wait_until(condition, WITHIN_S, what, every_s=0.5)


def assert_well_again(site: Site) -> None:
    until(lambda: site.health().code == 200 and not problem(site), "that work is done")
    until(lambda: "All is well" in shown(site.page("/")), "a page without a finding")


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["closed", "silent"])
def test_the_database(site: Site, mode: Any) -> None:
    site.database.turn(mode)
    until(lambda: site.health().code == 503, "a red light")
    found = problem(site)
    assert (found["code"], found["can_wait"]) == ("database_down", False)
    assert_says(found["sentence"], "The database does not answer", "Nothing is lost", "can be reached")
    assert found["since"]
    page = site.page("/1")
    assert (page.code, page.took_s < 30) == (503, True)
    assert_says(shown(page), "The database does not answer", "Since ", "Nothing is lost", "It cannot wait", "engineer")
    for words in (("list",), ("show", "1"), ("refresh", "1", "orders")):
        done = site.command(*words)
        assert (done.code, done.text, done.errors.count("\n")) == (1, "", 1), done
        assert_says(done.errors, "The database does not answer", "It cannot wait", "bigcommerce doctor")
    done = site.command("doctor")
    assert (done.code, done.errors) == (1, "")
    assert_says(done.last_line, "database", "server", "It cannot wait")
    assert done.text.count("no database") == 8
    metrics = site.metrics()
    assert (metrics.code, "bigcommerce_database_up 0.0" in metrics.text) == (200, True)
    site.database.turn("open")
    assert_well_again(site)


@pytest.mark.slow
def test_the_broker(site: Site) -> None:
    site.broker.turn("closed")
    until(lambda: problem(site), "that the workers notice")
    found = problem(site)
    assert (site.health().code, found["code"], found["can_wait"]) == (200, "broker_down", True)
    assert_says(found["sentence"], "does not answer", "start the broker", "It can wait")
    assert found["since"]
    assert_says(shown(site.page("/1")), "The message broker does not answer", "Since ", "It can wait: nothing is lost")
    done = site.command("list")
    assert done.code == 0
    assert_says(done.text, "The message broker does not answer", "Since ", "Start the broker", "It can wait")
    assert A_DAY.search(done.text)
    done = site.command("doctor")
    assert (done.code, done.errors) == (1, "")
    assert_says(done.last_line, "The broker", "Start the broker", "It can wait")
    assert "bigcommerce_broker_up 0.0" in site.metrics().text
    until(lambda: alerted(site, "broker_down", is_over=False), "the alert")
    # Nothing waits for the broker.
    since = json.loads(site.api("/1").text)["data"]["health"]["orders"]["last_success_at"]
    until(
        lambda: json.loads(site.api("/1").text)["data"]["health"]["orders"]["last_success_at"] > since,
        "a refresh without a broker",
    )
    site.broker.turn("open")
    assert_well_again(site)
    until(lambda: alerted(site, "broker_down", is_over=True), "the end of the alert")


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["closed", "silent"])
def test_the_store(site: Site, mode: Any) -> None:
    before = len(site.alerts())
    site.store.turn(mode)
    until(lambda: "waits for the store" in shown(site.page("/1")), "a page that says it")
    assert_says(shown(site.page("/1")), "goes on by itself", "Since ", "It can wait: nothing is lost")
    assert (site.health().code, problem(site)) == (200, {}), "one store turns no light red"
    codes = [each["code"] for each in json.loads(site.api("/health").text)["data"]["findings"]]
    assert "store_unreachable" in codes
    done = site.command("show", "1")
    assert done.code == 0
    assert_says(done.text, "waits for the store", "Since ", "Nothing is to be done", "It can wait")
    assert site.command("check", "1").code == 1
    done = site.command("doctor")
    assert (done.code, done.errors) == (1, "")
    assert_says(done.last_line, "Instance 1 (Main shop)", "Since ", "reaches the store", "It can wait")
    until(lambda: len(site.alerts()) > before, "the alert")
    told = site.alerts()[before]
    assert (told["code"], told["can_wait"], told["verdict"]) == ("store_unreachable", True, "Nothing is lost.")
    assert told["since"]
    assert told["url"].startswith("https://shop.example/big-commerce/1/refreshes/")
    site.store.turn("open")
    assert_well_again(site)


@pytest.mark.slow
def test_the_worker(site: Site) -> None:
    site.worker.end()
    until(lambda: site.health().code == 503, "a red light")
    found = problem(site)
    assert (found["code"], found["can_wait"]) == ("no_worker", False)
    assert_says(found["sentence"], "No background worker runs", "Nothing is lost", "dramatiq", "It cannot wait")
    assert found["since"]
    text = shown(site.page("/1"))
    assert_says(
        text, "No background worker runs", "Since ", "Nothing is lost", "start a BigCommerce worker", "It cannot wait"
    )
    done = site.command("list")
    assert_says(done.text, "No background worker runs", "Since ", "dramatiq", "It cannot wait")
    done = site.command("doctor")
    assert (done.code, done.errors) == (1, "")
    assert_says(done.last_line, "No worker runs", "none has ticked for", "dramatiq", "It cannot wait")
    # What cron does on another machine; the second time the finding has stood for long enough.
    until(
        lambda: site.command("tick").code == 0 and alerted(site, "no_worker", is_over=False),
        "the alert that cron sends",
    )
    (told,) = [each for each in site.alerts() if each["code"] == "no_worker"]
    assert (told["severity"], told["can_wait"], bool(told["since"])) == ("person", False, True)
    site.worker.start()
    assert_well_again(site)
    until(lambda: alerted(site, "no_worker", is_over=True), "the end of the alert")
    assert "Traceback" not in Path(site.web.log).read_text()
