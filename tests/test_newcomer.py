"""A stranger types the README's host app in, makes it their own, and connects a store; with the wrong turns, too.

A slow test, which `.ci/run` runs by itself. Each host app is made from the README's own blocks.
"""

from __future__ import annotations

import sqlite3
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from .services import fresh_database
from .stranger import HOST, Stranger, bash, changed, json_values, stranger_in, wait_until

pytestmark = pytest.mark.slow

FIRST_REFRESH_S = 300
README_PRODUCT = "class Product(Named, db.Model): sku = Column(String(255), index=True)"
OWN_PRODUCT = """class Product(db.Model):
    id = Column({kind}, primary_key=True, default={new})
    name = Column(String(255))
    sku = Column(String(255), index=True)"""
KEYS = {
    "integer": README_PRODUCT,
    "uuid": OWN_PRODUCT.format(kind="Uuid", new="uuid4"),
    "string": OWN_PRODUCT.format(kind="String(36)", new="lambda: str(uuid4())"),
}
README_ARGUMENTS = "**models, may=lambda action, instance: True)"
COMPANY = (
    "**models, may=lambda action, instance: True, tenant=lambda: '1',\n"
    "    tenant_column={Integration: None, Store: 'company_id', NominalCode: 'company_id',"
    " Product: 'company_id'})"
)


def typed_in(*, key: str, has_companies: bool, schema: str | None) -> str:
    """The README's ``host.py`` as a company would have it."""
    code = "from uuid import uuid4\nfrom sqlalchemy import MetaData, Uuid\n" + changed(HOST, README_PRODUCT, KEYS[key])
    if schema is not None:
        code = changed(code, "db = SQLAlchemy()", f'db = SQLAlchemy(metadata=MetaData(schema="{schema}"))')
    if has_companies:
        code = changed(code, README_ARGUMENTS, COMPANY)
        for name in ("Store", "NominalCode"):
            code = changed(
                code,
                f"class {name}(Named, db.Model): ...",
                f"class {name}(Named, db.Model): company_id = Column(Integer)",
            )
        code = changed(code, 'Store(name="Main")', 'Store(name="Main", company_id=1)')
        if key == "integer":
            sku = "sku = Column(String(255), index=True)"
            code = changed(code, sku, f"{sku}; company_id = Column(Integer)")
        else:
            code = changed(code, "    sku = Column", "    company_id = Column(Integer)\n    sku = Column")
    return code


@pytest.fixture
def stranger(tmp_path: Path) -> Stranger:
    return stranger_in(tmp_path)


def statuses(instance: dict[str, Any]) -> set[str]:
    return {refresh["status"] for refresh in instance["refreshes"]}


@pytest.mark.parametrize(
    ("database", "key", "has_companies", "schema"),
    [
        ("sqlite", "integer", True, None),
        ("sqlite", "uuid", False, None),
        ("sqlite", "string", True, None),
        ("postgresql", "integer", False, "shop"),
        ("postgresql", "uuid", True, "shop"),
        ("postgresql", "string", False, None),
    ],
)
def test_an_own_host_app_has_its_first_refresh(
    stranger: Stranger, tmp_path: Path, database: str, key: str, has_companies: bool, schema: str | None
) -> None:
    with fresh_database(database, tmp_path) as url:
        if schema is not None:
            engine = create_engine(url)
            with engine.begin() as connection:
                connection.execute(text(f"CREATE SCHEMA {schema}"))
            engine.dispose()
        stranger.type_in(typed_in(key=key, has_companies=has_companies, schema=schema))
        ready = replace(stranger, database_url=url).set_up()
        with ready.processes():
            # Every product is made in the host.
            connect = changed(ready.connect, '"auto_create_products": false', '"auto_create_products": true')
            checked, made = json_values(bash(connect, ready.environment, tmp_path))
            assert checked["data"]["is_ready"] is True
            assert made["warnings"] == []

            def is_done() -> bool:
                (one,) = json_values(ready.api("/1"))
                return statuses(one["data"]) == {"completed"}

            wait_until(is_done, "the first refreshes", tmp_path, timeout_s=FIRST_REFRESH_S)
            (shown,) = json_values(ready.api("'/1/variants?limit=100'"))
        ids = [each["host_product_id"] for each in shown["data"] if each["host_product_id"] is not None]
        assert ids
        assert {type(each) for each in ids} == {int if key == "integer" else str}


# -- wrong turns: each says what to do ---------------------------------------------------------------------------------


def stderr_of(script: str, stranger: Stranger) -> str:
    """What a command that fails prints."""
    done = subprocess.run(
        ["bash", "-euc", script],
        env=stranger.environment,
        cwd=stranger.directory,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode != 0
    return done.stderr + done.stdout


def test_without_a_key_the_app_says_how_to_make_one(stranger: Stranger) -> None:
    stranger.type_in(HOST)
    lines = [line for line in stranger.start[:-3] if "ENCRYPTION_KEYS" not in line]
    assert "python -m bigcommerce_integration generate-key" in stderr_of("\n".join(lines), stranger)


def test_without_tables_the_answer_names_the_migration(stranger: Stranger) -> None:
    stranger.type_in(HOST)
    ready = stranger.set_up()
    with sqlite3.connect(stranger.directory / "host.db") as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'bigcommerce%'")
        for (name,) in tables.fetchall():
            connection.execute(f"DROP TABLE {name}")
    with ready.processes(has_worker=False):
        told = stderr_of(ready.connect, ready)
    assert "flask db upgrade" in told
    assert "bigcommerce_instances" in told


def test_wrong_token_is_reported_at_its_field(stranger: Stranger) -> None:
    stranger.type_in(HOST)
    ready = stranger.set_up()
    with ready.processes(has_worker=False):
        script = ready.connect.replace('"your-token"', '"not-the-token"').replace("api /check -d @shop.json\n", "")
        told = stderr_of(script, ready)
    assert "connection_settings.access_token" in told
    assert "does not accept the access token" in told
    assert "not-the-token" not in told


def test_without_a_worker_the_refresh_says_so(stranger: Stranger) -> None:
    stranger.type_in(HOST)
    ready = stranger.set_up()
    with ready.processes(has_worker=False):
        bash(ready.connect, ready.environment, stranger.directory)

        def is_told() -> bool:
            (one,) = json_values(ready.api("/1"))
            return all(
                "No worker is running" in each["message"] for each in one["data"]["refreshes"] if each["message"]
            )

        wait_until(is_told, "the missing worker to be told", stranger.directory)
        (one,) = json_values(ready.api("/1"))
        assert "dramatiq" in one["data"]["refreshes"][0]["message"]
