"""The pages in a real browser, as a person walks through them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dramatiq import Worker
from dramatiq.brokers.stub import StubBroker
from flask import Flask, Response, redirect, request
from flask_jwt_extended import create_access_token, set_access_cookies, unset_jwt_cookies

from bigcommerce_integration.errors import DatabaseDown
from bigcommerce_integration.pages import login
from bigcommerce_integration.sandbox import SandboxStore

from ..host_app import STORE_ID, bearer
from ..serving import serving
from ..shop import Shop, opened
from .browsing import PAGES, add_pages
from .chromium import browsers, watched

pytestmark = [pytest.mark.ci, pytest.mark.xdist_group("browser")]

OpenPage = Callable[..., Any]
WIDTHS = (1280, 360)
SERIOUS = """async () => (await axe.run()).violations
    .filter(each => ["serious", "critical"].includes(each.impact)).map(each => [each.id, each.nodes[0].html])"""
"""What axe-core, whose file ``AXE`` names in .ci/run, finds of a page."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browsers() as found:
        yield found


def _add_login(app: Flask) -> None:
    """The host's login: whoever comes is Ada. With each answer it renews the cookie, as Flask-JWT-Extended advises."""

    @app.get("/login")
    def login() -> Any:
        answer = redirect(request.args.get("next", "/"))
        set_access_cookies(answer, create_access_token("ada"))
        return answer

    @app.get("/logout")
    def logout() -> Any:
        answer = Response("Logged out.")
        unset_jwt_cookies(answer)
        return answer

    @app.get("/favicon.ico")
    def icon() -> Any:
        return Response(status=204)

    @app.after_request
    def renew(answer: Response) -> Response:
        if request.path.startswith(PAGES) and request.cookies.get("access_token_cookie") and answer.status_code < 400:
            set_access_cookies(answer, create_access_token("ada"))
        return answer


@pytest.fixture
def walked(broker: StubBroker, sqlite_url: str) -> Iterator[Shop]:
    """A store that answers slowly enough to be watched, and a host app."""
    settings = {"page_size": 10, "concurrency": 1}
    with opened(sqlite_url, broker, store=SandboxStore(60, 60), latency_ms=150, settings=settings) as shop:
        _add_login(shop.app)
        add_pages(shop.app)
        yield shop


@pytest.fixture
def worker(walked: Shop) -> Iterator[Callable[[], None]]:
    """Starts a worker in this process."""
    made = Worker(walked.broker, worker_threads=2, worker_timeout=100)
    started: list[bool] = []

    def start() -> None:
        started.append(True)
        made.start()

    yield start
    if started:
        made.stop()


@pytest.fixture
def open_page(chromium: Any, walked: Shop) -> Iterator[OpenPage]:
    """Opens a page of the app in a browser of its own; anything in its console fails the test."""
    complaints: list[str] = []
    contexts: list[Any] = []
    with serving(walked.app) as address:

        def open_page(path: str = "/", **options: Any) -> Any:
            contexts.append(chromium.new_context(base_url=address, **options))
            page = watched(contexts[-1].new_page(), complaints)
            page.goto(f"{PAGES}{path}")
            return page

        yield open_page
        for context in contexts:
            context.close()
    assert complaints == []


def _fill(page: Any, shop: Shop, **changes: str) -> None:
    given = {
        "Access token": shop.server.access_token,
        "API path": f"https://api.bigcommerce.com/stores/{shop.server.store_hash}/v3/",
        "First day": "2015-01-01",
    }
    for label, value in (given | changes).items():
        page.get_by_label(label).fill(value)
    page.get_by_label("Your store").select_option(str(STORE_ID))


def test_a_person_connects_a_store_and_watches_it(
    walked: Shop, open_page: OpenPage, worker: Callable[[], None]
) -> None:
    page = open_page()
    page.get_by_text("No store is connected yet.").wait_for()
    page.get_by_role("main").get_by_role("link", name="Connect a store").click()
    _fill(page, walked)
    page.get_by_role("button", name="Check connection").click()
    page.get_by_text("The connection works.").wait_for()
    # The check did not load the page anew: what was typed, token included, is still there.
    assert page.get_by_label("Access token").input_value() == walked.server.access_token
    assert page.get_by_text("Type the access token again").count() == 0
    assert page.get_by_label("Name").input_value() == "Sandbox Store"
    assert page.get_by_label("API path").input_value() == walked.server.store_hash
    page.get_by_role("button", name="Connect", exact=True).click()
    page.get_by_role("heading", name="Sandbox Store").wait_for()
    page.get_by_text("You can close this page.").wait_for()
    page.get_by_text("tell your engineer that no BigCommerce worker runs").first.wait_for()
    walked.server.latency_ms = 700
    worker()
    page.get_by_text(re.compile(r"^\s*\d+ of 60\s*$")).first.wait_for()
    walked.server.latency_ms = 0
    page.get_by_text("You can close this page.").wait_for(state="detached")
    assert page.locator("[data-part=collections]").get_by_text("Up to date").count() == 3
    page.get_by_text("with no match found").wait_for()
    page.get_by_role("navigation").get_by_role("link", name="Variants", exact=True).click()
    page.get_by_label("Choose all on this page").check()
    boxes = page.locator("input[name=ids]").all()
    assert boxes
    assert all(box.is_checked() for box in boxes)


