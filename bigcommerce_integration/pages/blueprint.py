"""The blueprint of the operator's pages, apart from the API's and off unless it is registered."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, request

from ..app_state import EXTENSION
from ..errors import ConfigError
from ..version import __version__
from . import login, refusals
from .render import POLICY
from .routes import add_routes

NAME = "bigcommerce_pages"
DEFAULT_URL_PREFIX = "/big-commerce"
OWN_BASE_TEMPLATE = "bigcommerce/base.html"
_PACKAGE = Path(__file__).parent.parent
_YEAR_S = 365 * 24 * 3600


def create_pages(
    *,
    login_url: str | Callable[[], str],
    base_template: str | None = None,
    url_prefix: str = DEFAULT_URL_PREFIX,
) -> Blueprint:
    """The blueprint of the pages; register it after that of ``create_blueprint``, in the same app.

    ``login_url`` is where a person logs in: a path, a URL, or a function that returns one. The page to come back to is
    added as ``next``, a path. ``base_template`` is a template of the host that ours extend, with the blocks ``title``,
    ``head`` and ``content``. ``ConfigError`` for an argument that is none of these.
    """
    if not callable(login_url) and not (isinstance(login_url, str) and login_url):
        raise ConfigError(f"login_url must be a path, a URL or a function that returns one, not {login_url!r}.")
    if base_template is not None and not (isinstance(base_template, str) and base_template):
        raise ConfigError(f"base_template must be the name of a template of the app, not {base_template!r}.")
    _require_prefix("create_pages", url_prefix)
    return PagesBlueprint(login_url, base_template, url_prefix.rstrip("/"))


def _require_prefix(where: str, prefix: object) -> None:
    if not isinstance(prefix, str) or not prefix.startswith("/") or not prefix.strip("/"):
        raise ConfigError(f"{where}: url_prefix must be a path such as {DEFAULT_URL_PREFIX}, not {prefix!r}.")


class PagesBlueprint(Blueprint):
    """The pages with what the host chose; it keeps nothing of an app."""

    def __init__(self, login_url: str | Callable[[], str], base_template: str | None, url_prefix: str) -> None:
        super().__init__(
            NAME,
            __package__.rpartition(".")[0],
            url_prefix=url_prefix,
            template_folder="templates",
            static_folder="static",
            static_url_path=f"/static/{_static_version()}",
        )
        self.login_url = login_url
        self.base_template = base_template
        self.before_request(login.require_login)
        self.after_request(self._add_headers)
        add_routes(self)
        refusals.add_handlers(self)

    def register(self, app: Flask, options: dict[str, Any]) -> None:  # type: ignore[override]
        """Raises ``ConfigError``, which says what to do, for an app in which no page could work."""
        if EXTENSION not in app.extensions:
            raise ConfigError(
                "The pages show what the BigCommerce blueprint keeps: register that first, with "
                "app.register_blueprint(bigcommerce_integration.create_blueprint(…))."
            )
        prefix = options.get("url_prefix", self.url_prefix)
        _require_prefix("The pages", prefix)
        assert isinstance(prefix, str)
        _require_cookie_path(app, prefix)
        super().register(app, options)

    def get_send_file_max_age(self, filename: str | None) -> int:  # noqa: ARG002 - Flask's signature
        """A year: a new version of a file has a new URL."""
        return _YEAR_S

    def _add_headers(self, response: Response) -> Response:
        """The headers of a page, as far as the host has not set its own."""
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        # Not no-referrer: a browser would send "Origin: null" with our forms.
        response.headers.setdefault("Referrer-Policy", "same-origin")
        if request.endpoint is not None and request.endpoint.endswith(".static"):
            return response
        response.headers["Cache-Control"] = "no-store"
        if self.base_template is None:
            response.headers.setdefault("Content-Security-Policy", POLICY)
        return response


def _require_cookie_path(app: Flask, prefix: str) -> None:
    """A login cookie that the browser does not send to the pages would lead from login to login for ever."""
    path = str(app.config.get("JWT_ACCESS_COOKIE_PATH", "/"))
    if not f"{prefix.rstrip('/')}/".startswith(f"{path.rstrip('/')}/"):
        raise ConfigError(
            f"JWT_ACCESS_COOKIE_PATH is {path!r}, so browsers do not send the login to the pages below {prefix!r}: "
            "set it to '/', or register the pages below it."
        )


def _static_version() -> str:
    """The version, and a digest of the files, so that a file that changed has another URL."""
    digest = hashlib.sha256()
    for path in sorted((_PACKAGE / "static").iterdir()):
        digest.update(path.read_bytes())
    return f"{__version__}-{digest.hexdigest()[:8]}"
