"""What matches no route below our prefix: 404 and 405 are ours, and the host's own routes there stay the host's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from flask import Blueprint, Flask
from flask.testing import FlaskClient

from bigcommerce_integration import create_blueprint

from ..host_app import HostApp, bearer
from ..test_guest import plain_app

URL = "/api/big-commerce"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "LINK")


def assert_ours(answer: Any, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/json"
    if answer.request.method != "HEAD":
        assert list(answer.json) == ["message"]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/abc",
        "/0",
        "/01",
        "/1.0",
        "/-1",
        "/٣",
        f"/{'9' * 20}",
        "/9" * 2000,
        "/1/",
        "/check/",
        "/openapi.json/",
        "/1/nowhere",
        "/1/orders/refresh/",
        "/1/orders/refresh/again",
        "/1/variants/links/x",
        "/1%2Fnowhere",
        "/1%0Anowhere",
        "/nowhere%0A/%0A",
        "/..",
        "/%C3%A9",
        "/%FF",
    ],
)
def test_unknown_path_is_our_404(path: str, client: FlaskClient, headers: dict[str, str]) -> None:
    for method in METHODS:
        assert_ours(client.open(URL + path, method=method, headers=headers), 404)
        assert_ours(client.open(URL + path, method=method), 404)


KNOWN = {
    "": "GET, HEAD, OPTIONS, POST",
    "/check": "OPTIONS, POST",
    "/openapi.json": "GET, HEAD, OPTIONS",
    "/1": "DELETE, GET, HEAD, OPTIONS, PATCH, PUT",
    "/1/check": "OPTIONS, POST",
    "/1/history": "GET, HEAD, OPTIONS",
    "/1/products/refresh": "OPTIONS, POST",
    "/1/orders/refresh": "OPTIONS, POST",
    "/1/orders/5": "GET, HEAD, OPTIONS",
    "/1/refreshes/2/cancel": "OPTIONS, POST",
    "/1/variants/links": "GET, HEAD, OPTIONS, PUT",
    "/1/variants/5/link": "DELETE, OPTIONS, POST",
}


@pytest.mark.parametrize("path", KNOWN)
def test_other_method_is_405_and_allow_is_exact(path: str, client: FlaskClient, headers: dict[str, str]) -> None:
    allowed = KNOWN[path].split(", ")
    for method in METHODS:
        answer = client.open(URL + path, method=method, headers=headers)
        if method in allowed:
            assert answer.status_code != 405, method
        else:
            assert_ours(answer, 405)
            assert answer.headers["Allow"] == KNOWN[path]


@pytest.mark.parametrize("path", KNOWN)
def test_options_lists_what_works(path: str, client: FlaskClient) -> None:
    answer = client.options(URL + path)
    assert (answer.status_code, answer.text) == (200, "")
    assert sorted(answer.headers["Allow"].split(", ")) == KNOWN[path].split(", ")


def test_every_route_refuses_other_methods(app: Flask, client: FlaskClient) -> None:
    """Also those that are added later."""
    paths = {
        rule.rule for rule in app.url_map.iter_rules() if rule.methods and rule.endpoint.startswith("bigcommerce.")
    }
    assert len(paths) > 15
    for rule in paths:
        path = "".join("1" if "_id:" in part else part for part in rule.replace(">", "<").split("<"))
        answer = client.open(path, method="PROPFIND")
        assert_ours(answer, 405)
        assert sorted(client.options(path).headers["Allow"].split(", ")) == answer.headers["Allow"].split(", ")


def test_outside_of_the_prefix_the_host_answers(client: FlaskClient) -> None:
    for path in ("/", "/api", "/api/", "/api/big-commerces", "/api/big-commercex/1", f"/x{URL}/1/x"):
        answer = client.get(path)
        assert (answer.status_code, answer.mimetype) == (404, "text/html"), path


def test_doubled_slashes_lead_to_the_plain_path(client: FlaskClient, headers: dict[str, str]) -> None:
    for path, plain in ((f"{URL}//check", f"{URL}/check"), (f"{URL}//no//where", f"{URL}/no/where")):
        answer = client.post(path, headers=headers)
        assert (answer.status_code, answer.headers["Location"]) == (308, f"http://localhost{plain}")
    assert_ours(client.get(f"{URL}//no//where", headers=headers, follow_redirects=True), 404)


Made = Callable[..., Flask]


@pytest.fixture
def made(host_app: HostApp, broker: StubBroker, sqlite_url: str) -> Any:
    """An app that may add rules before and after ours."""
    apps = []

    def make(before: Any = None, after: Any = None, *, parent: str | None = None, **options: Any) -> Flask:
        app = plain_app(host_app, sqlite_url)
        if before:
            before(app)
        blueprint = create_blueprint(db=host_app.db, broker=broker, host=host_app.host())
        if parent is None:
            app.register_blueprint(blueprint, **options)
        else:
            outer = Blueprint("outer", __name__, url_prefix=parent)
            outer.register_blueprint(blueprint, **options)
            app.register_blueprint(outer)
        if after:
            after(app)
        host_app.create_rows(app)
        apps.append(app)
        return app

    yield make
    for app in apps:
        host_app.dispose(app)


def hosts_own(app: Flask) -> None:
    """Below our prefix, at it, and with an error handler of the host's own."""
    for path, methods in (
        ("/reports", ["GET"]),
        ("/1/history", ["PATCH"]),
        ("", ["PUT"]),
        ("/any/<path:rest>", ["GET"]),
    ):
        app.add_url_rule(URL + path, f"host{path}", lambda **_values: "the host's", methods=methods)
    app.add_url_rule(f"{URL}/shelf/", "shelf", lambda: "the host's")
    app.register_error_handler(405, lambda error: ("the host's 405", 405, error.get_headers()))
    app.register_error_handler(404, lambda error: ("the host's 404", 404))


