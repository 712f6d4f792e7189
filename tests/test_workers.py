"""Worker processes that are killed, frozen and stopped: the work goes on, and the rows are the store's."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bigcommerce_integration.sandbox import SandboxStore

from .processes import Workers, commands, wait_until, workers
from .shop import Shop, opened_on_servers

LEASE_S, TICK_S = 3.0, 0.5
# What a loaded machine may take on top.
MARGIN_S = 4.0
CONCURRENCY, PAGE_SIZE, RECORDS = 2, 10, 400
SETTINGS = {"page_size": PAGE_SIZE, "concurrency": CONCURRENCY, "lease_s": LEASE_S, "tick_s": TICK_S}


@contextmanager
def slow_shop(
    directory: Path,
    *,
    database: str = "postgresql",
    broker: str = "redis",
    store: SandboxStore | None = None,
    latency_ms: float = 200,
    **settings: Any,
) -> Iterator[Shop]:
    """A store that takes its time, asked for small pages."""
    store = store or SandboxStore(RECORDS, 20, awkward=False)
    with opened_on_servers(
        database, broker, directory, store=store, latency_ms=latency_ms, settings=SETTINGS | settings
    ) as shop:
        yield shop


@contextmanager
def at_work(shop: Shop, directory: Path, count: int) -> Iterator[list[Workers]]:
    """So many worker processes, of which the first is in the middle of the products and the others are still frozen."""
    with commands(shop.host, directory, count) as crew:
        for each in crew[1:]:
            each.freeze()
        shop.post()
        shop.wait_fetched(5 * PAGE_SIZE)
        yield crew


def freeze_between_transactions(shop: Shop, worker: Workers) -> None:
    """Freeze it, but not while it holds locks: what then happens is another test's matter."""

    def open_since() -> set[tuple[int, Any]]:
        sessions = (
            "SELECT pid, xact_start FROM pg_stat_activity WHERE xact_start IS NOT NULL "
            "AND datname = current_database() AND pid <> pg_backend_pid()"
        )
        with shop.app.app_context(), shop.host_app.db.engine.connect() as connection:
            return {(row.pid, row.xact_start) for row in connection.execute(text(sessions))}

    for _ in range(50):
        worker.freeze()
        before = open_since()
        time.sleep(0.3)
        if not before & open_since():
            return
        worker.wake()
        time.sleep(0.1)
    raise AssertionError("it is in a transaction all the time")


def asked_for_products(shop: Shop) -> int:
    return sum("/catalog/products?" in page for page in shop.pages_asked())


def goes_on(shop: Shop, within_s: float) -> float:
    """Seconds until the store is asked for a further page of products."""
    asked = asked_for_products(shop)
    return wait_until(lambda: asked_for_products(shop) > asked, within_s, "a further page", every_s=0.02)


def most_pages(records: int, *, kills: int = 0) -> int:
    """The requests that a walk may make: each kill costs what was under way."""
    return math.ceil(records / PAGE_SIZE) + CONCURRENCY + 4 + kills * (CONCURRENCY + 1)


def products_owner(shop: Shop) -> str | None:
    """Who has the lease on products."""
    (owner,) = [row.owner for row in shop.rows("leases", "resource", "owner") if row.resource == "products"]
    return owner


def test_stopped_and_killed_in_the_middle_it_goes_on_elsewhere(tmp_path: Path) -> None:
    # However long the stop takes, enough is left to be killed in the middle of.
    many = SandboxStore(3 * RECORDS, 20, awkward=False)
    with slow_shop(tmp_path, store=many) as shop, at_work(shop, tmp_path, 3) as (first, second, third):
        owner = products_owner(shop)
        second.wake()
        assert first.terminate() < 10
        assert products_owner(shop) != owner, "let go in good order"
        goes_on(shop, 10)
        assert shop.twice_asked() == [], "a stop costs nothing"
        fetched = shop.refreshes()[0]["results"]["fetched"]
        shop.wait_fetched(fetched + 5 * PAGE_SIZE)
        third.wake()
        second.kill()
        assert goes_on(shop, 30) <= LEASE_S + TICK_S + MARGIN_S
        shop.wait(60)
        shop.assert_exact()
        assert asked_for_products(shop) <= most_pages(3 * RECORDS, kills=1)


# Long


@pytest.mark.slow
def test_frozen_past_its_lease_its_late_page_does_not_land(tmp_path: Path) -> None:
    with slow_shop(tmp_path) as shop, at_work(shop, tmp_path, 2) as (first, second):
        second.wake()
        shop.server.pause()
        time.sleep(0.5)
        freeze_between_transactions(shop, first)
        # What it asked for is answered, and then is old.
        shop.server.resume()
        time.sleep(0.5)
        for product_id in shop.store.product_ids:
            shop.store.edit_product(product_id, name=f"Renamed {product_id}")
        shop.wait(60)
        done = rows(shop)
        first.wake()
        # It asks whether its refresh goes on, or begins to store its page: either way it finds itself too late.
        too_late = "has passed to another worker", "was ended by somebody else"
        wait_until(lambda: any(each in first.text() for each in too_late), 15, "the late page")
        time.sleep(0.5)
        assert rows(shop) == done
        assert set(shop.statuses()) == {"completed"}
        new = [payload for _, payload, *_ in done if "Renamed" in payload]
        assert len(new) > 100, "the others were read when they were renamed"


