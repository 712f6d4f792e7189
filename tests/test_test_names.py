"""A test's name says the case and the outcome, and is short enough to be read in a report."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

LONGEST = 60
FILES = sorted(Path(__file__).parent.rglob("*.py"))


def names(source: str) -> list[str]:
    """The names of the test functions in a file's text, those of methods too."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [node.name for node in ast.walk(ast.parse(source)) if isinstance(node, functions)]
    return [name for name in found if name.startswith("test")]


@pytest.mark.ci
def test_no_test_name_is_longer_than_sixty_characters() -> None:
    found = [f"{path.name}: {name}" for path in FILES for name in names(path.read_text("utf-8"))]
    assert len(found) > 1000, "all tests are looked at"
    assert [each for each in found if len(each.partition(": ")[2]) > LONGEST] == []


@pytest.mark.parametrize(
    "source", ["def test_a(): ...", "class A:\n    def test_a(self): ...", "async def test_a(): ..."]
)
def test_name_of_a_function_or_a_method_is_found(source: str) -> None:
    assert names(source) == ["test_a"]