@pytest.mark.ci
@pytest.mark.parametrize("when", ["before", "after"])
def test_the_hosts_routes_below_our_prefix_win(when: str, made: Made) -> None:
    app = made(**{when: hosts_own})
    client, headers = app.test_client(), bearer(app)
    for method, path in (
        ("GET", "/reports"),
        ("PATCH", "/1/history"),
        ("PUT", ""),
        ("GET", "/any/1/x"),
        ("GET", "/shelf/"),
    ):
        answer = client.open(URL + path, method=method)
        assert (answer.status_code, answer.text) == (200, "the host's"), (method, path)
    assert client.get(f"{URL}/shelf").status_code == 308
    refused = client.post(f"{URL}/reports")
    assert (refused.status_code, refused.text) == (405, "the host's 405")
    assert set(refused.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    assert set(client.options(f"{URL}/reports").headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    # A path of both.
    shared = client.delete(f"{URL}/1/history", headers=headers)
    assert_ours(shared, 405)
    assert shared.headers["Allow"] == "GET, HEAD, OPTIONS, PATCH"
    assert_ours(client.get(f"{URL}/reports/x"), 404)
    assert client.get("/nowhere").text == "the host's 404"


def test_a_page_of_the_host_for_all_paths_is_not_for_ours(made: Made) -> None:
    app = made(after=lambda app: app.add_url_rule("/<path:path>", "page", lambda path: "the page"))
    client = app.test_client()
    assert client.get("/elsewhere").text == "the page"
    for method in METHODS:
        assert_ours(client.open(f"{URL}/nowhere", method=method), 404)
    assert client.get(f"{URL}/check").headers["Allow"] == "OPTIONS, POST"


@pytest.mark.parametrize(
    ("options", "prefix"),
    [
        ({"url_prefix": "/shops"}, "/shops"),
        ({"parent": "/v1"}, f"/v1{URL}"),
        ({"parent": "/v1", "name": "own", "url_prefix": "/shops/"}, "/v1/shops"),
        ({"url_prefix": "/<company>"}, "/acme"),
        ({"url_prefix": "/<company>/shops"}, "/acme/shops"),
    ],
)
def test_all_that_moves_with_the_prefix(options: dict[str, Any], prefix: str, made: Made) -> None:
    def company(app: Flask) -> None:
        app.url_value_preprocessor(lambda _endpoint, values: values and values.pop("company", None))

    app = made(company, **options)
    client, headers = app.test_client(), bearer(app)
    assert client.get(prefix, headers=headers).status_code == 200
    for path in ("/", "/abc", "/1/", "/1/x"):
        assert_ours(client.get(prefix + path), 404)
    refused = client.put(f"{prefix}/check")
    assert_ours(refused, 405)
    assert refused.headers["Allow"] == "OPTIONS, POST"


def test_an_app_that_keeps_doubled_slashes_has_our_404(made: Made) -> None:
    def keep(app: Flask) -> None:
        app.url_map.merge_slashes = False

    client = made(keep).test_client()
    for path in ("//", "//1", "/1//orders", "/a%0A//b"):
        assert_ours(client.get(URL + path), 404)


def test_at_the_root_of_an_app_nothing_of_the_host_is_caught(made: Made) -> None:
    client = made(url_prefix="/").test_client()
    assert client.get("/nowhere/at/all").mimetype == "text/html"
