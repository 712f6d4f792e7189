"""How a person gets into the demo's pages: by a link that logs in once, or by name and password."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field

from flask import Flask, Response, redirect, request
from flask.typing import ResponseReturnValue
from flask_jwt_extended import create_access_token, set_access_cookies, unset_jwt_cookies

PAGES = "/big-commerce/"
LOGIN = "/enter"
_EXTENSION = "bigcommerce_demo_entrance"
_FORM = """<!doctype html><html lang="en"><title>The demo's login</title>
<h1>The demo's login</h1><p>{}</p><form method="post"><p><label>Name <input name="username"></label></p>
<p><label>Password <input name="password" type="password"></label></p><button>Log in</button></form>"""
_ASK = "The demo has printed the name and the password in its curl lines."


@dataclass
class Entrance:
    """The link that nobody has used yet, and whether somebody has."""

    ticket: str = field(default_factory=lambda: secrets.token_urlsafe(16), repr=False)
    opened: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def path(self) -> str:
        """Of the link."""
        return f"/open/{self.ticket}"

    def take(self, ticket: str) -> bool:
        """Whether this is the ticket, and the first time that it is shown."""
        with self.lock:
            if self.opened.is_set() or not secrets.compare_digest(ticket.encode(), self.ticket.encode()):
                return False
            self.opened.set()
            return True


def entrance_of(app: Flask) -> Entrance:
    """That of the app."""
    found: Entrance = app.extensions[_EXTENSION]
    return found


def add_entrance(app: Flask, first_user: str) -> None:
    """The link and the login form; ``first_user`` is whom the link logs in."""
    entrance = app.extensions[_EXTENSION] = Entrance()

    def open_(ticket: str) -> ResponseReturnValue:
        if not entrance.take(ticket):
            return redirect(LOGIN)
        return logged_in(first_user, f"{PAGES}1")

    app.add_url_rule("/", "home", lambda: redirect(PAGES))
    app.add_url_rule("/open/<ticket>", "open", open_)


def login_form(sentence: str = _ASK, status: int = 200) -> ResponseReturnValue:
    """The form that asks for name and password."""
    answer = Response(_FORM.format(sentence), status, mimetype="text/html")
    unset_jwt_cookies(answer)
    return answer


def logged_in(user: str, path: str) -> ResponseReturnValue:
    """The way to a page of this app, with a cookie that says who is there."""
    answer = Response(status=302)
    answer.location = path if path.startswith("/") and not path.startswith(("//", "/\\")) else PAGES
    set_access_cookies(answer, create_access_token(user))
    return answer


def next_path() -> str:
    """The page that the person wanted."""
    return request.args.get("next", PAGES)