def rows(shop: Shop) -> list[Any]:
    return sorted(shop.rows("products", "bigcommerce_id", "payload", "change_number", "observed_at"))


@pytest.mark.slow
@pytest.mark.parametrize(("database", "broker"), [("postgresql", "redis"), ("mariadb", "rabbitmq")])
def test_killed_again_and_again(database: str, broker: str, tmp_path: Path) -> None:
    dice, store = random.Random(database), SandboxStore(5000, 5000)
    with ExitStack() as stack:
        shop = stack.enter_context(
            slow_shop(
                tmp_path, database=database, broker=broker, store=store, latency_ms=1500, page_size=100, concurrency=3
            )
        )
        # One more than there are refreshes: a free one is there at each kill.
        crews = [stack.enter_context(workers(shop.host, tmp_path)) for _ in range(3)]
        shop.post()
        kills: list[float] = []
        while set(shop.statuses()) & {"pending", "processing"}:
            time.sleep(dice.uniform(2, 8))
            kills.append(time.time())
            crews.pop(dice.randrange(3)).kill()
            crews.append(stack.enter_context(workers(shop.host, tmp_path)))
            assert len(kills) < 60, shop.refreshes()
        shop.assert_exact()
        assert len(kills) >= 3
        pages = {name: sum(f"/{name}?" in each for each in shop.pages_asked()) for name in ("products", "orders")}
        for name, page_size in (("products", 100), ("orders", 98)):
            assert pages[name] <= math.ceil(5000 / page_size) + 3 + 4 + len(kills) * 4, (name, kills, pages)
        silent_s = sorted(each for name in ("products", "orders") for each in silences(shop, name, kills))
        # Twice the store's latency, and workers that start beside two others on a busy machine.
        assert silent_s[-1] <= LEASE_S + TICK_S + 10, silent_s


def silences(shop: Shop, resource: str, kills: list[float]) -> list[float]:
    """How long it took from each kill to the next request for a page, where the resource was not yet read to its end.

    Of kills in a row the last one counts: it may have hit whoever had just taken the work up.
    """
    asked = sorted(seen.when for seen in shop.server.requests if seen.path.endswith(f"/{resource}"))
    goes_on = {at: next(when for when in asked if when > at) for at in kills if at < asked[-1]}
    return [when - at for at, when in goes_on.items() if not any(at < other < when for other in kills)]


@pytest.mark.slow
def test_stopped_every_few_seconds(tmp_path: Path) -> None:
    store = SandboxStore(2000, 2000, awkward=False)
    with ExitStack() as stack:
        shop = stack.enter_context(slow_shop(tmp_path, store=store, latency_ms=1000, page_size=50, lease_s=60.0))
        crews = [stack.enter_context(workers(shop.host, tmp_path)) for _ in range(2)]
        shop.post()
        stops = 0
        while set(shop.statuses()) != {"completed"}:
            time.sleep(1)
            assert crews.pop(0).terminate() < 10
            stops += 1
            crews.append(stack.enter_context(workers(shop.host, tmp_path)))
            assert stops < 60, shop.refreshes()
        assert stops >= 3
        shop.assert_exact()
        assert shop.twice_asked() == []


@pytest.mark.slow
def test_the_broker_emptied_every_second(tmp_path: Path) -> None:
    store = SandboxStore(1000, 1000)
    with slow_shop(tmp_path, store=store, page_size=50, slice_s=1.0) as shop:
        with workers(shop.host, tmp_path, processes=2):
            shop.post()
            while set(shop.statuses()) & {"pending", "processing"}:
                shop.broker.flush("bigcommerce")
                time.sleep(1)
        shop.assert_exact()


@pytest.mark.slow
def test_a_worker_process_that_never_made_the_app_loses_nothing(tmp_path: Path) -> None:
    from dataclasses import replace

    with slow_shop(tmp_path, latency_ms=0) as shop:
        with workers(replace(shop.host, makes_app=False), tmp_path) as bare:
            shop.post()
            wait_until(lambda: bare.text().count("undefined actor") >= 2, 20, "the loss of both messages")
            assert shop.statuses() == ["pending", "pending"]
            assert all("No worker is running" in refresh["message"] for refresh in shop.refreshes())
        with workers(shop.host, tmp_path):
            shop.wait(60)
        shop.assert_exact()
