"""URL rules that match just our routes, and one for everything else under the prefix.

Flask gives an error of routing to the app's handlers alone, never to a blueprint's, and a guest installs none in the
app. So one more rule of ours matches whatever no route of ours matches, nor one that the host has added below our
prefix, and answers with 404 or 405.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import wraps
from typing import Any

from flask import current_app, request
from flask.sansio.blueprints import BlueprintSetupState
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import MethodNotAllowed as HostsMethodNotAllowed
from werkzeug.routing import BaseConverter, Map, MapAdapter, Rule

from ...app_state import current_state
from ...errors import MethodNotAllowed, NotFound
from ...operations.work.watch import refusal_of

Route = tuple[str, str, Callable[..., Any]]
_ID = re.compile(r"<(\w+_id|number)>")


class _Id(BaseConverter):
    """The digits of an id, as text; ``/check`` and ``/orders/refresh`` are none, so they keep their own methods."""

    regex = "[1-9][0-9]{0,18}"


class _Below(BaseConverter):
    """What follows the prefix, if anything does. Werkzeug's redirect of doubled slashes stays where it is on."""

    part_isolating = False

    def __init__(self, map: Map) -> None:
        super().__init__(map)
        self.regex = "(?:/[^/]+)*/?" if map.merge_slashes else r"(?:/(?:.|\n)*)?"


class _Rest(_Below):
    """The same behind a slash."""

    def __init__(self, map: Map) -> None:
        super().__init__(map)
        self.regex = "(?:[^/]+/)*[^/]*" if map.merge_slashes else r"(?:.|\n)*"


_CONVERTERS: dict[str, type[BaseConverter]] = {
    "bigcommerce_id": _Id,
    "bigcommerce_below": _Below,
    "bigcommerce_rest": _Rest,
}


class _OurRule(Rule):
    """A rule with converters that the app's map need not know."""

    provide_automatic_options = True
    """Read by Flask: the rule answers OPTIONS."""

    def get_converter(self, variable_name: str, converter_name: str, args: Any, kwargs: Any) -> BaseConverter:
        if converter_name not in _CONVERTERS:
            return super().get_converter(variable_name, converter_name, args, kwargs)
        assert self.map is not None
        return _CONVERTERS[converter_name](self.map)


class _AnyMethod(set[str]):
    """Every method, but none by name: so the rule adds nothing to what ``Allow`` lists for a path."""

    def __contains__(self, method: object) -> bool:
        # Werkzeug passes a method that does not exist to collect those that exist.
        return method != "--"


class _Elsewhere(_OurRule):
    """The rule for paths that no other rule matches."""

    provide_automatic_options = False

    def __init__(self, path: str, **options: Any) -> None:
        super().__init__(path, **options)
        self.methods = _AnyMethod()


def add_rules(state: BlueprintSetupState, routes: Iterable[Route]) -> None:
    """Add the routes (path below the prefix, method, view) and the rule for what is none of them."""
    prefix = (state.url_prefix or "").rstrip("/")
    for path, method, view in routes:
        _add(state, _OurRule, prefix + _ID.sub(r"<bigcommerce_id:\1>", path) or "/", view, methods=[method, "OPTIONS"])
    for path in _elsewhere(prefix):
        _add(state, _Elsewhere, path, answer_unmatched)


def _elsewhere(prefix: str) -> Iterator[str]:
    """The least specific paths possible: werkzeug matches every other rule below the fixed prefix first."""
    if not prefix:
        return
    if prefix.rpartition("/")[2].endswith(">"):
        yield prefix
        yield f"{prefix}/<bigcommerce_rest:_unmatched>"
    else:
        yield f"{prefix}<bigcommerce_below:_unmatched>"


def _add(state: BlueprintSetupState, kind: type[_OurRule], path: str, view: Callable[..., Any], **options: Any) -> None:
    """As ``BlueprintSetupState.add_url_rule`` does, but for the class of the rule."""
    endpoint = f"{state.name_prefix}.{state.name}.{view.__name__}".lstrip(".")
    rule = kind(path, endpoint=endpoint, defaults=state.url_defaults, subdomain=state.subdomain, **options)
    state.app.url_map.add(rule)
    state.app.view_functions[endpoint] = _reporting_the_database(view)


def _reporting_the_database(view: Callable[..., Any]) -> Callable[..., Any]:
    """The view, with ``NotMigrated`` for a table or column of ours that is not there, ``DatabaseDown`` for a database
    that does not answer.

    No error handler: one for errors of databases would keep the host's own from those that are the host's.
    """

    @wraps(view)
    def answer(**values: Any) -> Any:
        try:
            return view(**values)
        except SQLAlchemyError as error:
            refusal = refusal_of(current_state(), error)
            if refusal is None:
                raise
            raise refusal from None

    return answer


def answer_unmatched(**_values: Any) -> None:
    """Raises ``NotFound``, or ``MethodNotAllowed`` with the methods that the path has.

    It needs no login, as it shows nobody's data. For a path that only the host has it raises the host's own error.
    """
    adapter = current_app.create_url_adapter(request)
    assert adapter is not None
    rules = {method: _rule(adapter, method) for method in adapter.allowed_methods()}
    # What lies behind our rule, such as a page of the host for all paths, is not reached.
    allowed = sorted(method for method, rule in rules.items() if not isinstance(rule, _Elsewhere))
    if not allowed:
        raise NotFound("There is nothing at this path; openapi.json lists what there is.")
    if not any(isinstance(rules[method], _OurRule) for method in allowed):
        raise HostsMethodNotAllowed(valid_methods=allowed)
    raise MethodNotAllowed(allowed)


def _rule(adapter: MapAdapter, method: str) -> Rule | None:
    """The one that answers; None if that is a redirect."""
    with suppress(HTTPException):
        return adapter.match(method=method, return_rule=True)[0]
    return None
