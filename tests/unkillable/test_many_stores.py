"""Many stores at once: workers killed and frozen, a broker emptied, and each store's rows are its own afterwards."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from itertools import cycle
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import func, select

from bigcommerce_integration.sandbox import SandboxStore

from ..many_stores import ManyStores
from ..oracle.links import LinkRules
from ..oracle.truth import truth_of
from ..oracle.verify import verify
from ..processes import wait_until
from ..services import fresh_database
from ..shop import LONG_AGO, Shop, opened_for_workers, redis_place
from ..worker_host import WorkerHost
from .forked import Supervised, supervised
from .test_kills import empty

TOKEN = "the-same-token-for-all-stores"
LEASE_S = 3.0
SETTINGS = {"lease_s": LEASE_S, "tick_s": 0.3, "page_size": 10, "sync_interval_s": 5.0}
NO_LINKS = {"integration_settings__auto_create_products": False, "integration_settings__auto_link_products": False}
INITIAL = 3
"""Refreshes of a store that has just been connected: of products and orders, then of refunds."""


@dataclass
class Troubles:
    """What happens to the workers and the broker, one after the other."""

    shop: Shop
    crews: Sequence[Supervised]
    random: Random
    done: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._next: Iterator[Callable[[], None]] = cycle([self._kill, self._empty, self._freeze])

    def one(self) -> None:
        """The next of them."""
        trouble = next(self._next)
        trouble()
        self.done.append(trouble.__name__)

    def _kill(self) -> None:
        self._send(self._pid(), signal.SIGKILL)

    def _empty(self) -> None:
        empty(self.shop)

    def _freeze(self) -> None:
        """For so long that its leases lapse."""
        pid = self._pid()
        self._send(pid, signal.SIGSTOP)
        time.sleep(LEASE_S + 1)
        self._send(pid, signal.SIGCONT)

    def _pid(self) -> int:
        return int(re.findall(r"begun (\d+)", self.random.choice(self.crews).text())[-1])

    @staticmethod
    def _send(pid: int, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


@pytest.mark.parametrize(
    ("database", "stores", "troubles"),
    [
        pytest.param("postgresql", 6, 3, id="few", marks=pytest.mark.ci),
        pytest.param("postgresql", 100, 12, id="postgresql", marks=pytest.mark.slow),
        pytest.param("mariadb", 100, 12, id="mariadb", marks=pytest.mark.slow),
    ],
)
def test_troubles_with_many_stores_leave_each_exact(database: str, stores: int, troubles: int, tmp_path: Path) -> None:
    with many(database, stores, tmp_path) as (shop, each), working(shop, tmp_path) as crews:
        trouble = Troubles(shop, crews, Random(stores))
        for store in each:
            shop.post(name=store.store_hash, integration_settings__store_hash=store.store_hash, **NO_LINKS)
        for number in range(troubles):
            wait_until(lambda n=number: completed(shop) >= n * INITIAL * stores // (troubles + 1), 300, "progress")
            trouble.one()
        wait_until(lambda: completed(shop) >= INITIAL * stores, 300, "the first refreshes")
        assert_exact(shop, each)
        for store in each:
            change(store)
        assert len(differing(shop, each)) == stores, "each store has changed"
        shop.execute(shop.tables.instances.update().values(is_automatic_sync_enabled=True))
        for _ in range(troubles // 2):
            before = completed(shop)
            wait_until(lambda before=before: completed(shop) > before, 60, "a refresh that has completed")
            trouble.one()
        wait_until(lambda: not differing(shop, each), 300, "the changes of all stores", every_s=1)
        assert_exact(shop, each)
        assert sum(crew.deaths for crew in crews) >= 1
        assert {*trouble.done} == {"_kill", "_empty", "_freeze"}


@contextmanager
def many(database: str, stores: int, directory: Path) -> Iterator[tuple[Shop, list[SandboxStore]]]:
    """A shop whose workers can be processes, and its stores."""
    each = [SandboxStore(15, 15, seed, access_token=TOKEN, awkward=False) for seed in range(1, stores + 1)]
    with ExitStack() as stack:
        url = stack.enter_context(fresh_database(database, directory))
        broker_url, namespace = stack.enter_context(redis_place())
        host = WorkerHost(url, broker_url, namespace)
        options = {"server": ManyStores(each, latency_ms=100), "settings": SETTINGS}
        yield stack.enter_context(opened_for_workers(host, **options)), each


@contextmanager
def working(shop: Shop, directory: Path) -> Iterator[list[Supervised]]:
    """Three worker processes, each made again when it dies."""
    with ExitStack() as stack:
        crews = []
        for name in ("first", "second", "third"):
            (directory / name).mkdir()
            crews.append(stack.enter_context(supervised(shop.host, directory / name)))
        yield crews


def completed(shop: Shop) -> int:
    """How many refreshes have been completed; none may have failed."""
    refreshes = shop.tables.refreshes
    with shop.app.app_context():
        session = shop.host_app.db.session
        failed = session.scalars(select(refreshes.c.message).where(refreshes.c.status.in_(("failed", "cancelled"))))
        assert failed.all() == []
        return int(session.execute(select(func.count()).where(refreshes.c.status == "completed")).scalar_one())


def change(store: SandboxStore) -> None:
    """A product and an order, and make one more of each."""
    store.edit_product(store.product_ids[3], name=f"Changed in {store.store_hash}")
    store.create_product()
    store.edit_order(store.order_ids[3], status_id=2)
    store.create_order()


def differing(shop: Shop, stores: Sequence[SandboxStore]) -> dict[str, list[str]]:
    """What differs from each store, by its hash; those that are the same are left out."""
    rules = LinkRules(auto_link=False, auto_create=False, host_products={})
    found = {}
    with shop.app.app_context(), shop.host_app.db.engine.connect() as connection:
        for instance, store in zip(shop.instances, stores, strict=True):
            since = date.fromisoformat(LONG_AGO)
            options = {"instance_id": instance["id"], "start_date": since, "rules": rules}
            report = verify(connection, truth_of(store), **options, with_refunds=True)
            assert sum(report.compared.values()) > len(store.product_ids) + len(store.order_ids)
            if report.differences:
                found[store.store_hash] = [str(each) for each in report.differences]
    return found


def assert_exact(shop: Shop, stores: Sequence[SandboxStore]) -> None:
    """Each store's rows are the store's, and no record was rejected."""
    assert differing(shop, stores) == {}
    assert shop.rows("rejected_records", "bigcommerce_id", "reason") == []
