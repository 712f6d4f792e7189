"""Slices, crashes and the ends of a refresh: the same rows come of every way there."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from math import ceil
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from bigcommerce_integration.refresh.job.lease import Lease
from bigcommerce_integration.refresh.lifecycle import transitions
from bigcommerce_integration.refresh.lifecycle.claim import Outcome
from bigcommerce_integration.refresh.linking import passes
from bigcommerce_integration.refresh.read import walker
from bigcommerce_integration.refresh.read.crash_guard import GIVE_UP_AFTER, MOST_QUARANTINED
from bigcommerce_integration.refresh.run import phases, products
from bigcommerce_integration.refresh.write import apply
from bigcommerce_integration.refresh.write.page import DEATHS
from bigcommerce_integration.sandbox import SandboxStore

from .conftest import Connect, Mirror

FIELDS = ("fetched", "created", "updated", "unchanged", "rejected")


def test_both_refreshes_mirror_the_store_exactly(connect_any: Connect):
    mirror = connect_any(SandboxStore(60, 80)).completed()
    mirror.assert_mirrors_the_store()
    for resource, count in (("products", 60), ("orders", 80)):
        refresh = mirror.refresh(resource)
        assert [refresh[name] for name in FIELDS] == [count, count, 0, 0, 0]
        assert (refresh["progress_percentage"], refresh["total"]) == (100, count)
        # Blank SKUs and the like cannot be linked.
        assert refresh["message"].startswith("Completed.")
        assert refresh["open_key"] is refresh["checkpoint"] is refresh["resume_at"] is None
        assert refresh["started_at"] <= refresh["finished_at"]
    assert mirror.rows("hints") == []
    assert mirror.instance()["status"] == "active"
    assert mirror.instance()["store_timezone"] == "America/Chicago"


@pytest.fixture(scope="module")
def thousand() -> SandboxStore:
    """A thousand plain products and orders that no test changes."""
    return SandboxStore(1000, 1000, awkward=False)


@pytest.mark.ci
@pytest.mark.parametrize("concurrency", [1, 3, 8])
def test_a_thousand_records_cost_the_fewest_requests(connect: Connect, thousand: SandboxStore, concurrency: int):
    mirror = connect(
        thousand,
        settings={"concurrency": concurrency, "slice_s": 300},
        integration_settings__auto_link_products=False,
    )
    for resource in ("products", "orders"):
        mirror.server.requests.clear()
        mirror.completed(resource)
        seen = mirror.server.requests.count
        assert seen <= ceil(1000 / 248) + concurrency + 4
        assert mirror.refresh(resource)["requests"] == seen
        assert mirror.refresh(resource)["created"] == 1000


@pytest.mark.slow
@pytest.mark.parametrize("concurrency", [1, 3, 8])
@pytest.mark.parametrize("latency_ms", [0, 30])
def test_awkward_store_costs_only_the_necessary_requests(connect: Connect, concurrency: int, latency_ms: int):
    mirror = connect(
        SandboxStore(1000, 1000), settings={"concurrency": concurrency, "slice_s": 300}, latency_ms=latency_ms
    ).completed()
    mirror.assert_mirrors_the_store()
    bound = ceil(1000 / 248) + concurrency + 4
    lines = len(mirror.asked(r"/orders/\d+/products"))
    referenced = len(mirror.asked(r"id%3Ain"))
    seen = {resource: mirror.refresh(resource)["requests"] for resource in ("products", "orders")}
    assert seen["products"] <= bound
    assert seen["orders"] <= bound + lines + referenced
    assert sum(seen.values()) == mirror.server.requests.count


def test_many_slices_do_what_one_does_and_fetch_each_page_once(connect_any: Connect):
    mirror = connect_any(
        SandboxStore(60, 60, awkward=False), settings={"page_size": 10, "slice_s": 0.1, "concurrency": 2}
    ).with_settings(slice_s=0.0001)
    for resource in ("products", "orders"):
        mirror.server.requests.clear()
        slices = 1
        while mirror.advance(resource) is not Outcome.ENDED:
            slices += 1
            assert slices < 60
            # The end comes by what is committed alone, whatever the slice.
            assert mirror.refresh(resource)["status"] == "processing"
        pages = mirror.asked(r"limit=(10|12)\b|id%3Amin|min_id")
        assert len(pages) == len(set(pages)), "no page is asked for twice"
        assert slices >= 3
        assert mirror.refresh(resource)["requests"] == mirror.server.requests.count
        assert mirror.refresh(resource)["fetched"] == mirror.refresh(resource)["created"] == 60
    mirror.assert_mirrors_the_store()


def test_a_stopping_process_ends_its_slice_and_another_goes_on(connect: Connect):
    mirror = connect(SandboxStore(40, 0, awkward=False), settings={"page_size": 10, "concurrency": 1})
    mirror.host.products_changed = lambda session, instance, ids: mirror.engine.stopping.set()
    assert mirror.advance("products") is Outcome.CONTINUE
    # The first page, and the one that was under way while that was stored.
    assert mirror.refresh("products")["fetched"] == 20
    mirror.engine.stopping.clear()
    mirror.host.products_changed = lambda session, instance, ids: None
    mirror.completed("products")
    assert mirror.ids("products") == mirror.store.product_ids
    assert mirror.refresh("products")["created"] == 40


# -- crashes -------------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process is gone: no handler of ours runs, as nothing catches it."""


