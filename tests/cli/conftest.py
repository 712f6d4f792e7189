"""Commands of ``flask bigcommerce`` within the test's process, and a store that they connect."""

from __future__ import annotations

import json
from collections.abc import Callable
from inspect import signature
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from ..shop import Shop
from ..test_end_to_end import working

Run = Callable[..., Result]
# Before click 8.2 the runner joins the two outputs unless it is told not to.
_APART = {"mix_stderr": False} if "mix_stderr" in signature(CliRunner.__init__).parameters else {}


def run_in(app: Flask, *words: str, **options: Any) -> Result:
    """What a command of ours prints and ends with."""
    return app.test_cli_runner(**_APART).invoke(args=["bigcommerce", *words], **options)


def connect_words(shop: Shop, **changes: str) -> list[str]:
    """The options that connect the shop's store without a question, but for the token, which is standard input."""
    given = {"name": "Main shop", "store-hash": shop.server.store_hash, "start-date": "2010-01-01", "store-id": "7"}
    options = [word for name, value in (given | changes).items() for word in (f"--{name}", value)]
    return ["connect", *options, "--link", "--create", "--no-sync", "--token-file", "-"]


@pytest.fixture
def run(shop: Shop) -> Run:
    """Runs a command in the shop's app."""
    return lambda *words, **options: run_in(shop.app, *words, **options)


def connect(shop: Shop, **changes: str) -> dict[str, Any]:
    """Connect the shop's store from the command line; the new instance."""
    done = run_in(shop.app, *connect_words(shop, **changes), "--json", input=f"{shop.server.access_token}\n")
    assert done.exit_code == 0, done.output
    made: dict[str, Any] = json.loads(done.stdout)["data"]
    shop.instances.append(made)
    return made


@pytest.fixture
def read(shop: Shop) -> Shop:
    """A connected store, all of it read."""
    connect(shop)
    with working(shop.broker):
        shop.wait()
    return shop
