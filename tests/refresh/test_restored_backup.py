"""A database that goes back in time, as it does when a backup is restored."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from bigcommerce_integration.sandbox import SandboxStore

from .conftest import Connect, Mirror

TOLD = ("products", "orders")


def database_file(mirror: Mirror) -> Path:
    with mirror.app.app_context():
        engine = mirror.host_app.db.engine
        engine.dispose()
        path = make_url(engine.url).database
    assert path is not None
    return Path(path)


def note_what_the_host_is_told(mirror: Mirror) -> dict[str, list[int]]:
    """The ids that the host's methods get from now on."""
    told: dict[str, list[int]] = {resource: [] for resource in TOLD}

    def note(resource: str) -> Any:
        return lambda session, instance, ids: told[resource].extend(ids)

    for resource in TOLD:
        setattr(mirror.host, f"{resource}_changed", note(resource))
    return told


def test_changes_after_a_backup_come_again(connect: Connect, tmp_path: Path) -> None:
    mirror = connect(SandboxStore(30, 30, awkward=False)).completed()
    store = mirror.store
    backup = tmp_path / "backup.db"
    shutil.copy(database_file(mirror), backup)

    product, order = store.product_ids[3], store.order_ids[4]
    store.edit_product(product, name="Renamed after the backup")
    store.edit_order(order, status_id=5)
    made = store.create_order(lines=2)
    mirror.again("products", "orders", mode="incremental").assert_mirrors_the_store()

    database = database_file(mirror)
    shutil.copy(backup, database)
    assert made not in mirror.ids("orders")
    told = note_what_the_host_is_told(mirror)
    mirror.again("products", "orders", mode="incremental").assert_mirrors_the_store()
    assert product in told["products"]
    assert {order, made} <= set(told["orders"])


def test_a_refresh_that_a_backup_holds_goes_on(connect: Connect, tmp_path: Path) -> None:
    settings = {"page_size": 8, "concurrency": 1, "slice_s": 0.1}
    mirror = connect(SandboxStore(30, 30, awkward=False), settings=settings, latency_ms=60)
    mirror.advance("orders")
    backup = tmp_path / "backup.db"
    shutil.copy(database_file(mirror), backup)
    at_backup = mirror.refresh("orders")
    assert (at_backup["status"], at_backup["fetched"] < 30) == ("processing", True)
    mirror.completed("orders")
    mirror.store.edit_order(mirror.store.order_ids[0], status_id=5)

    shutil.copy(backup, database_file(mirror))
    mirror.completed("orders", "products")
    mirror.again("orders", mode="incremental").assert_mirrors_the_store()
