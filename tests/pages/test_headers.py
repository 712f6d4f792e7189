"""The headers of pages and files, and the base template of a host."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Response
from jinja2 import ChoiceLoader, DictLoader, StrictUndefined

from ..shop import Shop
from .browsing import PAGES, Browser, add_pages

POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"


def test_pages_are_not_kept_and_have_a_policy(browser: Browser) -> None:
    for path, status in (("/", 200), ("/connect", 200), ("/99", 404)):
        headers = browser.get(path, status).answer.headers
        assert headers["Content-Security-Policy"] == POLICY
        assert headers["Cache-Control"] == "no-store"


def test_files_are_kept_and_have_the_version_in_their_url(browser: Browser) -> None:
    page = browser.get()
    (address,) = [each for each in page.answer.text.split('"') if each.endswith("pages.css")]
    assert address.startswith(f"{PAGES}/static/")
    browser.log_out()
    answer = browser.client.get(address)
    assert answer.status_code == 200
    assert answer.mimetype == "text/css"
    assert answer.cache_control.max_age == 365 * 24 * 3600
    answer.close()


def test_nothing_is_inline(browser: Browser) -> None:
    for path in ("/", "/connect"):
        text = browser.get(path).answer.text
        assert " style=" not in text
        assert "<style" not in text
        assert " on" not in [each[:3] for each in text.split('="')]
        assert text.count("<script") == 1
        # Each attribute stands apart from the one before.
        assert re.findall(r'="[^"<>]*"[a-z-]+=', text) == []


def test_the_policy_of_the_host_holds(paged: Shop, browser: Browser) -> None:
    @paged.app.after_request
    def own(answer: Response) -> Response:
        answer.headers["Content-Security-Policy"] = "default-src 'none'"
        return answer

    assert browser.get().answer.headers.getlist("Content-Security-Policy") == ["default-src 'none'"]


@pytest.fixture
def with_base(shop: Shop) -> Any:
    """An app whose own template the pages extend."""
    template = (
        "<!doctype html><title>{% block title %}{% endblock %}</title>{% block head %}{% endblock %}"
        "<nav>The host of {{ company }}</nav>{% block content %}{% endblock %}"
    )
    shop.app.jinja_loader = ChoiceLoader([DictLoader({"own.html": template})])
    shop.app.context_processor(lambda: {"company": "A & B"})
    add_pages(shop.app, base_template="own.html")
    return shop


def test_a_base_template_of_the_host_is_extended(with_base: Shop) -> None:
    page = Browser(with_base.app).get("/connect")
    assert "The host of A &amp; B" in page.answer.text
    assert "pages.css" in page.answer.text
    assert "<title>Connect a store · BigCommerce</title>" in page.answer.text
    assert "Content-Security-Policy" not in page.answer.headers
    assert page.answer.headers["Cache-Control"] == "no-store"


def test_the_pages_leave_the_environment_of_the_host_alone(paged: Shop, browser: Browser) -> None:
    before = set(paged.app.jinja_env.filters)
    browser.get()
    assert set(paged.app.jinja_env.filters) == before
    assert not paged.app.jinja_env.trim_blocks


def test_a_host_with_strict_templates_is_no_trouble(paged: Shop) -> None:
    made = paged.post()
    paged.app.jinja_options = {"undefined": StrictUndefined}
    browser = Browser(paged.app)
    for path in ("/", "/connect", f"/{made['id']}", f"/{made['id']}/settings", f"/{made['id']}/refresh"):
        browser.get(path)
    assert paged.app.jinja_env.undefined is StrictUndefined
