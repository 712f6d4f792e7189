"""A worker that is killed as it links what the host has announced: nothing is forgotten, and the next one links it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from bigcommerce_integration import products_added
from bigcommerce_integration.sandbox import SandboxStore

from ..processes import wait_until
from ..services import DATABASES, fresh_database
from ..shop import Shop, opened_for_workers, redis_place
from ..worker_host import WorkerHost
from .forked import supervised

SKUS = ["A", "B", "C"]


@pytest.mark.ci
@pytest.mark.parametrize("kind", DATABASES)
def test_worker_killed_as_it_links_leaves_all_to_the_next(kind: str, tmp_path: Path) -> None:
    marker, store = tmp_path / "held", SandboxStore(0, 0)
    for sku in SKUS:
        (variant,) = store.products[store.create_product(variants=1)].variants
        store.edit_variant(variant.id, sku=sku)
    with fresh_database(kind, tmp_path) as url, redis_place() as (broker_url, namespace):
        host = WorkerHost(url, broker_url, namespace, trouble={"holds_at": str(marker)})
        with opened_for_workers(host, store=store, settings={"tick_s": 0.3, "lease_s": 3.0}) as shop:
            name = shop.post(integration_settings__auto_create_products=False)["name"]
            with supervised(shop.host, tmp_path) as crew:
                shop.wait(60)
                marker.write_text(name)
                announce(shop)
                wait_until(lambda: "\n" in marker.read_text(), 60, "the transaction that links")
                os.kill(int(marker.read_text().split("\n")[1]), signal.SIGKILL)
                wait_until(lambda: crew.deaths == 1, 60, "the death")
                assert linked(shop) == 0
                assert len(shop.rows("added_skus")) == 1
                marker.unlink()
                wait_until(lambda: linked(shop) == len(SKUS), 60, "the links")
                assert shop.rows("added_skus") == []


def announce(shop: Shop) -> None:
    """As the host adds products."""
    with shop.app.app_context():
        session = shop.host_app.db.session
        session.add_all(shop.host_app.Product(sku=sku, name="Of the host") for sku in SKUS)
        products_added(session, SKUS)
        session.commit()


def linked(shop: Shop) -> int:
    return sum(row.link_source == "auto" for row in shop.rows("variants", "link_source"))