def killed_in(target: Any, name: str, *, at: int, after: bool) -> Callable[[pytest.MonkeyPatch], None]:
    """The process dies before or after the ``at``-th call of a function."""

    def arm(patch: pytest.MonkeyPatch) -> None:
        original, calls = getattr(target, name), [0]

        def call(*args: Any, **kwargs: Any) -> Any:
            calls[0] += 1
            if calls[0] == at and not after:
                raise Killed
            result = original(*args, **kwargs)
            if calls[0] == at:
                raise Killed
            return result

        patch.setattr(target, name, call)

    return arm


CRASHES = {
    "before the store is asked": killed_in(walker.Walker, "_survey", at=1, after=False),
    "before the first page is stored": killed_in(walker.Walker, "store", at=1, after=False),
    "in a page, after its lease": killed_in(Lease, "renew", at=2, after=True),
    "in the third page, before its rows": killed_in(apply, "_write", at=3, after=False),
    "in the third page, before its commit": killed_in(apply, "_write", at=3, after=True),
    "before the third commit": killed_in(Session, "commit", at=5, after=False),
    "after the third commit": killed_in(Session, "commit", at=5, after=True),
    "after a commit, before the memory of it": killed_in(walker, "replace", at=4, after=True),
    "after a page is stored": killed_in(walker.Walker, "store", at=2, after=True),
    "when all is walked": killed_in(phases, "walk", at=1, after=True),
    "in the linking": killed_in(passes, "link_pass", at=1, after=True),
    "before the end": killed_in(phases, "finish", at=1, after=False),
    "in the end": killed_in(transitions, "_end", at=1, after=False),
    "in the end, before its commit": killed_in(transitions, "_end", at=1, after=True),
}


def expire_leases(mirror: Mirror) -> None:
    """As if the lease's time had passed since its holder died."""
    leases = mirror.engine.tables.leases
    mirror.execute(update(leases).values(expires_at=None, owner=None))


@pytest.mark.parametrize("crash", CRASHES)
def test_worker_death_anywhere_changes_no_row_and_no_counter(connect: Connect, crash: str):
    mirror = connect(
        SandboxStore(40, 40),
        settings={"page_size": 15, "concurrency": 2},
        integration_settings__auto_create_products=True,
    )
    told: dict[str, list[int]] = {"products": [], "orders": []}
    mirror.host.orders_changed = lambda session, instance, ids: told["orders"].extend(ids)
    with pytest.MonkeyPatch.context() as patch:
        CRASHES[crash](patch)
        deaths = 0
        for resource in ("products", "orders"):
            try:
                mirror.run(resource)
            except Killed:
                deaths += 1
        assert deaths >= 1
    expire_leases(mirror)
    for resource in ("products", "orders"):
        if mirror.refresh(resource)["status"] != "completed":
            mirror.completed(resource)
        assert [mirror.refresh(resource)[name] for name in FIELDS] == [40, 40, 0, 0, 0]
    mirror.assert_mirrors_the_store()
    skus = [row["sku_key"] for row in mirror.rows("variants") if row["link_source"] == "created"]
    assert sorted(mirror.host_products().values()) == sorted(skus)
    assert mirror.refresh("products")["products_created"] == len(skus)


