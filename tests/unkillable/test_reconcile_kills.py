"""Workers that are killed while they compare and repair: all of the drift is found, and only that is mended."""

from __future__ import annotations

import os
import re
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bigcommerce_integration.sandbox import SandboxStore

from ..host_app import bearer
from ..processes import wait_until
from ..refresh.test_reconcile import ANEW, TABLES, Found, content, drift_of_orders, drift_of_products
from ..shop import URL, Shop, opened_on_servers
from .forked import Supervised, supervised
from .test_kills import kill_at_progress

RECORDS = 240
KILLS = 6
# Each drift is on another page than the last.
APART = 14
EXTRA = 10**9


@dataclass(frozen=True)
class Planted:
    """The shop as those who plant drift see it: its records are some that lie apart."""

    shop: Shop

    @property
    def store(self) -> Any:
        store = self.shop.store
        products, orders = store.product_ids[::APART], store.order_ids[::APART]
        return SimpleNamespace(product_ids=products, products=store.products, order_ids=orders, orders=store.orders)

    def table(self, name: str) -> Any:
        return getattr(self.shop.tables, name)

    def rows(self, name: str) -> list[dict[str, Any]]:
        found = [dict(row._mapping) for row in self.shop.rows(name)]
        return sorted(found, key=lambda row: row.get("bigcommerce_id") or row["id"])

    def row(self, name: str, bigcommerce_id: int) -> dict[str, Any]:
        (found,) = [row for row in self.rows(name) if row["bigcommerce_id"] == bigcommerce_id]
        return found

    def execute(self, statement: Any) -> None:
        self.shop.execute(statement)


@dataclass(frozen=True)
class Caller:
    """Who begins refreshes by the API, and kills the worker meanwhile."""

    shop: Shop
    crew: Supervised

    def ask(self, method: str, path: str, **options: Any) -> Any:
        path = f"{URL}/{self.shop.instances[0]['id']}{path}"
        answer = self.shop.app.test_client().open(path, method=method, headers=bearer(self.shop.app), **options)
        assert answer.status_code in (200, 202), answer.json
        return answer.json["data"]

    def reconciled(self, resource: str, kills: int) -> tuple[int, Found]:
        """The refresh that has compared, killed so often meanwhile, and what it found."""
        begun = self.ask("POST", f"/{resource}/refresh", json={"mode": "reconcile"})["id"]
        kill_at_progress(lambda: self.ask("GET", f"/refreshes/{begun}"), self.crew, kills)
        drift = self.ask("GET", f"/refreshes/{begun}/drift")
        return begun, {each["bigcommerce_id"]: (each["kind"], set(each["columns"])) for each in drift["records"]}

    def repair(self, reconciliation: int) -> None:
        """Killed while it waits for the store, and once more where it has written something before its end."""
        self.shop.server.pause()
        (begun,) = self.ask("POST", f"/refreshes/{reconciliation}/repair")
        path = f"/refreshes/{begun['id']}"
        wait_until(lambda: self.ask("GET", path)["status"] == "processing", 60, "the repair")
        with suppress(ProcessLookupError):
            os.kill(int(re.findall(r"begun (\d+)", self.crew.text())[-1]), signal.SIGKILL)
        self.shop.server.resume()
        kill_at_progress(lambda: self.ask("GET", path), self.crew, 1)


@pytest.mark.slow
@pytest.mark.parametrize(("database", "broker"), [("postgresql", "redis"), ("mariadb", "rabbitmq")])
def test_kills_change_nothing_about_what_is_found(tmp_path: Path, database: str, broker: str) -> None:
    options = {"store": SandboxStore(RECORDS, RECORDS, awkward=False), "latency_ms": 100}
    settings = {"page_size": 10, "concurrency": 2, "lease_s": 3.0, "tick_s": 0.3}
    with opened_on_servers(database, broker, tmp_path, settings=settings, **options) as shop:
        shop.post()
        with supervised(shop.host, tmp_path) as crew:
            shop.wait(300)
            planted, caller = Planted(shop), Caller(shop, crew)
            was = content(planted, *ANEW)
            expected = {"products": drift_of_products(planted), "orders": drift_of_orders(planted)}
            before = content(planted)
            found = {each: caller.reconciled(each, KILLS) for each in expected}
            assert crew.deaths == 2 * KILLS
            assert {each: drift for each, (_, drift) in found.items()} == expected
            assert content(planted) == before, "nothing is written"
            for begun, _ in found.values():
                caller.repair(begun)
            assert crew.deaths >= 2 * KILLS + 2
            assert [caller.reconciled(each, 0)[1] for each in expected] == [{}, {}]
            now = content(planted, *ANEW)
    for name in TABLES:
        assert [row for row in now[name] if row["bigcommerce_id"] < EXTRA] == was[name], name
        assert all(row["deleted_at"] for row in now[name] if row["bigcommerce_id"] >= EXTRA), name
