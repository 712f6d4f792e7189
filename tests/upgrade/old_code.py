"""The code of version 0.1.0, from the repository's history."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMMIT = "07680d7"


class NoHistory(Exception):
    """This copy of the project does not have the old commit; the message says why."""


def unpack(directory: Path) -> Path:
    """The old code in a new directory within this one; ``NoHistory`` if this is no clone with its history.

    ``TEST_HISTORY`` names a clone for a copy of the project that is none.
    """
    clone = os.environ.get("TEST_HISTORY", str(ROOT))
    try:
        done = subprocess.run(
            ["git", "-C", clone, "archive", "--format=tar", COMMIT], capture_output=True, check=True, timeout=60
        )
    except FileNotFoundError as error:
        raise NoHistory("git is not installed") from error
    except subprocess.CalledProcessError as error:
        raise NoHistory(f"no commit {COMMIT} here: {error.stderr.decode(errors='replace').strip()}") from error
    target = directory / "version-0.1.0"
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(target, filter="data")
    return target


def environment(old: Path, **variables: str) -> dict[str, str]:
    """That of a process which imports the old code."""
    return {**os.environ, "PYTHONPATH": str(old), **variables}
