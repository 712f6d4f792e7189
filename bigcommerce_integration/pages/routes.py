"""Which address shows which page."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import login, refusals
from .views import connect, refreshes, settings, store, stores

if TYPE_CHECKING:
    from .blueprint import PagesBlueprint

_REFRESH = "/<int:instance_id>/refreshes/<int:refresh_id>"
Route = tuple[str, str, Callable[..., Any]]

ROUTES: tuple[Route, ...] = (
    ("/", "GET", stores.get_stores),
    ("/session", "POST", login.post_session),
    ("/session", "DELETE", login.delete_session),
    ("/connect", "GET", connect.get_connect),
    ("/connect", "POST", connect.post_connect),
    ("/<int:instance_id>", "GET", store.get_store),
    ("/<int:instance_id>/live", "GET", store.get_live),
    ("/<int:instance_id>/settings", "GET", settings.get_settings),
    ("/<int:instance_id>/settings", "POST", settings.post_settings),
    ("/<int:instance_id>/disconnect", "GET", settings.get_disconnect),
    ("/<int:instance_id>/disconnect", "POST", settings.post_disconnect),
    ("/<int:instance_id>/refresh", "GET", refreshes.get_refresh_form),
    ("/<int:instance_id>/refresh", "POST", refreshes.post_refresh_form),
    ("/<int:instance_id>/refreshes", "GET", refreshes.get_refreshes),
    (_REFRESH, "GET", refreshes.get_refresh),
    (f"{_REFRESH}/live", "GET", refreshes.get_refresh_live),
    (f"{_REFRESH}/cancel", "POST", refreshes.post_cancel),
    (f"{_REFRESH}/retry", "POST", refreshes.post_retry),
    (f"{_REFRESH}/allow-deletion", "POST", refreshes.post_allow_deletion),
)
"""Path below the prefix, method, view. The name of a view that reads a file as a stream begins with ``upload_``."""
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def add_routes(blueprint: PagesBlueprint) -> None:
    """The routes, and the page of every other address below the prefix."""
    for path, method, view in ROUTES:
        blueprint.add_url_rule(path, view.__name__, view, methods=[method])
    # Flask gives an error of routing to the app's handlers alone, which may answer in JSON.
    blueprint.add_url_rule("/<path:_rest>", "not_found", refusals.not_found, methods=_METHODS)
