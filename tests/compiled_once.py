"""What would be compiled anew, though it is the same: modules by each process, routes and SQL by each app."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from copy import copy
from pathlib import Path
from typing import Any

import pytest
from werkzeug.routing import Rule

BOUND = ("_build", "_build_unknown")
COMPILED = ("_parts", "_trace", "_converters", "arguments", *BOUND)


def keep_bytecode() -> None:
    """Whatever the environment says: this process, its workers and hundreds of others import the same modules."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


def rewrite_asserts_once(config: pytest.Config) -> None:
    """Before the workers start: in a fresh clone each would rewrite every file of tests for itself.

    By functions of pytest's own: with a version that has other ones they do.
    """
    with suppress(ImportError, AttributeError, TypeError, OSError):
        from _pytest.assertion import rewrite

        for file in _files_of_tests(config.args):
            pyc = rewrite.get_cache_dir(file) / (file.stem + rewrite.PYC_TAIL)
            if rewrite._read_pyc(file, pyc) is None:
                pyc.parent.mkdir(exist_ok=True)
                state = config.stash[rewrite.assertstate_key]
                kept, code = rewrite._rewrite_test(file, config)
                rewrite._write_pyc(state, code, kept, pyc)  # type: ignore[arg-type]


def _files_of_tests(arguments: list[str]) -> Iterator[Path]:
    for place in {Path(each.partition("::")[0]) for each in arguments}:
        if place.is_dir():
            yield from sorted({*place.rglob("test_*.py"), *place.rglob("conftest.py")})


def compile_routes_once() -> None:
    """From now on all apps of this process share what Werkzeug makes of equal rules: to compile them takes longer than
    to make all else of an app.

    It is kept in attributes of Werkzeug's own: a version that has other ones only takes longer.
    """
    compiled: Any = Rule.compile
    made: dict[tuple[Any, ...], dict[str, Any]] = {}

    def shared(rule: Any) -> None:
        converters = tuple(rule.map.converters.items())
        settings = rule.merge_slashes, rule.map.merge_slashes, rule.map.host_matching, repr(rule.defaults)
        key = (type(rule), rule.rule, rule.subdomain, rule.host, *settings, converters)
        if key not in made:
            compiled(rule)
            made[key] = {name: value for name in COMPILED if (value := getattr(rule, name, None)) is not None}
            if len(made[key]) < len(COMPILED):
                del made[key]
            return
        for name, value in made[key].items():
            setattr(rule, name, value.__func__.__get__(rule) if name in BOUND else copy(value))

    Rule.compile = shared  # type: ignore[method-assign]


class SharedStatements(dict[Any, Any]):
    """For the execution option ``compiled_cache`` of many engines of one kind of database.

    The first part of each key is the engine's own dialect, which would make every engine compile for itself.
    """

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(key[1:], default)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key[1:], value)
