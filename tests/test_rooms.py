"""The size of the house: a room that outgrows it has a second subject, and so has a function."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import bigcommerce_integration

ROOT = Path(bigcommerce_integration.__file__).parent
MOST_FILES = 9
MOST_LINES = 40
FILES = sorted(ROOT.rglob("*.py"))


def lengths(source: str) -> Iterator[tuple[str, int]]:
    """Each function with its lines, without those of its docstring."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            described = (first.end_lineno or 0) - first.lineno + 1 if is_docstring else 0
            yield node.name, (node.end_lineno or 0) - node.lineno + 1 - described


def test_no_room_has_more_than_nine_files() -> None:
    counts = Counter(path.parent for path in FILES if path.name != "__init__.py")
    assert len(counts) > 40, "all rooms are looked at"
    assert {str(room.relative_to(ROOT)): count for room, count in counts.items() if count > MOST_FILES} == {}


def test_no_function_has_more_than_forty_lines() -> None:
    found = [(path.name, *each) for path in FILES for each in lengths(path.read_text("utf-8"))]
    assert len(found) > 2000, "all functions are looked at"
    assert [each for each in found if each[2] > MOST_LINES] == []


def test_a_docstring_is_no_part_of_a_function() -> None:
    assert list(lengths('def one():\n    """Says.\n\n    More.\n    """\n    return 1\n')) == [("one", 2)]
