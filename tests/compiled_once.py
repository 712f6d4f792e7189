"""What would be compiled anew, though it is the same: modules by each process, routes and SQL by each app."""

from __future__ import annotations

import os
import sys
from typing import Any

from werkzeug.routing import Rule


def keep_bytecode() -> None:
    """Whatever the environment says: this process, its workers and hundreds of others import the same modules."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


def compile_routes_once() -> None:
    """From now on all apps of this process share the functions that build the URLs of equal rules.

    They are made by a method of Werkzeug's own: a version that has none of this name only takes longer.
    """
    compiled: Any = getattr(Rule, "_compile_builder", None)
    builders: dict[tuple[Any, ...], Any] = {}

    def shared(rule: Any, append_unknown: bool = True) -> Any:
        converters = tuple((name, type(each)) for name, each in rule._converters.items())
        key = (append_unknown, tuple(rule._trace), repr(rule.defaults), converters)
        if key not in builders:
            builders[key] = compiled(rule, append_unknown)
        return builders[key]

    if compiled is not None:
        Rule._compile_builder = shared  # type: ignore[method-assign]


class SharedStatements(dict[Any, Any]):
    """For the execution option ``compiled_cache`` of many engines of one kind of database.

    The first part of each key is the engine's own dialect, which would make every engine compile for itself.
    """

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(key[1:], default)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key[1:], value)
