"""Workers that are killed while they apply and undo a link import: each row is done once, and none is left out."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import insert, select

from bigcommerce_integration.sandbox import SandboxStore

from ..host_app import bearer
from ..services import fresh_database
from ..shop import URL, Shop, opened_for_workers, redis_place
from ..waiting import wait_until
from ..web.mirrored import NOON
from ..worker_host import WorkerHost
from .forked import Supervised, supervised

VARIANTS = 6000
KILLS = 5
# Above the ids of the store's own.
FIRST = 1_000_000


@pytest.mark.ci
def test_killed_workers_leave_no_row_of_an_import_out(tmp_path: Path) -> None:
    with fresh_database("postgresql", tmp_path) as url, redis_place() as (broker_url, namespace):
        host = WorkerHost(url, broker_url, namespace)
        settings = {"lease_s": 3.0, "tick_s": 0.3}
        with opened_for_workers(host, store=SandboxStore(1, 1), settings=settings) as shop:
            instance_id = shop.post()["id"]
            with supervised(shop.host, tmp_path) as crew:
                shop.wait(60)
                add_variants(shop, instance_id)
                path = f"{URL}/{instance_id}/links/imports"
                text = "variant_id,host_sku\n" + "".join(f"{FIRST + each},H-{each}\n" for each in range(VARIANTS))
                answer = ask(shop, "POST", path, data=text, content_type="text/csv")
                path = f"{path}/{answer['id']}"
                kill_until(crew, lambda: ask(shop, "GET", path)["status"] == "ready")
                assert ask(shop, "GET", path)["good"] == VARIANTS
                ask(shop, "POST", f"{path}/apply")
                kill_until(crew, lambda: ask(shop, "GET", path)["status"] == "applied")
                assert ask(shop, "GET", path)["applied"] == VARIANTS
                assert links(shop) == {(FIRST + each, f"H-{each}", "manual") for each in range(VARIANTS)}
                ask(shop, "POST", f"{path}/undo")
                kill_until(crew, lambda: ask(shop, "GET", path)["status"] == "undone")
                assert ask(shop, "GET", path)["undone"] == VARIANTS
                assert links(shop) == set()
            assert crew.deaths >= 2 * KILLS
            changes = [
                json.loads(row.changes) for row in shop.rows("history", "action", "changes") if row.action == "link"
            ]
            changed = [each["variant"] for change in changes for each in change["links"]]
            # Applied once and undone once.
            assert sorted(changed) == sorted([FIRST + each for each in range(VARIANTS)] * 2)


def add_variants(shop: Shop, instance_id: int) -> None:
    """Of the store and of the host, by different SKUs."""
    stored = {"instance_id": instance_id, "bigcommerce_product_id": FIRST, "content_hash": "x", "observed_at": NOON}
    rows = [stored | {"bigcommerce_id": FIRST + each, "change_number": 0} for each in range(VARIANTS)]
    for begin in range(0, VARIANTS, 1000):
        shop.execute(insert(shop.tables.variants).values(rows[begin : begin + 1000]))
        skus = [{"sku": f"H-{each}", "name": "x"} for each in range(begin, begin + 1000)]
        shop.execute(insert(shop.host_app.Product).values(skus))


def ask(shop: Shop, method: str, path: str, **options: Any) -> dict[str, Any]:
    """What the answer has as its data."""
    answer = shop.app.test_client().open(path, method=method, headers=bearer(shop.app), **options)
    assert answer.status_code in (200, 202), answer.json
    data: dict[str, Any] = answer.json["data"]
    assert data["status"] != "failed", data
    return data


def kill_until(crew: Supervised, is_done: Callable[[], bool]) -> None:
    """Kill the worker process now and then, at most ``KILLS`` times."""
    random = Random(7)
    for _ in range(KILLS):
        time.sleep(random.uniform(0.05, 0.6))
        pid = int(re.findall(r"begun (\d+)", crew.text())[-1])
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        if is_done():
            return
    wait_until(is_done, 120, "the import")


def links(shop: Shop) -> set[tuple[int, str, str]]:
    """The variants that are linked, with the host's SKU."""
    variants, product = shop.tables.variants, shop.host_app.Product
    statement = select(variants.c.bigcommerce_id, product.sku, variants.c.link_source).join(
        product, product.id == variants.c.host_product_id
    )
    with shop.app.app_context():
        rows = shop.host_app.db.session.execute(statement.where(variants.c.bigcommerce_id >= FIRST)).all()
        shop.host_app.db.session.rollback()
        return {tuple(row) for row in rows}
