"""Who sees the pages, and whose forms are believed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.fernet import Fernet
from dramatiq.brokers.stub import StubBroker
from flask import Flask, Response, jsonify
from flask_jwt_extended import create_access_token, get_jwt_identity, set_access_cookies

from bigcommerce_integration import create_pages
from bigcommerce_integration.errors import ConfigError
from bigcommerce_integration.pages import csrf

from ..host_app import ACCESS_TOKEN, HostApp, bearer
from ..shop import Shop
from .browsing import HERE, PAGES, Browser, Page, add_pages

Made = Callable[..., Flask]


@pytest.fixture
def made(host_app: HostApp, broker: StubBroker, sqlite_url: str) -> Any:
    """Makes an app with settings, before the pages are registered."""
    apps: list[Flask] = []

    def make(**settings: Any) -> Flask:
        app = host_app.create_app(sqlite_url, broker=broker, settings=settings)
        host_app.create_rows(app)
        apps.append(app)
        return app

    yield make
    for app in apps:
        host_app.dispose(app)


def _typed(browser: Browser) -> dict[str, str]:
    form = browser.get("/connect").form("name")
    return form.fields | {"name": "A <b>shop</b>", "connection_settings.access_token": ACCESS_TOKEN, "do": "connect"}


def test_without_login_a_page_leads_to_the_login(paged: Shop) -> None:
    answer = Browser(paged.app, None).get("/connect?a=1&b=2", 302).answer
    address = urlsplit(answer.headers["Location"])
    assert address.path == "/login"
    assert parse_qs(address.query) == {"next": [f"{PAGES}/connect?a=1&b=2"]}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://id.example.com/in?app=7", "https://id.example.com/in?app=7&next=%2Fbig-commerce%2F"),
        (lambda: "/enter", "/enter?next=%2Fbig-commerce%2F"),
    ],
)
def test_login_url_is_a_url_or_a_function_too(made: Made, given: Any, expected: str) -> None:
    app = made()
    add_pages(app, login_url=given)
    assert Browser(app, None).get("/", 302).answer.headers["Location"] == expected


def test_a_header_is_no_login_for_pages(paged: Shop) -> None:
    answer = paged.app.test_client().get(f"{PAGES}/", headers=bearer(paged.app))
    assert answer.status_code == 302


@pytest.mark.parametrize("location", ["headers", "cookies", "query_string"])
def test_the_cookie_counts_whatever_the_host_reads(made: Made, location: str) -> None:
    app = made(JWT_TOKEN_LOCATION=[location])
    add_pages(app)
    assert "No store is connected yet." in Browser(app).get().text


def test_an_expired_login_is_none(paged: Shop) -> None:
    browser = Browser(paged.app, None)
    with paged.app.app_context():
        token = create_access_token("ada", expires_delta=timedelta(seconds=-1))
    browser.client.set_cookie("access_token_cookie", token)
    assert browser.get("/", 302).answer.headers["Location"].startswith("/login?")


def test_login_that_ends_in_a_form_keeps_what_was_typed(paged: Shop, browser: Browser) -> None:
    form = browser.get("/connect").form("name")
    browser.log_out()
    page = browser.send(form, 401, name="A <b>shop</b>", access_token=ACCESS_TOKEN, do="connect")
    assert "Nothing was saved. Log in in another tab, then press again." in page.text
    assert ACCESS_TOKEN not in page.answer.text
    assert "<b>shop" not in page.answer.text
    again = page.form("name")
    assert again.fields["name"] == "A <b>shop</b>"
    browser.log_in()
    page = browser.send(again, 422, access_token="")
    assert "This field is required." in page.text
    assert page.form("name").fields["name"] == "A <b>shop</b>"


def test_a_form_outlives_the_renewal_of_the_cookie(made: Made) -> None:
    """Flask-JWT-Extended recommends a new cookie with each answer, and with it a new token of its double submit."""
    app = made()

    @app.after_request
    def renew(answer: Response) -> Response:
        set_access_cookies(answer, create_access_token(get_jwt_identity() or "ada"))
        return answer

    add_pages(app)
    browser = Browser(app)
    first, second = browser.get("/connect").form("name"), browser.get("/connect").form("name")
    for form in (first, second, first):
        assert "fields need a change" in browser.send(form, 422, do="connect").text


def test_the_form_of_another_person_is_not_believed(paged: Shop, browser: Browser) -> None:
    form = browser.get("/connect").form("name")
    browser.log_in("bob")
    page = browser.send(form, 403, name="Kept", access_token=ACCESS_TOKEN, do="connect")
    assert "made for another login" in page.text
    assert ACCESS_TOKEN not in page.answer.text
    assert browser.send(page.form("name"), 422).form("name").fields["name"] == "Kept"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_a_form_of_another_site_is_refused(paged: Shop, browser: Browser, headers: dict[str, str]) -> None:
    form = browser.get("/connect").form("name")
    page = browser.send(form, 403, headers=headers, do="connect")
    assert "from another site" in page.text
    assert all(each.method == "get" for each in page.forms)


def test_the_origin_counts_where_the_browser_says_no_more(browser: Browser) -> None:
    form = browser.get("/connect").form("name")
    browser.send(form, 422, headers={"Origin": "http://localhost"}, do="connect")


def test_the_hidden_field_is_checked_with_all_keys() -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    token = csrf.form_token([old], "ada")
    assert csrf.is_form_token([new, old], "ada", token)
    assert csrf.form_token([new, old], "ada") != token
    assert not csrf.is_form_token([new], "ada", token)
    assert not csrf.is_form_token([new, old], "bob", token)
    assert not csrf.is_form_token([new, old], "ada", "")
    assert not csrf.is_form_token([new, old], "ada", "é")


def test_session_sets_a_cookie_for_header_only_hosts(made: Made) -> None:
    app = made(JWT_TOKEN_LOCATION=["headers"])
    add_pages(app)
    client = app.test_client()
    assert client.post(f"{PAGES}/session").status_code == 401
    answer = client.post(f"{PAGES}/session", headers=bearer(app, "ada"))
    assert answer.status_code == 204
    cookie = answer.headers["Set-Cookie"]
    for part in ("HttpOnly", "SameSite=Lax", f"Path={PAGES}", "Expires="):
        assert part in cookie
    assert client.get(f"{PAGES}/").status_code == 200
    page = Page(client.get(f"{PAGES}/connect"))
    assert client.post(f"{PAGES}/connect", data=page.form("name").fields, headers=HERE).status_code == 422
    assert client.delete(f"{PAGES}/session").status_code == 204
    assert client.get(f"{PAGES}/").status_code == 302


@pytest.mark.parametrize("path", ["/api", "/big", "/big-commerce/x"])
def test_a_cookie_path_beside_the_pages_is_an_error(made: Made, path: str) -> None:
    with pytest.raises(ConfigError, match="JWT_ACCESS_COOKIE_PATH"):
        add_pages(made(JWT_ACCESS_COOKIE_PATH=path))


@pytest.mark.parametrize("path", ["/", "/big-commerce", "/big-commerce/"])
def test_a_cookie_path_that_covers_the_pages_is_none(made: Made, path: str) -> None:
    add_pages(made(JWT_ACCESS_COOKIE_PATH=path))


def test_pages_need_the_blueprint_first() -> None:
    with pytest.raises(ConfigError, match="register that first"):
        Flask("empty").register_blueprint(create_pages(login_url="/login"))


@pytest.mark.parametrize(
    "options",
    [{"login_url": ""}, {"login_url": 7}, {"base_template": ""}, {"url_prefix": "/"}, {"url_prefix": "pages"}],
)
def test_wrong_arguments_are_errors(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        create_pages(**({"login_url": "/login"} | options))


def test_handlers_of_the_host_do_not_reach_people(made: Made) -> None:
    app = made()

    @app.errorhandler(Exception)
    @app.errorhandler(404)
    @app.errorhandler(403)
    @app.errorhandler(500)
    def answer(error: Exception) -> Any:
        return jsonify(message="the host's"), 418

    add_pages(app)
    browser = Browser(app)
    for path in ("/nothing", "/99", "/99/live", "/0", f"/{10**30}", "/static/old/pages.css"):
        page = browser.get(path, 404)
        assert page.answer.mimetype == "text/html", path
        assert "There is no such page" in page.text
    assert browser.client.get("/elsewhere").status_code == 418


def test_an_error_nobody_expected_is_a_page_and_logged(
    made: Made, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    app = made(TESTING=False)
    heard: list[BaseException] = []

    @app.errorhandler(Exception)
    def answer(error: Exception) -> Any:
        return jsonify(message="the host's"), 418

    def broken(*_given: Any, **_more: Any) -> Any:
        raise ZeroDivisionError("broken")

    add_pages(app)
    monkeypatch.setattr("bigcommerce_integration.pages.views.stores.list_instances", broken)
    from flask import got_request_exception

    def hear(_sender: Any, exception: BaseException) -> None:
        heard.append(exception)

    with got_request_exception.connected_to(hear, app):
        page = Browser(app).get("/", 500)
    assert "Something went wrong here." in page.text
    assert [type(each) for each in heard] == [ZeroDivisionError]
    assert "ZeroDivisionError: broken" in caplog.text
