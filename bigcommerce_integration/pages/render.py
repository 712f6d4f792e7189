"""Templates with what every page needs, in an environment that adds nothing to the host's own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Literal

from flask import Flask, Response, current_app, make_response, request, url_for
from flask.typing import ResponseReturnValue
from jinja2 import Environment, Undefined

from ..app_state import current_state
from ..models.instances import IntegrationInstance
from ..operations.accounting.documents import takes_accounting
from ..operations.explain.host_words import host_link
from ..operations.findings.finding import Action, Finding
from . import csrf, formats, login, words

_EXTENSION = "bigcommerce_integration_pages"
_FOLDER = "bigcommerce/"
_BOOKS = "get_accounting"
POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
"""What a page of ours may load: nothing of others."""
TOKEN_INPUT = "bc-connection_settings-access_token"  # noqa: S105 - the id of a field
"""Where a link leads that is for somebody with a new token."""


def render(template: str, /, *, status: int = 200, **values: Any) -> Response:
    """The page of a template below ``templates/bigcommerce/``.

    Every template has ``may(action, instance)``, ``static(file)``, ``form_token()`` and the filters of ``formats``.
    """
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    context: dict[str, Any] = {}
    app.update_template_context(context)
    pages = login.current_pages()
    context |= {
        "base_template": pages.base_template or f"{_FOLDER}base.html",
        "may": _may,
        "static": lambda name: url_for(".static", filename=name),
        "form_token": login.form_token,
        "token_field": csrf.FIELD,
        "is_logged_in": login.is_logged_in(),
        "user_name": login.caller().name if login.is_logged_in() else None,
        "done": words.DONE.get(request.args.get("done", "")),
        "is_of_refresh": request.args.get("done") in words.OF_REFRESH,
        "token_url": _token_url,
        "find_text": request.args.get("q", "") if _is_at("get_find") else "",
        "words": words,
        "page_url": page_url,
        "file_url": file_url,
        "chosen": chosen,
        "has": _has,
        "link_to": _link_to,
        "finding_url": finding_url,
        "find_url": url_for(".get_find") if _has("get_find") else None,
        "tabs": [each for each in words.TABS if _has(each[0]) and (each[0] != _BOOKS or _takes_accounting())],
    }
    return make_response(_environment(app).get_template(_FOLDER + template).render(context | values), status)


def render_bare(template: str, status: int, /, **values: Any) -> Response:
    """A page with nothing of the host's: no base template, no context, and nobody's permissions."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    context = {"base_template": f"{_FOLDER}base.html", "static": lambda name: url_for(".static", filename=name)}
    page = make_response(_environment(app).get_template(_FOLDER + template).render(context | values), status)
    # The policy that the host's base template would have taken away.
    page.headers.setdefault("Content-Security-Policy", POLICY)
    return page


def as_fragment(answer: Response) -> ResponseReturnValue:
    """The part of a page that the script polls: 304 while it is as ``If-None-Match`` names it."""
    answer.set_etag(hashlib.sha256(answer.get_data()).hexdigest()[:32])
    return answer.make_conditional(request)


def page_url(**changes: Any) -> str:
    """This page's address with some parameters of its query changed; None takes one away."""
    given = {**(request.view_args or {}), **request.args.to_dict(), **changes}
    given.pop("done", None)
    assert request.endpoint is not None
    return url_for(request.endpoint, **{name: value for name, value in given.items() if value is not None})


def file_url(view: str) -> str:
    """The address of the file with what this page lists: it has the same filters."""
    filters = {name: text for name, text in request.args.items() if name not in ("after", "page", "per_page", "done")}
    return url_for(f".{view}", **{**(request.view_args or {}), **filters})


def chosen(names: Iterable[str]) -> dict[str, str]:
    """Which of these filters are in the address."""
    return {name: request.args[name] for name in names if request.args.get(name)}


def _link_to(instance: IntegrationInstance, kind: Literal["product", "order"], key: Any) -> str | None:
    """Where the host shows its product with this key, or the order with this BigCommerce id; None if nowhere."""
    caller = login.caller()
    return host_link(caller.on(instance), kind, key)


def _token_url(instance: IntegrationInstance) -> str:
    """The field of the access token."""
    return url_for(".get_settings", instance_id=instance.id, _anchor=TOKEN_INPUT)


def _is_at(view: str) -> bool:
    return request.endpoint == f"{request.blueprint}.{view}"


def _environment(app: Flask) -> Environment:
    """The host's environment, so that its templates and functions are there, with filters of our own laid over it."""
    made: Environment | None = app.extensions.get(_EXTENSION)
    if made is None:
        made = app.jinja_env.overlay(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=Undefined)
        made.filters = {**app.jinja_env.filters, **formats.FILTERS}
        app.extensions[_EXTENSION] = made
    return made


def finding_url(finding: Finding) -> str | None:
    """The page that helps, if there is one and the person may see it."""
    if finding.instance_id is None or finding.link is None:
        return None
    page = finding.link.partition("?")[0].partition("/")[0]
    if not _has(f"get_{page}"):
        return None
    anchor = f"#{TOKEN_INPUT}" if finding.action == Action.NEW_TOKEN else ""
    return f"{url_for('.get_store', instance_id=finding.instance_id)}/{finding.link}{anchor}"


def _takes_accounting() -> bool:
    """Whether the host has books: without them there is nothing to look at."""
    return login.is_logged_in() and takes_accounting(login.caller())


def _has(view: str) -> bool:
    return f"{request.blueprint}.{view}" in current_app.view_functions


def _may(action: str, instance: IntegrationInstance | None = None) -> bool:
    """Whether the person may do it: what they may not do is not shown."""
    return login.is_logged_in() and bool(current_state().host.may(action, instance))
