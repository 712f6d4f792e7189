"""MySQL and MariaDB with text of three bytes a character: ours holds every character, the host's spoils one record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from dramatiq.brokers.stub import StubBroker
from sqlalchemy import create_engine, make_url, text

from bigcommerce_integration.sandbox import SandboxStore

from ..host_app import HostApp
from ..services import fresh_database_on, service_url
from .conftest import Connect, Mirror, _connect, payload, writer

LEAF = "B🍃"


@pytest.fixture
def three_bytes() -> Iterator[str]:
    """A MariaDB database whose tables hold three bytes a character, if nothing else is said."""
    with fresh_database_on(service_url("TEST_MARIADB_URL")) as url:
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text(f"ALTER DATABASE {make_url(url).database} CHARACTER SET utf8mb3"))
        engine.dispose()
        yield url


@pytest.fixture
def connect_three_bytes(host_app: HostApp, broker: StubBroker, three_bytes: str) -> Iterator[Connect]:
    with ExitStack() as stack:
        yield _connect(stack, host_app, broker, three_bytes)


def charsets(mirror: Mirror) -> dict[str, str]:
    statement = text(
        "SELECT table_name, table_collation FROM information_schema.tables WHERE table_schema = DATABASE()"
    )
    return mirror.transaction(lambda session: {row[0]: row[1] for row in session.execute(statement)})


@pytest.mark.parametrize("auto_create", [True, False])
@pytest.mark.parametrize("auto_link", [True, False])
def test_a_wide_sku_spoils_its_own_link_alone(connect_three_bytes: Connect, auto_link: bool, auto_create: bool):
    settings = {
        "integration_settings__auto_link_products": auto_link,
        "integration_settings__auto_create_products": auto_create,
    }
    mirror = connect_three_bytes(SandboxStore(0, 0), **settings)
    ours = [table.name for table in mirror.engine.tables.named().values()]
    assert {name: found[:7] for name, found in charsets(mirror).items() if name in ours} == dict.fromkeys(
        ours, "utf8mb4"
    )
    plain = mirror.add_host_product("BOWL-L")
    odd = payload("products", 0, sku=LEAF)
    odd["variants"][0]["sku"] = LEAF
    assert writer(mirror, "products").write(odd)["created"] == 1
    wide, narrow = mirror.rows("variants")
    assert (wide["sku"], wide["host_product_id"]) == (LEAF, None)
    assert narrow["host_product_id"] == (plain if auto_link else None)
    if auto_link or auto_create:
        assert "CONVERT TO CHARACTER SET utf8mb4" in wide["link_conflict"]


@pytest.mark.parametrize("level", ["product", "variant"])
def test_an_own_table_of_three_bytes_rejects_one_record(connect_three_bytes: Connect, level: str):
    store = SandboxStore(4, 0, awkward=False)
    bad, *good = store.product_ids
    mirror = connect_three_bytes(store, integration_settings__auto_link_products=True)
    for name in ("bigcommerce_products", "bigcommerce_variants"):
        mirror.execute(text(f"ALTER TABLE {name} CONVERT TO CHARACTER SET utf8mb3"))
    if level == "product":
        store.edit_product(bad, sku=LEAF)
    else:
        store.edit_variant(store.products[bad].variants[0].id, sku=LEAF)
    mirror.completed("products")
    assert mirror.ids("products") == good
    (rejected,) = mirror.rows("rejected_records")
    assert (rejected["bigcommerce_id"], "CONVERT TO CHARACTER SET utf8mb4" in rejected["reason"]) == (bad, True)