def test_who_dies_inside_the_host_leaves_nothing_behind(connect_any: Connect):
    mirror = connect_any(SandboxStore(20, 0, awkward=False), integration_settings__auto_create_products=True)
    original, deaths = mirror.host.create_products, []

    def die(*args: Any) -> Any:
        result = original(*args)
        if not deaths:
            deaths.append(1)
            raise Killed
        return result

    mirror.host.create_products = die
    with pytest.raises(Killed):
        mirror.advance("products")
    assert mirror.host_products() == {}
    expire_leases(mirror)
    mirror.completed("products")
    assert mirror.ids("products") == mirror.store.product_ids
    assert sorted(mirror.host_products().values()) == sorted(row["sku_key"] for row in mirror.rows("variants"))


# -- what nobody expected -----------------------------------------------------------------------------------------


def test_internal_error_is_raised_retried_and_fails_at_last(connect: Connect, monkeypatch: pytest.MonkeyPatch):
    mirror = connect(SandboxStore(3, 0))

    def broken(*args: Any) -> None:
        raise RuntimeError("a mistake with a secret in it")

    monkeypatch.setattr(walker.Walker, "store", broken)
    for attempt in range(1, GIVE_UP_AFTER):
        with pytest.raises(RuntimeError):
            mirror.advance("products")
        refresh = mirror.refresh("products")
        assert (refresh["status"], refresh["attempts"]) == ("processing", attempt)
        assert refresh["resume_at"] is not None
        mirror.let_time_pass("products")
    with pytest.raises(RuntimeError):
        mirror.advance("products")
    refresh = mirror.refresh("products")
    assert refresh["status"] == "failed"
    assert "RuntimeError" in refresh["message"]
    assert "secret" not in refresh["message"]
    assert mirror.advance("products") is Outcome.NOTHING


@pytest.mark.ci
def test_faults_with_progress_between_them_are_not_added_up(connect: Connect, monkeypatch: pytest.MonkeyPatch):
    pages = 2 * GIVE_UP_AFTER
    mirror = connect(SandboxStore(pages, 0, awkward=False), settings={"page_size": 1, "concurrency": 1})
    original, calls = walker.Walker.store, [0]

    def shaky(*args: Any) -> None:
        calls[0] += 1
        if calls[0] % 2 == 0:
            raise RuntimeError
        original(*args)

    monkeypatch.setattr(walker.Walker, "store", shaky)
    for _ in range(pages - 2):
        with pytest.raises(RuntimeError):
            mirror.advance("products")
        assert mirror.refresh("products")["attempts"] == 1
        mirror.let_time_pass("products")
    monkeypatch.undo()
    mirror.completed("products")
    assert mirror.ids("products") == mirror.store.product_ids


def run_with_deaths(mirror: Mirror, resource: str) -> int:
    """Until the refresh has ended; how many workers died."""
    deaths = 0
    while True:
        try:
            if mirror.advance(resource) is Outcome.ENDED:
                return deaths
        except Killed:
            deaths += 1
            expire_leases(mirror)


@pytest.mark.ci
@pytest.mark.parametrize("resource", ["products", "orders"])
@pytest.mark.parametrize("place", [0, 100, -1])
def test_record_that_kills_workers_is_soon_quarantined(connect: Connect, resource: str, place: int):
    store = SandboxStore(180, 180, awkward=False)
    for gone in getattr(store, f"{resource.removesuffix('s')}_ids")[98:110:2]:
        getattr(store, f"delete_{resource.removesuffix('s')}")(gone)
    mirror = connect(store, settings={"concurrency": 2})
    ids = list(getattr(store, f"{resource.removesuffix('s')}_ids"))
    deadly = ids[place]

    def changed(session: Session, instance: Any, changed_ids: list[int]) -> None:
        if deadly in changed_ids:
            raise Killed

    setattr(mirror.host, f"{resource}_changed", changed)
    deaths = run_with_deaths(mirror, resource)
    refresh = mirror.refresh(resource)
    assert refresh["status"] == "completed"
    assert (refresh["created"], refresh["rejected"], refresh["fetched"]) == (len(ids) - 1, 1, len(ids))
    assert mirror.ids(resource) == [each for each in ids if each != deadly]
    (rejected,) = mirror.rows("rejected_records")
    assert rejected["bigcommerce_id"] == deadly
    records = dict(getattr(store, f"{resource.removesuffix('s')}_records")())
    assert rejected["payload"].decode() == records[deadly]
    # At most eight until it is found, and three when it is tried again.
    assert deaths <= 11


