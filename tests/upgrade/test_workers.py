"""Workers of 0.1.0 and of this version at once, as a deploy has them: each goes on with what the other has begun."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import update

from bigcommerce_integration.models import db_now
from bigcommerce_integration.sandbox import SandboxStore

from ..customers import WITH_CUSTOMERS, CustomerList
from ..host_app import bearer
from ..processes import ROOT, Workers, commands, wait_until
from ..shop import URL, Shop, opened_on_servers
from .old_code import NoHistory, unpack

PAGE_SIZE, RECORDS = 10, 600
SETTINGS = {"page_size": PAGE_SIZE, "concurrency": 2, "lease_s": 3.0, "tick_s": 0.5}

WITHOUT_FEES = r"bigcommerce_orders \d+: not equal to the store: payload"
"""What 0.1.0 leaves of orders: it does not ask for their fees."""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The code of 0.1.0, if this is a clone with its history."""
    try:
        return unpack(tmp_path)
    except NoHistory as reason:
        pytest.skip(f"needs the code of 0.1.0: {reason}")


def started(stack: ExitStack, shop: Shop, directory: Path, code: Path, mirrored: str = "") -> Workers:
    (workers,) = stack.enter_context(commands(shop.host, directory, 1, code=code, mirrored=mirrored))
    return workers


@pytest.mark.slow
@pytest.mark.parametrize("database", ["postgresql", "mariadb"])
def test_old_and_new_workers_take_over_from_each_other(old: Path, database: str, tmp_path: Path) -> None:
    store = SandboxStore(RECORDS, 40, awkward=False)
    with ExitStack() as stack:
        shop = stack.enter_context(
            opened_on_servers(database, "redis", tmp_path, store=store, latency_ms=250, settings=SETTINGS)
        )
        shop.post()
        for code in (old, ROOT):
            workers = started(stack, shop, tmp_path, code)
            wait_more_fetched(shop)
            # In the middle of a page: the next one goes on.
            workers.kill()
        crew = [started(stack, shop, tmp_path, old)]
        wait_more_fetched(shop)
        crew.append(started(stack, shop, tmp_path, ROOT))
        shop.wait(120)
        shop.assert_exact(but_for=WITHOUT_FEES)
        for seed in range(3):
            edited_and_refreshed(shop, Random(seed))
        shop.assert_exact(but_for=WITHOUT_FEES)
        for workers in crew:
            assert workers.master.poll() is None, workers.text()
        crew[0].kill()
        edited_and_refreshed(shop, Random(3))
        shop.assert_exact()


@pytest.mark.slow
@pytest.mark.parametrize("database", ["postgresql", "mariadb"])
def test_new_collection_begins_once_the_old_worker_has_ended(old: Path, database: str, tmp_path: Path) -> None:
    customers = CustomerList.of(60)
    store = customers.store(products=60, orders=20)
    with ExitStack() as stack:
        shop = stack.enter_context(
            opened_on_servers(database, "redis", tmp_path, store=store, settings=SETTINGS, registry=WITH_CUSTOMERS)
        )
        crew = [started(stack, shop, tmp_path, old), started(stack, shop, tmp_path, ROOT, "customers")]
        shop.post()
        shop.wait(60)
        for seed in range(3):
            edited_and_refreshed(shop, Random(seed))
        assert shop.rows("leases", "resource").count(("customers",)) == 0
        crew[0].kill()
        workers = shop.tables.workers
        # A minute passes.
        shop.execute(update(workers).where(workers.c.version.is_(None)).values(last_tick_at=db_now(-61)))
        # Workers look once a minute for stores that lack a collection.
        wait_until(lambda: shop.rows("customers", "bigcommerce_id") != [], 150, "the new collection")
        wait_until(lambda: ("customers", "completed") in shop.rows("refreshes", "resource", "status"), 30, "its end")
        assert len(shop.rows("customers")) == len(customers.records)
        assert len(shop.rows("addresses")) == 2 * len(customers.records)
        assert crew[1].master.poll() is None, crew[1].text()
        assert "KeyError" not in crew[0].text(), "it has never met what it does not know"


@pytest.mark.slow
@pytest.mark.parametrize("database", ["postgresql", "mariadb"])
def test_refunds_begin_once_the_old_worker_has_ended(old: Path, database: str, tmp_path: Path) -> None:
    store = SandboxStore(60, 120, awkward=False)
    with ExitStack() as stack:
        shop = stack.enter_context(opened_on_servers(database, "redis", tmp_path, store=store, settings=SETTINGS))
        crew = [started(stack, shop, tmp_path, old), started(stack, shop, tmp_path, ROOT)]
        shop.post()
        shop.wait(60)
        edited_and_refreshed(shop, Random(1))
        assert shop.rows("leases", "resource").count(("refunds",)) == 0
        crew[0].kill()
        workers = shop.tables.workers
        # A minute passes.
        shop.execute(update(workers).where(workers.c.version.is_(None)).values(last_tick_at=db_now(-61)))
        wait_until(lambda: ("refunds", "completed") in shop.rows("refreshes", "resource", "status"), 180, "the refunds")
        store.create_refund(store.order_ids[-1])
        edited_and_refreshed(shop, Random(2))
        shop.wait(60)
        shop.assert_exact()
        assert len(shop.rows("refunds")) == len(store.refund_ids)
        assert crew[1].master.poll() is None, crew[1].text()
        assert "KeyError" not in crew[0].text(), "it has never met what it does not know"


def wait_more_fetched(shop: Shop) -> None:
    """Until whoever works now has written some pages of products, from where the one before has stopped."""
    (products, _) = shop.refreshes()
    shop.wait_fetched(products["results"]["fetched"] + 3 * PAGE_SIZE)


def edited_and_refreshed(shop: Shop, rng: Random) -> None:
    """Change products and orders, and refresh all: whoever has a hand free."""
    for _ in range(10):
        shop.store.edit_product(rng.choice(shop.store.product_ids), name=f"Vase {rng.random()}")
        shop.store.edit_order(rng.choice(shop.store.order_ids), staff_notes=f"note {rng.random()}")
    (instance,) = shop.instances
    client, headers = shop.app.test_client(), bearer(shop.app)
    for resource in ("products", "orders"):
        path = f"{URL}/{instance['id']}/{resource}/refresh"
        answer = client.post(path, json={"mode": "full"}, headers=headers)
        assert answer.status_code == 202, answer.text
        instance["refreshes"].append(answer.json["data"])
    wait_until(lambda: set(shop.statuses()) == {"completed"}, 120, "the refreshes", every_s=0.2)
