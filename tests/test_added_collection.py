"""The handbook's "Add a collection", done in a copy of the project by its blocks alone."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .stranger import BLOCKS, ROOT, Block

SECTION = "Add a collection"
COPIED = ("bigcommerce_integration", "tests", "pyproject.toml")
CHECKS = (
    ("ruff", "check", "bigcommerce_integration/resources"),
    ("mypy", "-p", "bigcommerce_integration.resources"),
    ("pytest", "-q", "-p", "no:cacheprovider", "-n", "0", "tests/refresh/test_customers.py"),
    ("pytest", "-q", "-p", "no:cacheprovider", "-n", "0", "tests/openapi/test_document.py"),
)


def apply(block: Block, directory: Path) -> None:
    """Save the block's code, or change what it names."""
    file = directory / block.place
    if block.language == "python":
        file.write_text(block.code)
        return
    lines = block.code.splitlines()
    while lines:
        removed = next(at for at, line in enumerate(lines) if line.startswith("+"))
        added = next((at for at, line in enumerate(lines[removed:], removed) if line.startswith("-")), len(lines))
        old, new = ("".join(f"{line[1:]}\n" for line in part) for part in (lines[:removed], lines[removed:added]))
        text = file.read_text()
        assert text.count(old) == 1, old
        file.write_text(text.replace(old, new))
        lines = lines[added:]


@pytest.mark.slow
def test_a_collection_is_added_by_the_handbook_alone(tmp_path: Path) -> None:
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    blocks = [block for block in BLOCKS if block.section == SECTION]
    assert [block.language for block in blocks] == ["python", "diff", "python"]
    for block in blocks:
        apply(block, tmp_path)
    for command in CHECKS:
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
