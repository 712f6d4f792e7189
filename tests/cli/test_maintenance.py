"""``tick`` and ``rotate-keys``, and the list of commands."""

from __future__ import annotations

from pathlib import Path

import pytest
from dramatiq.brokers.stub import StubBroker
from flask import Flask
from sqlalchemy import select, update

from bigcommerce_integration.encryption import TokenCipher, generate_key
from bigcommerce_integration.models import tables
from bigcommerce_integration.worker import actors

from ..host_app import ACCESS_TOKEN, ENCRYPTION_KEY, HostApp, bearer, new_instance

URL = "/api/big-commerce"


def test_tick_sends_what_is_due_and_says_how_many(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actors, "tick_once", lambda state: 3)
    done = app.test_cli_runner().invoke(args=["bigcommerce", "tick"])
    assert (done.exit_code, done.output) == (0, "3 hints sent.\n")


def test_tick_on_a_database_in_memory_says_what_to_do(host_app: HostApp, broker: StubBroker) -> None:
    app = host_app.create_app("sqlite://", broker=broker)
    done = app.test_cli_runner().invoke(args=["bigcommerce", "tick"])
    assert done.exit_code == 1
    assert done.output.startswith("Error: An in-memory SQLite database")
    host_app.dispose(app)


def test_rotate_keys_encrypts_all_tokens_with_the_first_key(any_app: Flask, host_app: HostApp, broker: object) -> None:
    app = any_app
    for name in ("One", "Two", "Three"):
        app.test_client().post(URL, json=new_instance(name=name), headers=bearer(app))
    new_key = generate_key()
    settings = {"BIGCOMMERCE_ENCRYPTION_KEYS": [new_key, ENCRYPTION_KEY]}
    rotating = host_app.create_app(app.config["SQLALCHEMY_DATABASE_URI"], broker=broker, settings=settings)  # type: ignore[arg-type]
    done = rotating.test_cli_runner().invoke(args=["bigcommerce", "rotate-keys"])
    assert (done.exit_code, done.output) == (0, "3 access tokens encrypted with the first key.\n")
    stored = host_app.scalars(rotating, select(tables.instances.c.access_token))
    assert [TokenCipher([new_key]).decrypt(each).reveal() for each in stored] == [ACCESS_TOKEN] * 3
    host_app.dispose(rotating)


def test_rotate_keys_changes_nothing_if_one_token_cannot_be_read(app: Flask, host_app: HostApp) -> None:
    client, headers = app.test_client(), bearer(app)
    for name in ("One", "Two"):
        client.post(URL, json=new_instance(name=name), headers=headers)
    lost = TokenCipher([generate_key()]).encrypt("x")
    with app.app_context():
        host_app.db.session.execute(
            update(tables.instances).where(tables.instances.c.id == 2).values(access_token=lost)
        )
        host_app.db.session.commit()
    before = host_app.scalars(app, select(tables.instances.c.access_token))
    done = app.test_cli_runner().invoke(args=["bigcommerce", "rotate-keys"])
    assert done.exit_code == 1
    assert "Instance 2" in done.output
    assert "Nothing was changed" in done.output
    assert host_app.scalars(app, select(tables.instances.c.access_token)) == before


def test_the_commands_are_listed_under_our_name(app: Flask, tmp_path: Path) -> None:
    done = app.test_cli_runner().invoke(args=["bigcommerce", "--help"])
    assert "rotate-keys" in done.output
    assert "tick" in done.output