def test_referenced_product_that_kills_workers_is_quarantined(connect: Connect):
    store = SandboxStore(150, 60, awkward=False, now=datetime(2026, 1, 1, tzinfo=UTC))
    mirror = connect(store, integration_settings__start_date="2025-12-01").completed("products")
    deadly: list[int] = []

    def changed(session: Session, instance: Any, changed_ids: list[int]) -> None:
        deadly[:] = deadly or [changed_ids[len(changed_ids) // 2]]
        if deadly[0] in changed_ids:
            raise Killed

    mirror.host.products_changed = changed
    assert run_with_deaths(mirror, "orders") <= 15
    refresh = mirror.refresh("orders")
    assert (refresh["status"], refresh["rejected"]) == ("completed", 1)
    assert refresh["referenced"] >= 10
    (rejected,) = mirror.rows("rejected_records")
    assert [rejected["bigcommerce_id"]] == deadly
    assert rejected["reason"] == DEATHS.reason
    lines = {line["bigcommerce_product_id"] for line in mirror.rows("order_lines")} - {0, None}
    assert {each for each in lines if each in set(store.product_ids)} - set(mirror.ids("products")) == set(deadly)


@pytest.mark.ci
def test_deaths_that_no_record_is_to_blame_for_end_the_refresh(connect: Connect, monkeypatch: pytest.MonkeyPatch):
    mirror = connect(SandboxStore(60, 60, awkward=False), settings={"page_size": 20})

    def die(*args: Any) -> None:
        raise Killed

    mirror.host.orders_changed = die
    assert run_with_deaths(mirror, "orders") <= 6 * MOST_QUARANTINED
    refresh = mirror.refresh("orders")
    assert (refresh["status"], refresh["rejected"]) == ("failed", MOST_QUARANTINED)
    assert "Find out what kills them" in refresh["message"]
    monkeypatch.setattr(products, "link", die)
    assert run_with_deaths(mirror, "products") == GIVE_UP_AFTER + 1, "the first came after progress"
    assert mirror.refresh("products")["status"] == "failed"


def test_a_checkpoint_of_another_version_starts_the_walk_over(connect: Connect):
    mirror = connect(SandboxStore(30, 0, awkward=False), settings={"page_size": 10, "concurrency": 1})
    mirror.with_settings(slice_s=0.0001)
    while not mirror.ids("products"):
        mirror.advance("products")
    refreshes = mirror.engine.tables.refreshes
    text = mirror.refresh("products")["checkpoint"]
    changed = json.dumps({**json.loads(text), "version": 99})
    mirror.execute(update(refreshes).where(refreshes.c.id == mirror.refreshes["products"]).values(checkpoint=changed))
    before = len(mirror.ids("products"))
    mirror.completed("products")
    refresh = mirror.refresh("products")
    assert (refresh["created"], refresh["unchanged"]) == (30, before)


def test_a_refresh_that_ended_is_left_alone(connect: Connect):
    mirror = connect(SandboxStore(2, 2)).completed()
    mirror.server.requests.clear()
    assert mirror.advance("products") is Outcome.NOTHING
    assert not mirror.asked()


def test_refresh_ended_from_outside_stops_before_its_next_page(connect: Connect):
    mirror = connect(SandboxStore(30, 0, awkward=False), settings={"page_size": 10, "concurrency": 1})
    refreshes = mirror.engine.tables.refreshes
    pages: list[int] = []

    def cancel(session: Session, instance: Any, ids: list[int]) -> None:
        pages.append(len(ids))
        session.execute(update(refreshes).values(status="cancelled"))

    mirror.host.products_changed = cancel
    assert mirror.advance("products") is Outcome.CANCELLED
    assert pages == [10]
    assert mirror.refresh("products")["status"] == "cancelled"
    assert [row["owner"] for row in mirror.rows("leases")] == [None, None], "the next refresh need not wait"


def test_an_unknown_refresh_is_nothing_to_do(connect: Connect):
    mirror = connect()
    mirror.refreshes["products"] = 987654
    assert mirror.advance("products") is Outcome.NOTHING
