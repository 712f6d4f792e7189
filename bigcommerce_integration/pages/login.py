"""Who uses the pages: the host's JWT in its cookie, and the forms that this person sends."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from flask import Response, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_jwt_extended import get_csrf_token, get_jwt, get_jwt_identity, verify_jwt_in_request
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt.exceptions import PyJWTError

from ..app_state import current_state
from ..errors import BodyTooLarge, Forbidden, NotFound
from ..operations import context
from ..operations.choices import Choices
from ..operations.choices import choices as host_choices
from ..operations.context import Caller, RequestContext
from ..operations.work.watch import require_database
from ..resources.values import INT64_MAX
from . import csrf

if TYPE_CHECKING:
    from .blueprint import PagesBlueprint

MAX_FORM_BYTES = 64 * 1024
_WITHOUT_LOGIN = ("static", "post_session", "delete_session")
_NOT_LOGGED_IN = (JWTExtendedException, PyJWTError)
_UPLOAD = "upload_"
SAFE = ("GET", "HEAD", "OPTIONS")


class LoginNeeded(Exception):
    """A POST without a login."""


class WrongForm(Exception):
    """A POST with a hidden field that was made for somebody else, or with keys that are gone."""


def require_login() -> ResponseReturnValue | None:
    """Before each request: who calls, and that a POST is meant; else the way to the login, or a refusal.

    Raises ``DatabaseDown``, ``Forbidden`` for a POST of another site, ``LoginNeeded`` and ``WrongForm``.
    """
    endpoint = _own_endpoint()
    if endpoint in _WITHOUT_LOGIN:
        return None
    # First: the host's own hooks of a login may ask the database, and wait for ever.
    require_database(current_state())
    is_post = request.method not in SAFE
    if is_post and not csrf.is_from_this_site(request):
        raise Forbidden("This form was sent from another site, so nothing was done.")
    try:
        verify_cookie()
    except _NOT_LOGGED_IN:
        return _without_login(endpoint, is_post=is_post)
    identity = get_jwt_identity()
    g.bigcommerce_caller = context.caller_named(current_state(), None if identity is None else str(identity))
    if is_post:
        _require_own_form()
    return None


def verify_cookie() -> None:
    """Raises what Flask-JWT-Extended does unless its cookie holds a login; its own check of forms is met by us."""
    encoded = request.cookies.get(current_app.config["JWT_ACCESS_COOKIE_NAME"])
    if encoded and request.method in current_app.config["JWT_CSRF_METHODS"]:
        with suppress(*_NOT_LOGGED_IN, KeyError):
            name = current_app.config["JWT_ACCESS_CSRF_HEADER_NAME"].upper().replace("-", "_")
            request.environ[f"HTTP_{name}"] = get_csrf_token(encoded)
    verify_jwt_in_request(locations=["cookies"])


def _without_login(endpoint: str, *, is_post: bool) -> ResponseReturnValue:
    if is_post:
        _require_short_form()
        raise LoginNeeded
    if endpoint.endswith("_live"):
        return Response(status=401)
    return redirect(_login_address())


def takes_file() -> bool:
    """Whether the request is to a view that reads a file: nobody else may read its body."""
    return _own_endpoint().startswith(_UPLOAD)


def _require_own_form() -> None:
    if takes_file():
        # The file is read as a stream, so what is beside it stands in the query.
        given = request.args.get(csrf.FIELD, "")
    else:
        _require_short_form()
        given = request.form.get(csrf.FIELD, "")
    if not csrf.is_form_token(current_state().config.encryption_keys, caller().name or "", given):
        raise WrongForm


def _require_short_form() -> None:
    length = request.content_length
    if length is None and "Transfer-Encoding" in request.headers:
        raise BodyTooLarge("A form must say how long it is.")
    if not takes_file() and (length or 0) > MAX_FORM_BYTES:
        raise BodyTooLarge(f"A form must not exceed {MAX_FORM_BYTES} bytes.")


def form_token() -> str:
    """The value of the hidden field for the person who is logged in."""
    return csrf.form_token(current_state().config.encryption_keys, caller().name or "")


def caller() -> Caller:
    """The person who is logged in."""
    return cast(Caller, g.bigcommerce_caller)


def choices() -> Choices:
    """What the host offers this person to choose from."""
    return host_choices(caller())


def is_logged_in() -> bool:
    """Whether ``caller`` has an answer."""
    return "bigcommerce_caller" in g


def authorize(action: str, instance_id: int, *, while_deleting: bool = False) -> RequestContext:
    """The caller's instance, once tenant and ``may`` agree; ``NotFound`` or ``Forbidden``."""
    return context.authorize(caller(), action, checked_id(instance_id), while_deleting=while_deleting)


def checked_id(given: int) -> int:
    """The id in a path; ``NotFound`` for one that no row can have."""
    if not 1 <= given <= INT64_MAX:
        raise NotFound("There is no such page.")
    return given


def current_pages() -> PagesBlueprint:
    """The blueprint that answers."""
    assert request.blueprint is not None
    return cast("PagesBlueprint", current_app.blueprints[request.blueprint])


def _own_endpoint() -> str:
    return (request.endpoint or "").rpartition(".")[2]


def _login_address() -> str:
    given = current_pages().login_url
    address = given() if callable(given) else given
    path = request.script_root + request.full_path.removesuffix("?")
    return f"{address}{'&' if '?' in address else '?'}next={quote(path, safe='')}"


def post_session() -> ResponseReturnValue:
    """Keep the login that the header holds in a cookie of the pages; for hosts whose front end has it nowhere else."""
    try:
        verify_jwt_in_request(locations=["headers"])
    except _NOT_LOGGED_IN:
        return Response("Send the login in the header, as to the API.", 401, mimetype="text/plain")
    response = Response(status=204)
    response.set_cookie(
        current_app.config["JWT_ACCESS_COOKIE_NAME"],
        _token_in_header(),
        expires=get_jwt().get("exp"),
        path=_path(),
        secure=request.is_secure or bool(current_app.config["JWT_COOKIE_SECURE"]),
        httponly=True,
        samesite="Lax",
    )
    return response


def delete_session() -> ResponseReturnValue:
    """Forget the login of ``post_session``, as when the person logs out of the host."""
    response = Response(status=204)
    response.delete_cookie(current_app.config["JWT_ACCESS_COOKIE_NAME"], path=_path())
    return response


def _token_in_header() -> str:
    """The one that the library has verified: it takes the first value that begins with the type."""
    kind, header = current_app.config["JWT_HEADER_TYPE"], request.headers[current_app.config["JWT_HEADER_NAME"]]
    values = [each.split() for each in header.split(",")]
    return str(next(words[-1] for words in values if words and (not kind or words[0] == kind)))


def _path() -> str:
    return url_for(".get_stores").rstrip("/")
