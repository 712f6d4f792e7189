"""Errors as pages of ours, so that a handler of the host that answers in JSON does not reach a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, default_exceptions

from ..app_state import current_state
from ..errors import DatabaseDown, Invalid, NotFound, NotMigrated, RequestRefused
from ..operations.work.watch import refusal_of
from . import csrf, login
from .login import LoginNeeded, WrongForm
from .render import render, render_bare

if TYPE_CHECKING:
    from .blueprint import PagesBlueprint

_SECRET = "access_token"  # noqa: S105 - the name of a field
_TITLES = {
    403: "You may not do this",
    404: "There is no such page",
    409: "This cannot be done now",
    413: "This is too much",
    503: "Try again in a moment",
}
_SENTENCES = {
    404: "It may have been removed, or the address is wrong.",
    405: "This address takes no such request.",
    500: "Something went wrong here. It was written to the app's log; nothing else is known.",
}


def add_handlers(blueprint: PagesBlueprint) -> None:
    """The handlers, on the pages alone."""
    blueprint.register_error_handler(RequestRefused, _refused)
    blueprint.register_error_handler(DatabaseDown, _database_down)
    blueprint.register_error_handler(LoginNeeded, _login_needed)
    blueprint.register_error_handler(WrongForm, _wrong_form)
    blueprint.register_error_handler(SQLAlchemyError, _database_failed)
    # A handler of the app for every exception would be found before that of 500: see _unexpected.
    blueprint.register_error_handler(Exception, _unexpected)
    for code in default_exceptions:
        blueprint.register_error_handler(code, _http_error)


def not_found(**_values: object) -> Response:
    """The page of an address that is none; raises ``NotFound``."""
    raise NotFound(_SENTENCES[404])


def _refused(error: RequestRefused) -> Response:
    if isinstance(error, Invalid):
        return _page(error.status, "; ".join(f"{path}: {' '.join(each)}" for path, each in error.errors.items()))
    if isinstance(error, NotMigrated):
        # To try again helps nobody.
        return _page(error.status, error.message, "The database lacks a migration")
    return _page(error.status, error.message)


def _http_error(error: HTTPException) -> Response | HTTPException:
    code = error.code or 500
    if code < 400:
        return error
    page = _page(code, _SENTENCES.get(code, error.description or ""))
    for name, value in error.get_headers(request.environ):
        if name not in ("Content-Type", "Content-Length"):
            page.headers[name] = value
    return page


def _unexpected(error: Exception) -> Response:
    """Raised on: Flask then logs it and tells whoever listens, as it does with every error, and asks for our 500."""
    raise error


def _database_failed(error: SQLAlchemyError) -> Response:
    found = refusal_of(current_state(), error)
    if found is None:
        raise error
    return _database_down(found) if isinstance(found, DatabaseDown) else _refused(found)


def _database_down(error: DatabaseDown) -> Response:
    """Without anything of the host's, which may ask the database too."""
    is_form = request.method not in login.SAFE
    page = render_bare("database_down.html", 503, message=error.message, since=error.since, is_form=is_form)
    page.headers["Retry-After"] = "10"
    return page


def _login_needed(_error: LoginNeeded) -> Response:
    return _again(401, "You are logged in no longer", "Nothing was saved. Log in in another tab, then press again.")


def _wrong_form(_error: WrongForm) -> Response:
    text = "Nothing was saved, as this form was made for another login. Check what you typed, then press again."
    return _again(403, "This form is not yours", text)


def _page(status: int, message: str, title: str | None = None) -> Response:
    title = title or _TITLES.get(status, "This did not work")
    return render("refusal.html", status=status, title=title, message=message)


def _again(status: int, title: str, message: str) -> Response:
    """What was typed, to be sent once more; never a token. A file is not read, let alone kept: it is chosen again."""
    if login.takes_file():
        text = f"{message.partition('. ')[0]}. Log in in another tab, go back, and choose the file again."
        return render("refusal.html", status=status, title=title, message=text)
    typed = [(name, value) for name, value in request.form.items(multi=True) if name != csrf.FIELD]
    return render(
        "again.html",
        status=status,
        title=title,
        message=message,
        action=request.full_path.removesuffix("?"),
        kept=[(name, value) for name, value in typed if not name.endswith(_SECRET)],
        secrets=[name for name, value in typed if name.endswith(_SECRET) and value],
        sent_token=request.form.get(csrf.FIELD, "") if status == 401 else None,
    )