def test_wrong_input_is_shown_at_its_field(walked: Shop, open_page: OpenPage) -> None:
    page = open_page("/connect")
    _fill(page, walked, **{"Access token": "wrong-but-printable-token", "Name": "Shop"})
    page.get_by_role("button", name="Check connection").click()
    page.get_by_text("Copy it again").wait_for()
    field = page.get_by_label("Access token")
    assert field.evaluate("each => each === document.activeElement")
    page.get_by_label("Show").check()
    assert field.get_attribute("type") == "text"
    assert field.input_value() == "wrong-but-printable-token"
    page.get_by_role("button", name="Connect", exact=True).click()
    page.locator("#bc-connection_settings-access_token-error").wait_for()
    assert field.get_attribute("aria-invalid") == "true"
    assert "bc-connection_settings-access_token-error" in (field.get_attribute("aria-describedby") or "")
    assert field.input_value() == ""
    page.get_by_label("API path").fill("")
    page.get_by_role("button", name="Check connection").click()
    page.locator("#bc-integration_settings-store_hash-error").wait_for()


def test_a_login_that_ends_in_a_form_loses_nothing(walked: Shop, open_page: OpenPage) -> None:
    page = open_page("/connect")
    _fill(page, walked, Name="My <i>shop</i>")
    other = page.context.new_page()
    other.goto("/logout")
    page.get_by_role("button", name="Connect", exact=True).click()
    page.get_by_text("Nothing was saved. Log in in another tab, then press again.").wait_for()
    other.goto(f"{PAGES}/")
    page.get_by_label("Access token").fill(walked.server.access_token)
    page.get_by_role("button", name="Send again").click()
    page.get_by_role("heading", name="My <i>shop</i>").wait_for()


def test_two_tabs_do_not_overwrite_each_other(walked: Shop, open_page: OpenPage) -> None:
    made = walked.post()
    one = open_page(f"/{made['id']}/settings")
    two = one.context.new_page()
    two.goto(f"{PAGES}/{made['id']}/settings")
    one.get_by_label("Name").fill("First")
    one.get_by_role("button", name="Save", exact=True).click()
    one.get_by_text("The settings are saved.").wait_for()
    two.get_by_label("Name").fill("Second")
    two.get_by_role("button", name="Save", exact=True).click()
    two.get_by_text("Somebody changed this meanwhile.").wait_for()
    assert two.get_by_label("Name").input_value() == "Second"
    two.get_by_role("button", name="Save", exact=True).click()
    two.get_by_text("The settings are saved.").wait_for()
    assert walked.rows("instances")[0].name == "Second"


def test_all_works_without_javascript(walked: Shop, open_page: OpenPage, worker: Callable[[], None]) -> None:
    page = open_page("/connect", java_script_enabled=False)
    _fill(page, walked)
    page.get_by_role("button", name="Check connection").click()
    page.get_by_text("Type the access token again before you connect").wait_for()
    page.get_by_label("Access token").fill(walked.server.access_token)
    page.get_by_role("button", name="Connect", exact=True).click()
    page.get_by_role("heading", name="Sandbox Store").wait_for()
    worker()
    # The page loads itself anew while something runs.
    page.get_by_text("You can close this page.").wait_for(state="detached", timeout=60_000)
    assert " UTC" in page.locator("time").first.inner_text()


def test_moments_are_shown_in_the_viewers_zone(walked: Shop, open_page: OpenPage) -> None:
    made = walked.post()
    page = open_page(f"/{made['id']}", timezone_id="Asia/Kathmandu")
    moment = page.locator("time").first
    minutes = page.evaluate(
        "([shown, sent]) => (new Date(shown.replace(',', '') + ' UTC') - new Date(sent)) / 60000",
        [moment.inner_text(), moment.get_attribute("datetime")],
    )
    # Seconds are not shown.
    assert 344 < minutes <= 345


def test_focus_stays_where_it_is_while_the_page_lives(
    walked: Shop, open_page: OpenPage, worker: Callable[[], None]
) -> None:
    made = walked.post()
    page = open_page(f"/{made['id']}")
    link = page.locator("[data-part=events] a").last
    address = link.get_attribute("href")
    link.focus()
    worker()
    page.get_by_text("You can close this page.").wait_for(state="detached", timeout=60_000)
    assert page.evaluate("document.activeElement.getAttribute('href')") == address


