"""A headless Chromium, where there is one, that fails a test for what a person would find in its console."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, NoReturn

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")


def executable() -> str:
    """Where it is; the test is skipped, with the reason, where it or Playwright is missing."""
    if find_spec("playwright") is None:
        _miss("needs pip install 'bigcommerce_integration[browser]'")
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        _miss("needs Chromium, such as Debian's package chromium")
    return found


def _miss(reason: str) -> NoReturn:
    """Skip the test; where everything must be there, as in .ci/run, fail it."""
    if os.environ.get("REQUIRE_SERVICES"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def browsers() -> Iterator[Any]:
    """A Chromium that makes as many persons' browsers as are wanted."""
    path = executable()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # As root, as in a container, there is no sandbox to be had; it opens nothing but pages of the test.
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        try:
            yield chromium
        finally:
            chromium.close()


def watched(page: Any, complaints: list[str]) -> Any:
    """The page; what it writes to the console as an error, such as a violated policy, is noted."""

    def hear(message: Any) -> None:
        # A 4xx that the test is about is no mistake of the page.
        if message.type == "error" and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.set_default_timeout(30_000)
    return page
