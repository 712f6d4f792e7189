"""Stores that break again and again, in every way at once: all rows come, and nothing is asked more than it takes."""

from __future__ import annotations

from math import ceil

import pytest

from bigcommerce_integration.sandbox import SandboxStore

from .conftest import Connect

PAGE_SIZE, CONCURRENCY, RECORDS = 16, 3, 130
STORM = (
    ("status", {"status": 500}),
    ("html", {"status": 502}),
    ("html", {"status": 503}),
    ("429", {}),
    ("429_bare", {}),
    ("reset", {}),
    ("cut", {}),
    ("cut_reset", {}),
    ("cut_json", {}),
)


@pytest.mark.ci
@pytest.mark.usefixtures("quick_retries")
@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_a_storm_of_everything_costs_no_row_and_few_requests(connect: Connect, seed: int):
    store = SandboxStore(RECORDS, RECORDS, awkward=False, seed=seed, window_s=0.03)
    rules = [store.faults.add(kind, times=None, probability=0.05, **options) for kind, options in STORM]
    mirror = connect(store, settings={"page_size": PAGE_SIZE, "concurrency": CONCURRENCY}).completed()
    mirror.assert_mirrors_the_store()
    spoilt = sum(rule.done for rule in rules)
    assert spoilt > 10
    assert {rule.done > 0 for rule in rules[:3]} == {True}
    walks = 2 * (ceil(RECORDS / (PAGE_SIZE - 2)) + CONCURRENCY + 4)
    assert mirror.server.requests.count <= walks + spoilt
    for resource in ("products", "orders"):
        assert mirror.refresh(resource)["created"] == mirror.refresh(resource)["fetched"] == RECORDS


@pytest.mark.parametrize("resource", ["products", "orders"])
def test_revoked_token_fails_the_refresh_and_a_new_one_goes_on(connect: Connect, resource: str):
    mirror = connect(SandboxStore(60, 60, awkward=False), settings={"page_size": 10, "concurrency": 2})
    mirror.store.faults.add("401", "v2/store|id%3Amin|min_id", after=3, times=None)
    mirror.run(resource)
    refresh = mirror.refresh(resource)
    assert refresh["status"] == "failed"
    assert "Enter a valid one" in refresh["message"]
    assert mirror.instance()["status"] == "needs_attention"
    assert 0 < len(mirror.ids(resource)) == refresh["fetched"] < 60
    assert mirror.server.requests.statuses[401] <= 2 + 2, "what was under way, the store's information, and once more"
    mirror.store.faults.clear()
    mirror.again(resource, mode="initial")
    assert mirror.ids(resource) == getattr(mirror.store, f"{resource.removesuffix('s')}_ids")
    assert mirror.instance()["status"] == "active"


@pytest.mark.slow
@pytest.mark.parametrize("tells", [True, False])
def test_refresh_waits_when_the_quota_is_used_up(connect: Connect, tells: bool):
    store = SandboxStore(30, 30, awkward=False, quota=20, window_s=4)
    store.switches.rate_limit_headers = store.switches.retry_after = tells
    store.use_quota(20)
    mirror = connect(store, settings={"page_size": 16, "concurrency": 2}).completed()
    mirror.assert_mirrors_the_store()
    # Told, the first refusal is the last; else it is asked after 1, 2 and 4 seconds, by each of two refreshes.
    assert 1 <= mirror.server.requests.statuses[429] <= (2 if tells else 8)
