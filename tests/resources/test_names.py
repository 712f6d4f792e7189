"""A collection is named where it is declared and where it has something of its own, and nowhere else."""

from __future__ import annotations

import ast
from pathlib import Path

import bigcommerce_integration
from bigcommerce_integration.resources.registry import REGISTRY

PACKAGE = Path(bigcommerce_integration.__file__).parent
NAMES = {*REGISTRY.names, *(child.name for each in REGISTRY for child in each.children)}
ITS_OWN = (
    "resources/",
    "refresh/run/",
    # Which rows a list wants, and why a record is not there.
    *(f"{room}/{name}.py" for room in ("operations/lists", "web/mirror") for name in sorted(NAMES)),
    "operations/explain/",
    # Whose person a record is about.
    "operations/privacy/erasure.py",
    # Fields of an order, one of which has the name of a collection.
    "client/redaction.py",
    # Strangers: a store, and a host that uses what every host does.
    "sandbox/",
    "demo/",
)


def test_nothing_else_names_a_collection():
    found = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if not str(path.relative_to(PACKAGE)).startswith(ITS_OWN)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value in NAMES
    ]
    assert found == []
