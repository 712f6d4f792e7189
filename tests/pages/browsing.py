"""A person at a browser, as far as Flask's test client is one: cookies, forms with all their fields, headers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from flask_jwt_extended import create_access_token
from werkzeug.test import TestResponse

from bigcommerce_integration import create_pages

PAGES = "/big-commerce"
HERE = {"Sec-Fetch-Site": "same-origin"}
_UNCLOSED = ("input", "meta", "link", "br", "hr", "img")


def add_pages(app: Flask, **options: Any) -> None:
    """Register the pages in an app of the tests."""
    app.register_blueprint(create_pages(**({"login_url": "/login"} | options)))


@dataclass
class Form:
    """A form with what a browser would send of it."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """The forms, links and text of a page."""

    def __init__(self, answer: TestResponse) -> None:
        super().__init__()
        self.answer = answer
        self.forms: list[Form] = []
        self.links: dict[str, str] = {}
        self.words: list[str] = []
        self._select: str | None = None
        self._link: str | None = None
        self.feed(answer.text)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def form(self, having: str) -> Form:
        """The form that has this field, or goes to this address."""
        (found,) = [each for each in self.forms if having in each.fields or each.action.endswith(having)]
        return found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name, value = given.get("name") or "", given.get("value") or ""
        if tag == "form":
            action = given.get("action") or self.answer.request.full_path.removesuffix("?")
            self.forms.append(Form(action, given.get("method", "get") or "get"))
        elif tag == "input" and self.forms:
            if given.get("type") not in ("checkbox", "radio") or "checked" in given:
                self.forms[-1].fields[name] = value
        elif tag == "select":
            self._select = name
            self.forms[-1].fields[name] = ""
        elif tag == "option" and self._select and "selected" in given:
            self.forms[-1].fields[self._select] = value
        elif tag == "a":
            self._link = given.get("href")

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._link = None

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self._link and data.strip():
            self.links[data.strip()] = self._link


class Browser:
    """A client that is logged in by a cookie, unless it is nobody's."""

    def __init__(self, app: Flask, identity: str | None = "ada") -> None:
        self.app = app
        self.client: FlaskClient = app.test_client()
        if identity is not None:
            self.log_in(identity)

    def log_in(self, identity: str = "ada") -> None:
        """As the host's login page does."""
        with self.app.app_context():
            token = create_access_token(identity)
        self.client.set_cookie("access_token_cookie", token)

    def log_out(self) -> None:
        self.client.delete_cookie("access_token_cookie")

    def get(self, path: str = "/", status: int = 200, **options: Any) -> Page:
        """A page below the prefix, or any whole path of the app."""
        answer = self.client.get(self._whole(path), headers=HERE, **options)
        assert answer.status_code == status, (answer.status_code, answer.text)
        return Page(answer)

    def send(self, form: Form, status: int = 303, headers: Mapping[str, str] = HERE, **typed: str | None) -> Page:
        """Send a form with what is typed, by the last part of a field's name; None takes a field away."""
        data = dict(form.fields)
        for name, value in typed.items():
            (path,) = [each for each in (*form.fields, name) if each.rpartition(".")[2] == name][:1]
            data.pop(path, None)
            if value is not None:
                data[path] = value
        answer = self.client.post(self._whole(form.action), data=data, headers=headers)
        assert answer.status_code == status, (answer.status_code, answer.text)
        return Page(answer)

    def follow(self, page: Page) -> Page:
        """Where a redirect leads."""
        return self.get(page.answer.headers["Location"])

    def _whole(self, path: str) -> str:
        return path if path.startswith(PAGES) or not path.startswith("/") else PAGES + path
