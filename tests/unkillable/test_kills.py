"""Workers that are killed for reasons of their own: nothing is left out, and few requests are made twice."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from bigcommerce_integration.sandbox import SandboxStore
from bigcommerce_integration.sandbox.records.refunds.maker import AWKWARD_KINDS

from ..host_app import bearer
from ..processes import wait_until
from ..services import fresh_database
from ..shop import URL, Shop, opened_for_workers, redis_place
from ..worker_host import WorkerHost
from .forked import Supervised, supervised

CONCURRENCY = 3
# The highest id and the store's information, and how many orders there are.
NO_PAGES = 2 + 3


@dataclass(frozen=True)
class Case:
    """How large the store is, how slow, and how often its workers are killed at most so many seconds apart."""

    records: int
    page_size: int
    latency_ms: float
    kills: int
    longest_s: float
    seed: int

    @property
    def least(self) -> int:
        """The requests that nobody can do without; two records of a page of orders are its neighbours."""
        return ceil(self.records / self.page_size) + ceil(self.records / (self.page_size - 2)) + NO_PAGES


SHORT = Case(records=1500, page_size=50, latency_ms=100, kills=3, longest_s=6, seed=0)
LONG = [Case(records=20_000, page_size=250, latency_ms=300, kills=12, longest_s=8, seed=seed) for seed in (1, 2, 3)]


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(SHORT, id="short"),
        *(pytest.param(case, id=f"seed {case.seed}", marks=pytest.mark.slow) for case in LONG),
    ],
)
def test_kills_at_random_leave_nothing_out(case: Case, tmp_path: Path) -> None:
    store = SandboxStore(case.records, case.records, awkward=False)
    settings = {"page_size": case.page_size, "concurrency": CONCURRENCY, "lease_s": 3.0, "tick_s": 0.3}
    with fresh_database("postgresql", tmp_path) as url, redis_place() as (broker_url, namespace):
        host = WorkerHost(url, broker_url, namespace)
        with opened_for_workers(host, store=store, settings=settings, latency_ms=case.latency_ms) as shop:
            shop.post()
            shop.server.requests.clear()
            with supervised(shop.host, tmp_path) as crew:
                kill_at_random(shop, crew, case)
                shop.wait(600)
            assert crew.deaths == case.kills
            assert shop.rows("rejected_records", "bigcommerce_id", "reason") == []
            assert {refresh["results"]["rejected"] for refresh in shop.refreshes()} == {0}
            shop.assert_exact()
            # For each time that a refresh was taken up again: the pages under way, and the store's information.
            claims = sum(row.epoch for row in shop.rows("leases", "resource", "epoch") if row.resource != "refunds")
            seen, again = shop.server.requests.count, (CONCURRENCY + 1) * (claims - 2)
            assert seen <= 1.2 * case.least + again, (seen, case.least, claims)


def kill_at_random(shop: Shop, crew: Supervised, case: Case) -> None:
    """Kill the worker process now and then, and take from the broker all that it holds."""
    random = Random(case.seed)
    for _ in range(case.kills):
        time.sleep(random.uniform(0.1, case.longest_s))
        pid = int(re.findall(r"begun (\d+)", crew.text())[-1])
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        empty(shop)


def empty(shop: Shop) -> None:
    """All messages of the broker are gone."""
    client = shop.broker.client
    for key in client.scan_iter(f"{shop.broker.namespace}*", count=1000):
        client.delete(key)


@pytest.mark.slow
def test_kills_of_a_creation_make_each_product_once(tmp_path: Path) -> None:
    """The worker is killed whenever some more products are there: none is made twice, none is left out."""
    store = SandboxStore(3000, 1, awkward=False)
    with fresh_database("postgresql", tmp_path) as url, redis_place() as (broker_url, namespace):
        host = WorkerHost(url, broker_url, namespace)
        with opened_for_workers(host, store=store, settings={"lease_s": 3.0, "tick_s": 0.3}) as shop:
            shop.post(integration_settings__auto_create_products=False, integration_settings__auto_link_products=False)
            with supervised(shop.host, tmp_path) as crew:
                shop.wait(300)
                path = f"{URL}/{shop.instances[0]['id']}"
                client, headers = shop.app.test_client(), bearer(shop.app)
                answer = client.post(f"{path}/products/create", json={"all": True}, headers=headers)
                assert answer.status_code == 202, answer.json
                refresh = f"{path}/refreshes/{answer.json['data']['id']}"
                made = kill_at_progress(lambda: client.get(refresh, headers=headers).json["data"], crew, 3)
            assert crew.deaths == 3
            skus = [sku for (sku,) in shop.rows("variants", "sku_key") if sku]
            products = shop.host_app.scalars(shop.app, select(shop.host_app.Product.sku))
            assert sorted(products) == sorted(skus)
            assert made["results"]["products_created"] == made["results"]["fetched"] == len(skus)
            assert {source for (source,) in shop.rows("variants", "link_source")} == {"created"}


@pytest.mark.slow
@pytest.mark.parametrize("database", ["postgresql", "mariadb"])
def test_kills_while_refunds_are_read_leave_none_out(database: str, tmp_path: Path) -> None:
    """The list grows meanwhile, as that of a store does: what came too late the next refresh brings."""
    store = SandboxStore(5, 60, awkward=True)
    random = Random(1)
    for _ in range(400):
        store.create_refund(random.choice(store.order_ids), kind=random.choice(AWKWARD_KINDS))
    settings = {"page_size": 20, "concurrency": 2, "lease_s": 3.0, "tick_s": 0.3}
    with fresh_database(database, tmp_path) as url, redis_place() as (broker_url, namespace):
        host = WorkerHost(url, broker_url, namespace)
        with opened_for_workers(host, store=store, settings=settings) as shop:
            shop.post()
            with supervised(shop.host, tmp_path) as crew:
                shop.wait(300)
                shop.server.latency_ms = 200
                path = f"{URL}/{shop.instances[0]['id']}"
                client, headers = shop.app.test_client(), bearer(shop.app)
                answer = client.post(f"{path}/refunds/refresh", json={"mode": "full"}, headers=headers)
                assert answer.status_code == 202, answer.json
                refresh = f"{path}/refreshes/{answer.json['data']['id']}"

                def read() -> dict[str, Any]:
                    data: dict[str, Any] = client.get(refresh, headers=headers).json["data"]
                    if data["results"]["fetched"] and len(store.refund_ids) < 440:
                        store.create_refund(random.choice(store.order_ids))
                    return data

                kill_at_progress(read, crew, 5)
                assert crew.deaths >= 2, "one that is dead already is not killed again"
                shop.server.latency_ms = 0
                answer = client.post(f"{path}/orders/refresh", json={"mode": "full"}, headers=headers)
                shop.instances[0]["refreshes"].append(answer.json["data"])
                shop.wait(120)
            shop.assert_exact()
            assert len(shop.rows("refunds")) == len(store.refund_ids)


def kill_at_progress(read: Callable[[], dict[str, Any]], crew: Supervised, kills: int) -> dict[str, Any]:
    """Kill a worker process after each step of the refresh that ``read`` reads, so often; the refresh at its end."""
    before, killed = 0, list[int]()

    def has_ended() -> bool:
        nonlocal before
        data = read()
        done, newest = data["results"]["fetched"], int(re.findall(r"begun (\d+)", crew.text())[-1])
        # What it had committed before it died may be read only now: that is no step of the next one.
        is_new = newest not in killed[-1:]
        if len(killed) < kills and done > before and is_new and data["status"] == "processing":
            before = done
            killed.append(newest)
            with suppress(ProcessLookupError):
                os.kill(newest, signal.SIGKILL)
        return data["status"] == "completed"

    wait_until(has_ended, 300, "the end of the job", every_s=0.01)
    return read()