def test_a_red_alert_is_understood_and_mended(walked: Shop, open_page: OpenPage, worker: Callable[[], None]) -> None:
    """Two pages to the cause, a third to mend it; by the words on the pages alone."""
    walked.server.latency_ms = 0
    made = walked.post()
    worker()
    walked.wait()
    new_token = walked.store.set_token()
    page = open_page(f"/{made['id']}")
    page.get_by_role("button", name="Read now").last.click()
    page.get_by_text("it does not accept the access token").first.wait_for(timeout=60_000)
    page.goto(f"{PAGES}/")
    page.get_by_text("The store does not accept its access token any longer").wait_for()
    page.get_by_text("Nothing is lost").first.wait_for()
    page.get_by_role("link", name="Enter a new token").first.click()
    token = page.get_by_label("Access token")
    token.wait_for()
    assert token.evaluate("each => each === document.activeElement")
    token.fill(new_token)
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("The token works. What was missed is being fetched.").wait_for()
    page.get_by_role("link", name="Overview").click()
    page.get_by_text("does not accept its access token").wait_for(state="detached", timeout=60_000)


def test_a_page_whose_login_ends_says_so(walked: Shop, open_page: OpenPage) -> None:
    page = open_page(f"/{walked.post()['id']}")
    page.context.clear_cookies()
    page.get_by_text("You are logged in no longer.").wait_for()


def test_an_open_page_says_that_it_may_be_old(
    walked: Shop, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_down(_: object) -> None:
        raise DatabaseDown("The database does not answer.")

    page = open_page(f"/{walked.post()['id']}")
    page.get_by_text("You can close this page.").wait_for()
    with monkeypatch.context() as outage:
        outage.setattr(login, "require_database", is_down)
        page.get_by_text("What is shown here may be old. The database does not answer.").wait_for()
    page.get_by_text("What is shown here may be old.").wait_for(state="detached")


def test_a_header_only_host_opens_the_pages(walked: Shop, open_page: OpenPage) -> None:
    page = open_page()
    page.goto("/logout")
    token = bearer(walked.app, "ada")["Authorization"]
    status = page.evaluate(
        "async ([path, token]) => (await fetch(path, {method: 'POST', headers: {Authorization: token}})).status",
        [f"{PAGES}/session", token],
    )
    assert status == 204
    page.goto(f"{PAGES}/connect")
    page.get_by_role("heading", name="Connect a store").wait_for()


def test_a_refresh_asks_only_for_what_its_kind_needs(walked: Shop, open_page: OpenPage) -> None:
    page = open_page(f"/{walked.post()['id']}/refresh")
    fields = {each: page.locator(f"[name={each}]") for each in ("date_from", "ids", "allow_mass_delete")}
    for kind, shown in (
        ("incremental", []),
        ("reconcile", ["date_from"]),
        ("ids", ["ids"]),
        ("full", ["allow_mass_delete"]),
    ):
        page.locator(f"[name=mode][value={kind}]").check()
        assert [name for name, field in fields.items() if field.is_visible()] == shown
    page.get_by_text("Times without a zone beside them").wait_for(state="hidden")
    page.goto(page.url.removesuffix("/refresh"))
    page.get_by_text("Times without a zone beside them").wait_for()


def test_every_page_fits_its_screen_and_is_accessible(
    walked: Shop, open_page: OpenPage, worker: Callable[[], None]
) -> None:
    walked.server.latency_ms = 0
    made = walked.post(name="A store with a rather long name and <b>markup</b> in it")
    worker()
    walked.wait()
    page = open_page()
    axe = Path(os.environ["AXE"]).read_text() if "AXE" in os.environ else None
    seen: set[str] = set()
    waiting = [f"{PAGES}/", f"{PAGES}/{made['id']}", f"{PAGES}/find?q=100"]
    for path in waiting:
        if (kind := re.sub(r"\d+", "1", path.partition("?")[0])) in seen or kind.endswith(".csv"):
            continue
        seen.add(kind)
        page.set_viewport_size({"width": WIDTHS[0], "height": 800})
        assert page.goto(path).status == 200, path
        links = page.eval_on_selector_all("a[href]", "all => all.map(each => each.getAttribute('href'))")
        waiting += [each for each in links if each.startswith(f"{PAGES}/")]
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
        for scheme in ("light", "dark") if axe else ():
            page.emulate_media(color_scheme=scheme)
            page.evaluate(axe)
            assert page.evaluate(SERIOUS) == [], (path, scheme)
    assert len(seen) > 10


def test_a_violated_policy_is_noticed(walked: Shop, chromium: Any) -> None:
    noticed: list[str] = []
    with serving(walked.app) as address:
        page = watched(chromium.new_page(base_url=address), noticed)
        page.goto(f"{PAGES}/")
        with page.expect_console_message(lambda message: message.type == "error"):
            page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=\"https://127.0.0.1:9/x.png\">')")
        page.close()
    assert len(noticed) == 1
    assert "Content Security Policy" in noticed[0]
